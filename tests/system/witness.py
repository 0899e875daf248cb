"""Tells how often the machine itself was late, so that the daemon is not blamed for it.

A thread on each processor sleeps for two milliseconds over and over, at a higher priority than JACK. It
has next to nothing to do, so when it wakes late, everything on that processor was late.
``python -m tests.system.witness``.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.system.children import start_child

READY_WORD = "ready"
PERIOD_NS = 2_000_000
PRIORITY = 80  # over jackd's 60


class Witness:
    """What was seen, readable when the ``with`` block of :func:`witnessed` is over."""

    def __init__(self) -> None:
        self.stalls_ms: list[float] = []
        self.realtime = False


@contextmanager
def witnessed(folder: Path, stall_ms: float) -> Iterator[Witness]:
    """Watch the machine while the block runs; wake-ups later than ``stall_ms`` are stalls."""
    witness = Witness()
    command = [sys.executable, "-m", "tests.system.witness", str(stall_ms)]
    with (folder / "witness.log").open("wb") as log:
        process = start_child(command, log, os.environ, talks=True)
    try:
        assert process.stdout is not None
        if process.stdout.readline().strip() != READY_WORD:
            raise RuntimeError(f"the witness did not start: {(folder / 'witness.log').read_text()}")
        yield witness
    finally:
        seen = _ask(process)
    witness.stalls_ms, witness.realtime = seen["stalls_ms"], seen["realtime"]


def _ask(process: subprocess.Popen[str]) -> dict[str, list[float]]:
    answer, _ = process.communicate("stop\n", timeout=10)
    seen: dict[str, list[float]] = json.loads(answer)
    return seen


def _watch(processor: int, stall_ns: float, stopped: threading.Event, stalls_ms: list[float]) -> None:
    os.sched_setaffinity(0, {processor})  # of this thread only
    due_ns = time.monotonic_ns()
    while not stopped.is_set():
        due_ns += PERIOD_NS
        time.sleep(max(due_ns - time.monotonic_ns(), 0) / 1e9)
        late_ns = time.monotonic_ns() - due_ns
        if late_ns > stall_ns:
            stalls_ms.append(late_ns / 1e6)
            due_ns = time.monotonic_ns()


def main() -> None:
    """Watch until a line, or the end, comes on standard input; then print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stall_ms", type=float)
    arguments = parser.parse_args()
    gc.disable()
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
        realtime = True
    except PermissionError:
        realtime = False
    stopped, stalls_ms = threading.Event(), list[float]()
    threads = [
        threading.Thread(target=_watch, args=(processor, arguments.stall_ms * 1e6, stopped, stalls_ms))
        for processor in sorted(os.sched_getaffinity(0))
    ]
    for thread in threads:
        thread.start()
    print(READY_WORD, flush=True)
    sys.stdin.readline()
    stopped.set()
    for thread in threads:
        thread.join()
    print(json.dumps({"stalls_ms": stalls_ms, "realtime": realtime}))


if __name__ == "__main__":
    main()
