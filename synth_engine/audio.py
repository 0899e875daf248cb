"""The audio process: ``python -m synth_engine.audio --runtime-dir DIR``.

It maps the memory, opens a host, says so in one line of JSON on stdout, and waits until stdin ends
or SIGTERM comes. All sound is made by compiled code in the host's thread.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from synth_engine import abi
from synth_engine.hosts.null import NullHost
from synth_engine.hosts.portaudio import HostUnavailable, PortAudioHost, check_output
from synth_engine.hosts.recovery import recover
from synth_engine.kernel.compiled import is_compiled
from synth_engine.shared_memory import EngineMemory, EngineMemoryError

EXIT_OK = 0
EXIT_UNAVAILABLE = 69
EXIT_IO = 74

FIRST_BLOCKS = 2  # blocks that must have run before sound is promised
FIRST_BLOCKS_S = 5.0
HEARTBEAT_S = 1.0  # no block for so long means that the sound server is dead
POLL_S = 0.1
FADE_S = 0.04
CLOSE_S = 1.0

Host = NullHost | PortAudioHost


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run until told to end, then end this process; nothing that hangs can keep it."""
    options = _parse(arguments)
    ending = _catch_signals()
    try:
        if options.probe:
            check_output(options.device)
            _leave(EXIT_OK)
        memory = EngineMemory.open(options.runtime_dir)
        recover(memory)
        if not is_compiled():
            _complain("compiling the sound engine for this processor; this happens once and takes 10-30 s")
        host = _open_host(memory, options)
        blocks = int(memory.record["telemetry"]["blocks"])
        host.start()
        _await_blocks(memory, blocks + FIRST_BLOCKS)
    except EngineMemoryError as error:
        _fail(str(error), EXIT_IO)
    except (HostUnavailable, ValueError) as error:
        _fail(str(error), EXIT_UNAVAILABLE)
    _lock_in_memory(memory)
    gc.collect()
    gc.freeze()
    gc.disable()
    _say(
        host=host.host,
        device=host.device,
        rate_hz=host.rate_hz,
        block_frames=host.block_frames,
        latency_ms=round(host.latency_ms, 3),
    )
    _wait_for_end(memory, ending)
    host.fade()
    time.sleep(FADE_S)
    _within(CLOSE_S, host.close)
    _leave(EXIT_OK)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m synth_engine.audio", description="timbred's audio process"
    )
    parser.add_argument("--runtime-dir", type=Path, required=True, help="folder with engine.shm and pool.shm")
    parser.add_argument("--device", help="part of an output's name, or a glob; default: the system's output")
    parser.add_argument("--rate-hz", type=int, default=48_000)
    parser.add_argument("--block-frames", type=int, default=128)
    parser.add_argument("--null", action="store_true", help="keep time without a device")
    parser.add_argument("--probe", action="store_true", help="only try whether the device opens")
    return parser.parse_args(arguments)


def _open_host(memory: EngineMemory, options: argparse.Namespace) -> Host:
    if options.null:
        return NullHost(memory, options.rate_hz, options.block_frames)
    return PortAudioHost(memory, options.device, options.rate_hz, options.block_frames)


def _await_blocks(memory: EngineMemory, blocks: int) -> None:
    telemetry = memory.record["telemetry"]
    deadline = time.monotonic() + FIRST_BLOCKS_S
    while telemetry["blocks"] < blocks:
        if time.monotonic() > deadline:
            raise HostUnavailable(f"the device opened, but asked for no sound within {FIRST_BLOCKS_S:g} s")
        time.sleep(0.001)


def _catch_signals() -> int:
    """A file that becomes readable when SIGTERM comes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes our stdin
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGTERM, lambda *_: None)  # arrives through the pipe
    return wake_read


def _wait_for_end(memory: EngineMemory, ending: int) -> None:
    """Until stdin ends or ``ending`` is readable. A host that has stopped calling ends the process here."""
    stdin = sys.stdin.fileno()
    telemetry = memory.record["telemetry"]
    blocks, alive_s = int(telemetry["blocks"]), time.monotonic()
    while True:
        ready, _, _ = select.select([stdin, ending], [], [], POLL_S)
        if ending in ready or (stdin in ready and not os.read(stdin, 4096)):
            return
        now_s, heard = time.monotonic(), int(telemetry["blocks"])
        if heard != blocks:
            blocks, alive_s = heard, now_s
        elif now_s - alive_s > HEARTBEAT_S:
            _complain("the sound server has stopped asking for sound")
            os._exit(EXIT_UNAVAILABLE)  # closing a stream of a dead server can hang for ever


def _within(limit_s: float, action: Callable[[], None]) -> None:
    """Give ``action`` so long; what hangs is left behind in its thread."""
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    thread.join(limit_s)


def _lock_in_memory(memory: EngineMemory) -> None:
    """Keep the engine's pages from being swapped out, if the limits allow."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mlock(ctypes.c_void_p(memory.engine_address), ctypes.c_size_t(abi.ENGINE.itemsize))


def _say(**words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def _complain(summary: str) -> None:
    sys.stderr.write(f"timbred audio: {summary}\n")
    sys.stderr.flush()


def _fail(summary: str, status: int) -> NoReturn:
    _say(error=summary)
    _leave(status)


def _leave(status: int) -> NoReturn:
    """End without PortAudio's own clean-up at exit, which can hang on a dead server."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
