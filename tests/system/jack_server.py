"""A JACK server of the test's own: dummy driver, a name to itself, gone afterwards whatever happens."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import jack

from tests.jack_names import jack_server_name
from tests.system.children import start_child, stop_child

START_TIMEOUT_S = 10.0


def _say_nothing(message: str) -> None:
    """libjack writes to the terminal what it also returns as an error."""


@dataclass(frozen=True)
class JackServer:
    """A running server.

    Attributes
    ----------
    name : nobody else's meanwhile; clients reach it by :attr:`environment`.
    rate_hz, block_frames : as started.
    realtime : True if its threads, and so its clients' callbacks, run under SCHED_FIFO.
    """

    name: str
    rate_hz: int
    block_frames: int
    realtime: bool
    process: subprocess.Popen[str]

    @property
    def environment(self) -> dict[str, str]:
        """The environment that leads a child to this server and to no other."""
        return {**os.environ, "JACK_DEFAULT_SERVER": self.name, "JACK_NO_START_SERVER": "1"}

    @contextmanager
    def observer(self) -> Iterator[jack.Client]:
        """A short-lived client to look at ports and connect them. Opening one may cost an xrun."""
        client = jack.Client("observer", servername=self.name, no_start_server=True, use_exact_name=False)
        try:
            yield client
        finally:
            client.close()

    def port_names(self, pattern: str = "", *, midi: bool = False, inputs: bool = False) -> list[str]:
        """Names of the audio (or MIDI) output (or input) ports that match the regular expression."""
        with self.observer() as client:
            return _port_names(client, pattern, midi=midi, inputs=inputs)

    def wait_for_port(
        self, pattern: str, *, midi: bool = False, inputs: bool = False, timeout_s: float = 10.0
    ) -> str:
        """The first port that matches, as soon as there is one.

        Raises
        ------
        TimeoutError
            naming the pattern and the ports there are instead.
        """
        deadline_s = time.monotonic() + timeout_s
        with self.observer() as client:
            while time.monotonic() < deadline_s:
                names = _port_names(client, pattern, midi=midi, inputs=inputs)
                if names:
                    return names[0]
                time.sleep(0.05)
            present = _port_names(client, "", midi=midi, inputs=inputs)
        raise TimeoutError(f"no JACK port matches {pattern!r} after {timeout_s} s; there are {present}")


def _port_names(client: jack.Client, pattern: str, *, midi: bool, inputs: bool) -> list[str]:
    ports = client.get_ports(pattern, is_audio=not midi, is_midi=midi, is_input=inputs, is_output=not inputs)
    return [port.name for port in ports]


def _answers(name: str) -> bool:
    try:
        jack.Client("hello", servername=name, no_start_server=True).close()
    except jack.JackOpenError:
        return False
    return True


def _start(
    name: str, rate_hz: int, block_frames: int, log_path: Path, *, realtime: bool
) -> subprocess.Popen[str] | None:
    scheduling = ["-R", "-P", "60"] if realtime else ["-r"]
    command = ["jackd", "-n", name, *scheduling, "-d", "dummy", "-r", str(rate_hz), "-p", str(block_frames)]
    with log_path.open("ab") as log:
        process = start_child(command, log, {**os.environ, "JACK_NO_START_SERVER": "1"})
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s and process.poll() is None:
        if _answers(name):
            return process
        time.sleep(0.05)
    stop_child(process)
    return None


def _realtime_threads(pid: int) -> bool:
    """Whether any thread of ``pid`` runs under SCHED_FIFO; jackd only warns if it may not."""
    threads = (int(task.name) for task in Path(f"/proc/{pid}/task").iterdir())
    return any(os.sched_getscheduler(thread) == os.SCHED_FIFO for thread in threads)


@contextmanager
def jack_server(folder: Path, *, rate_hz: int = 48_000, block_frames: int = 128) -> Iterator[JackServer]:
    """Run a dummy server, in real-time mode where this machine allows it.

    Raises
    ------
    RuntimeError
        if no server answers; the message ends with what jackd wrote.
    """
    jack.set_error_function(_say_nothing)
    jack.set_info_function(_say_nothing)
    log_path = folder / "jackd.log"
    with jack_server_name() as name:
        for realtime in (True, False):
            process = _start(name, rate_hz, block_frames, log_path, realtime=realtime)
            if process is not None:
                break
        else:
            raise RuntimeError(f"jackd did not come up: {log_path.read_text()[-500:]}")
        try:
            yield JackServer(name, rate_hz, block_frames, _realtime_threads(process.pid), process)
        finally:
            stop_child(process)
            _remove_leftovers(name)


def _remove_leftovers(name: str) -> None:
    """A server that was killed leaves its sockets and segments behind; they carry its name."""
    for folder in (Path("/dev/shm"), Path("/tmp")):
        for path in folder.glob(f"*jack*{name}*"):
            if path.is_dir():
                for inner in path.iterdir():
                    inner.unlink(missing_ok=True)
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
