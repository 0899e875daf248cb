"""Child processes that never outlive the test run, not even one that was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).resolve().parents[2]
STOP_TIMEOUT_S = 5.0
HARNESS_PRIORITY = 50  # under jackd's own 60 and its clients' 55


def start_child(
    command: Sequence[str],
    log: IO[bytes],
    environment: Mapping[str, str],
    *,
    talks: bool = False,
    parent_death_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[str]:
    """Start ``command`` from the repository's root, its words going to ``log``.

    The kernel sends it ``parent_death_signal`` when the test run dies. With ``talks`` its standard
    input and output are pipes, for the ready line and the stop word of the harness's own processes.
    """
    pipe = subprocess.PIPE if talks else None
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", parent_death_signal.name.removeprefix("SIG"), *command],
        stdin=pipe if talks else subprocess.DEVNULL,
        stdout=pipe if talks else log,
        stderr=log,
        env=dict(environment),
        cwd=REPOSITORY,
        text=True,
    )


def stop_child(process: subprocess.Popen[str], timeout_s: float = STOP_TIMEOUT_S) -> int:
    """Ask a child to end, insist after ``timeout_s``, and answer its exit status."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout_s)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    return process.returncode


def hurry_this_process() -> None:
    """Run the calling thread, and those it starts, in real time where that is allowed.

    A Python callback waits for the interpreter's lock; a thread that holds the lock at ordinary priority
    could keep the real-time callback waiting behind every other program of a busy machine.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(HARNESS_PRIORITY))
    except PermissionError:
        print("no permission for real-time scheduling: missed blocks are possible", file=sys.stderr)
