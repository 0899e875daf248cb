"""A measured daemon: started as a user would, ended whatever happens to who measures."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import daemon
from daemon.exits import Unavailable
from daemon.measuring.conversation import Conversation
from daemon.measuring.home import Home
from daemon.surface import Argument
from synth_engine.shared_memory import ENGINE_NAME, POOL_NAME, EngineMemory, EngineMemoryError

READY_S = 180.0  # the first start on a machine compiles the kernel, and this one may be busy
BANK_S = 300.0
_STOP_S = 10.0
_RESTARTS = 3  # of its render worker, before it is given up
_LOOK_S = 0.05
_LAST_WORDS = 1000

Status = Mapping[str, Argument]


class MeasuredDaemon:
    """A running daemon and what can be asked of it.

    Attributes
    ----------
    began_s : float
        ``time.monotonic`` when the command was given.
    """

    def __init__(self, process: subprocess.Popen[bytes], home: Home, log_path: Path, began_s: float) -> None:
        self.osc = Conversation(home.osc_port)
        self.began_s = began_s
        self.pid = process.pid
        self._process = process
        self._home = home
        self._log_path = log_path
        self._memory: EngineMemory | None = None

    def memory(self) -> EngineMemory:
        """Its shared memory, as soon as it is there.

        Raises
        ------
        Unavailable
            If the daemon ends, or nothing comes.
        """
        runtime, deadline_s = self._home.runtime, time.monotonic() + READY_S
        while self._memory is None:
            self.check(deadline_s, "shared memory")
            if (runtime / ENGINE_NAME).exists() and (runtime / POOL_NAME).exists():
                with suppress(EngineMemoryError):  # being made
                    self._memory = EngineMemory.open(runtime)
                    break
            time.sleep(0.002)
        return self._memory

    def wait(self, what: str, condition: Callable[[Status], bool], limit_s: float = READY_S) -> Status:
        """Ask for the status until it fulfils ``condition``.

        Raises
        ------
        Unavailable
            If the daemon ends, or the time is up.
        """
        deadline_s = time.monotonic() + limit_s
        while True:
            self.check(deadline_s, what)
            status = self.osc.status()
            self._check_worker(status)
            with suppress(KeyError):  # a row that has not come: the next answer has it
                if condition(status):
                    return status
            time.sleep(_LOOK_S)

    def wait_ready(self) -> Status:
        """Until blocks are rendered and the worker answers; its process is in the status then."""
        return self.wait(
            "ready", lambda s: s["audio_running"] == 1 and s["worker"] == "ready" and bool(s["worker_pid"])
        )

    def wait_bank(self) -> Status:
        """Until every note of the present timbre is rendered."""
        return self.wait("bank", lambda s: float(s["bank_share"]) >= 1.0, BANK_S)

    def count(self, name: str) -> int:
        """One number of ``/status``."""
        return int(self.wait(name, lambda status: status[name] is not None)[name])

    def close(self) -> None:
        """Let go of its memory and its port."""
        self.osc.close()
        if self._memory is not None:
            self._memory.close()

    def _check_worker(self, status: Status) -> None:
        """A worker that cannot load the model, or dies again and again, is not waited for."""
        if status.get("worker") == "failed" or int(status.get("worker_restarts", 0)) >= _RESTARTS:
            detail = status.get("worker_detail") or "it ends again and again"
            raise Unavailable(f"the measured daemon's render worker: {detail}\n{self._last_words()}")

    def _last_words(self) -> str:
        with suppress(OSError):
            return self._log_path.read_text(encoding="utf-8", errors="replace")[-_LAST_WORDS:]
        return ""

    def check(self, deadline_s: float, what: str) -> None:
        """Make sure that it runs and there is time left until ``deadline_s`` (``time.monotonic``).

        Raises
        ------
        Unavailable
            If not, with the end of its log.
        """
        status = self._process.poll()
        if status is not None:
            raise Unavailable(f"the measured daemon ended with status {status}:\n{self._last_words()}")
        if time.monotonic() > deadline_s:
            raise Unavailable(f"the measured daemon did not come so far ({what}):\n{self._last_words()}")


@contextmanager
def measured_daemon(home: Home, options: Sequence[str]) -> Iterator[MeasuredDaemon]:
    """Start ``timbred run`` in ``home``; at the end it is stopped, and killed if it will not.

    Parameters
    ----------
    home : Home
        Of no other running daemon.
    options : sequence of str
        Of ``timbred run``.

    Raises
    ------
    Unavailable
        From what is asked of it, if it ends or does not come so far.
    """
    root = str(Path(daemon.__file__).resolve().parents[1])  # found from a checkout too
    search = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "daemon.cli", "run", "--config", str(home.config_path), *options]
    log_path = home.folder / "daemon.log"
    with log_path.open("ab") as log:
        began_s = time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **home.environment, "PYTHONPATH": search},
            start_new_session=True,  # Ctrl-C is for us: a second signal would make it leave at once
        )
        try:
            child = MeasuredDaemon(process, home, log_path, began_s)
            try:
                yield child
            finally:
                child.close()
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its session holds its audio and render processes too
        process.wait()
