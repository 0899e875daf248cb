"""Records JACK output ports sample-exactly. A process of its own: ``python -m tests.system.capture``.

Every block is stored at the place its JACK frame number gives it, so a block this recorder missed is
a hole that :class:`Recording` names, and not a shift of everything after it.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import jack
import numpy as np
from numpy.typing import NDArray

from tests.system.children import hurry_this_process, start_child
from tests.system.jack_server import JackServer

READY_WORD = "ready"
STOP_TIMEOUT_S = 20.0
FOLLOW_S = 0.02  # how often ports that came back are looked for


@dataclass(frozen=True)
class Recording:
    """What was heard.

    Attributes
    ----------
    frames : float32, shape (channels, frames).
    first_frame : JACK frame number of ``frames[:, 0]``.
    rate_hz : of the server.
    xruns : told by JACK to the recorder.
    holes : (first JACK frame, frame count) of each run that the recorder itself missed.
    first_ns : CLOCK_MONOTONIC when ``first_frame`` was recorded, within a block.
    connections : (JACK frame, port name) of every connection made, in order.
    """

    frames: NDArray[np.float32]
    first_frame: int
    first_ns: int
    rate_hz: int
    xruns: int
    holes: list[tuple[int, int]]
    connections: list[tuple[int, str]]

    @property
    def mono(self) -> NDArray[np.float32]:
        """Mean of the channels."""
        return self.frames.mean(axis=0)

    def place(self, jack_frame: float) -> int:
        """Where a JACK frame lies in :attr:`frames`."""
        return round(jack_frame - self.first_frame)

    def place_of_ns(self, stamp_ns: int) -> int:
        """Where a CLOCK_MONOTONIC stamp lies in :attr:`frames`, within a block."""
        return round((stamp_ns - self.first_ns) * self.rate_hz / 1e9)


def read_recording(path: Path) -> Recording:
    """What :func:`recording` wrote."""
    about = json.loads(path.with_suffix(".json").read_text())
    about["holes"] = [tuple(hole) for hole in about["holes"]]
    about["connections"] = [tuple(connection) for connection in about["connections"]]
    return Recording(frames=np.load(path), **about)


@contextmanager
def recording(
    server: JackServer, sources: Sequence[str], path: Path, *, limit_s: float = 240.0
) -> Iterator[subprocess.Popen[str]]:
    """Record while the block runs; the file at ``path`` is complete when it ends.

    ``sources`` are regular expressions, one a channel; the first port that matches is connected, and
    connected again should it go away and come back.
    """
    command = [sys.executable, "-m", "tests.system.capture", str(path), "--limit-s", str(limit_s), *sources]
    with path.with_suffix(".log").open("wb") as log:
        process = start_child(command, log, server.environment, talks=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if line.strip() != READY_WORD:
            raise RuntimeError(f"the recorder did not start: {path.with_suffix('.log').read_text()[-800:]}")
        yield process
    finally:
        process.communicate("stop\n", timeout=STOP_TIMEOUT_S)


class _Recorder:
    def __init__(self, client: jack.Client, channels: int, limit_frames: int) -> None:
        self.client = client
        self.rate_hz = client.samplerate
        self.ports = [client.inports.register(f"in_{i + 1}") for i in range(channels)]
        self.frames = np.zeros((channels, limit_frames), np.float32)
        self.frames += 0.0  # touch every page now: a page fault in the callback would be a late block
        self.first_frame = -1
        self.first_ns = 0
        self.end_frame = -1
        self.xruns = 0
        self.holes: list[tuple[int, int]] = []
        self.connections: list[tuple[int, str]] = []

    def process(self, block_frames: int) -> None:
        now = self.client.last_frame_time
        if self.first_frame < 0:
            self.first_frame = self.end_frame = now
            self.first_ns = time.monotonic_ns()
        if now > self.end_frame:
            self.holes.append((self.end_frame, now - self.end_frame))
        start = now - self.first_frame
        if start + block_frames > self.frames.shape[1]:
            return
        for channel, port in enumerate(self.ports):
            self.frames[channel, start : start + block_frames] = port.get_array()
        self.end_frame = now + block_frames

    def count_xrun(self, delay_us: float) -> None:
        self.xruns += 1

    def follow(self, sources: Sequence[str]) -> None:
        """Connect every channel that has no source, if its source is there."""
        for port, pattern in zip(self.ports, sources, strict=True):
            if port.number_of_connections:
                continue
            found = self.client.get_ports(pattern, is_audio=True, is_output=True)
            if found:
                try:
                    self.client.connect(found[0], port)
                except jack.JackError:
                    continue  # the port of a client that was just killed; the next look finds its successor's
                self.connections.append((self.client.frame_time, found[0].name))

    def save(self, path: Path) -> None:
        count = min(self.end_frame - self.first_frame, self.frames.shape[1])
        np.save(path, self.frames[:, :count])
        about = {
            "first_frame": self.first_frame,
            "first_ns": self.first_ns,
            "rate_hz": self.rate_hz,
            "xruns": self.xruns,
            "holes": self.holes,
            "connections": self.connections,
        }
        path.with_suffix(".json").write_text(json.dumps(about))


def _wait_for_stop_word(stopped: threading.Event) -> None:
    sys.stdin.readline()  # a word, or the end of the pipe
    stopped.set()


def main() -> None:
    """Record until a line, or the end, comes on standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--limit-s", type=float, default=240.0)
    parser.add_argument("sources", nargs="+", help="regular expression of one output port for each channel")
    arguments = parser.parse_args()
    hurry_this_process()
    client = jack.Client("recorder", no_start_server=True)
    recorder = _Recorder(client, len(arguments.sources), int(arguments.limit_s * client.samplerate))
    client.set_process_callback(recorder.process)
    client.set_xrun_callback(recorder.count_xrun)
    gc.disable()
    sys.setswitchinterval(0.0005)  # the callback waits at most this long for the other thread
    stopped = threading.Event()
    with client:
        recorder.follow(arguments.sources)
        print(READY_WORD, flush=True)
        threading.Thread(target=_wait_for_stop_word, args=(stopped,), daemon=True).start()
        while not stopped.wait(FOLLOW_S):
            recorder.follow(arguments.sources)
    recorder.save(arguments.path)


if __name__ == "__main__":
    main()
