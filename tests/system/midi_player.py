"""Plays a score through JACK MIDI on exact frames, as ``python -m tests.system.midi_player``."""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import jack

from tests.system.children import hurry_this_process, start_child, stop_child
from tests.system.jack_server import JackServer
from tests.system.score import Score, load_score

READY_WORD = "ready"
LEAD_S = 0.5  # from the connection to the first event


@dataclass(frozen=True)
class Performance:
    """What was sent.

    Attributes
    ----------
    frames : JACK frame at which event i of the score was placed.
    start_frame : JACK frame of the score's start.
    late : events placed later than the score says, because JACK skipped the player.
    xruns : told by JACK to the player.
    """

    frames: list[int]
    start_frame: int
    late: int
    xruns: int


class Player:
    """The playing process, seen from the test."""

    def __init__(self, process: subprocess.Popen[str], log_path: Path) -> None:
        self._process = process
        self._log_path = log_path

    def wait(self, timeout_s: float) -> Performance:
        """Let it play to the end."""
        _, _ = self._process.communicate(timeout=timeout_s)
        if self._process.returncode != 0:
            words = self._log_path.with_suffix(".log").read_text()[-800:]
            raise RuntimeError(f"the player ended with status {self._process.returncode}: {words}")
        return Performance(**json.loads(self._log_path.read_text()))

    def stop(self) -> None:
        """End it at once if it still plays."""
        stop_child(self._process)


def start_player(server: JackServer, score: Score, port: str, log_path: Path) -> Player:
    """Start playing ``score`` into the MIDI input ``port``; events begin :data:`LEAD_S` after the return."""
    score_path = log_path.with_suffix(".score")
    score.save(score_path)
    command = [sys.executable, "-m", "tests.system.midi_player", str(score_path), str(log_path), port]
    with log_path.with_suffix(".log").open("wb") as log:
        process = start_child(command, log, server.environment, talks=True)
    assert process.stdout is not None
    if process.stdout.readline().strip() != READY_WORD:
        stop_child(process)
        raise RuntimeError(f"the player did not start: {log_path.with_suffix('.log').read_text()[-800:]}")
    return Player(process, log_path)


class _Sequencer:
    def __init__(self, client: jack.Client, score: Score) -> None:
        self.client = client
        self.port = client.midi_outports.register("out")
        self.offsets = [round(time_s * client.samplerate) for time_s, _ in score.events]
        self.data = [data for _, data in score.events]
        self.frames: list[int] = []
        self.start_frame = -1
        self.armed = False
        self.late = 0
        self.xruns = 0
        self.done = threading.Event()

    def process(self, block_frames: int) -> None:
        self.port.clear_buffer()
        if not self.armed:
            return
        now = self.client.last_frame_time
        if self.start_frame < 0:
            self.start_frame = now + round(LEAD_S * self.client.samplerate)
        index = len(self.frames)
        while index < len(self.offsets) and self.start_frame + self.offsets[index] < now + block_frames:
            place = self.start_frame + self.offsets[index] - now
            self.late += place < 0
            place = max(place, 0)
            self.port.write_midi_event(place, self.data[index])
            self.frames.append(now + place)
            index += 1
        if index == len(self.offsets):
            self.done.set()

    def count_xrun(self, delay_us: float) -> None:
        self.xruns += 1


def main() -> None:
    """Play a saved score once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("score", type=Path)
    parser.add_argument("log", type=Path)
    parser.add_argument("port")
    arguments = parser.parse_args()
    hurry_this_process()
    client = jack.Client("player", no_start_server=True)
    sequencer = _Sequencer(client, load_score(arguments.score))
    client.set_process_callback(sequencer.process)
    client.set_xrun_callback(sequencer.count_xrun)
    gc.disable()
    with client:
        client.connect(sequencer.port, arguments.port)
        sequencer.armed = True
        print(READY_WORD, flush=True)
        sequencer.done.wait()
        time.sleep(0.1)  # the last block must be over before the port goes
    about = Performance(sequencer.frames, sequencer.start_frame, sequencer.late, sequencer.xruns)
    arguments.log.write_text(json.dumps(about.__dict__))


if __name__ == "__main__":
    main()
