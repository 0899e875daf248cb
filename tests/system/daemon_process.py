"""The daemon as a player starts it: a process, with directories of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from synth_engine.kernel.compiled import load_kernel
from tests.system.children import REPOSITORY, start_child, stop_child
from tests.system.osc_client import Argument, OscClient, free_udp_port

READY_TIMEOUT_S = 120.0  # the first start on a machine compiles the kernel
BANK_TIMEOUT_S = 90.0
AUDIO_MODULE, RENDER_MODULE = "synth_engine.audio", "synth_engine.render"
MIDI_IN = r"^timbred[^:]*:in"  # the daemon's own port, under the name RtMidi gives it
AUDIO_OUT = (r"^(timbred|PortAudio)[^:]*:out_0", r"^(timbred|PortAudio)[^:]*:out_1")


@dataclass(frozen=True)
class Home:
    """Where one daemon keeps its things, in place of the user's directories."""

    folder: Path

    @property
    def instance(self) -> str:
        """A name of its own: the daemon's shared maps lie in /dev/shm under it."""
        return "test-" + hashlib.sha256(str(self.folder).encode()).hexdigest()[:10]

    def remove_shared_maps(self) -> None:
        """What a daemon that was killed leaves in memory."""
        for folder in Path("/dev/shm").glob(f"timbred-*-{self.instance}"):
            shutil.rmtree(folder)

    @property
    def environment(self) -> dict[str, str]:
        """The XDG variables that lead the daemon here, each folder made."""
        places = {
            name: self.folder / name
            for name in (
                "XDG_CONFIG_HOME",
                "XDG_STATE_HOME",
                "XDG_CACHE_HOME",
                "XDG_DATA_HOME",
                "XDG_RUNTIME_DIR",
            )
        }
        for place in places.values():
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        return {name: str(place) for name, place in places.items()}

    def files(self, kind: str, pattern: str) -> list[Path]:
        """Files below one of the folders, e.g. ``files("XDG_STATE_HOME", "*.json")``."""
        return sorted((self.folder / kind).rglob(pattern))


def new_home(folder: Path) -> Home:
    """Directories for one daemon, empty but for the compiled kernel: that is made once for all tests."""
    kept = REPOSITORY / "build" / "kernel"
    load_kernel(kept)
    home = Home(folder)
    shutil.copytree(kept, Path(home.environment["XDG_CACHE_HOME"]) / "timbred" / "kernel")
    return home


class Daemon:
    """A running daemon and the conversation with it."""

    def __init__(self, process: subprocess.Popen[str], osc: OscClient, log_path: Path) -> None:
        self.process = process
        self.osc = osc
        self.log_path = log_path

    @property
    def words(self) -> str:
        """Everything it has written so far."""
        return self.log_path.read_text(errors="replace")

    def status(self) -> dict[str, Argument]:
        """``/status``; empty if it does not answer."""
        return self.osc.status()

    def count(self, name: str) -> int:
        """One number of ``/status``. Raises KeyError, naming what there is, if it is not there."""
        status = self.status()
        if name not in status:
            raise KeyError(f"/status has no {name!r}, only {sorted(status)}")
        return int(status[name])

    def wait_for(
        self, what: str, condition: Callable[[Mapping[str, Argument]], bool], timeout_s: float
    ) -> dict[str, Argument]:
        """Ask for the status until it fulfils ``condition``, and answer it.

        Raises
        ------
        TimeoutError
            with the last status and the end of the daemon's log.
        RuntimeError
            if the daemon ends meanwhile.
        """
        deadline_s = time.monotonic() + timeout_s
        status: dict[str, Argument] = {}
        while time.monotonic() < deadline_s:
            if self.process.poll() is not None:
                raise RuntimeError(
                    f"the daemon ended with status {self.process.returncode}: {self.words[-1500:]}"
                )
            status = self.status()
            if status and condition(status):
                return status
            time.sleep(0.05)
        raise TimeoutError(f"not {what} within {timeout_s} s; status {status}; log: {self.words[-1500:]}")

    def wait_ready(self) -> dict[str, Argument]:
        """Until blocks are being rendered and the worker answers."""
        return self.wait_for(
            "ready",
            lambda status: status.get("audio_running") == 1 and str(status.get("worker")).lower() == "ready",
            READY_TIMEOUT_S,
        )

    def wait_bank(self) -> dict[str, Argument]:
        """Until every note of the present timbre is rendered."""
        return self.wait_for(
            "with a whole bank", lambda status: float(status.get("bank_share", 0)) >= 1.0, BANK_TIMEOUT_S
        )

    def child(self, module: str) -> int | None:
        """Process id of the child that runs ``module``, None if there is none."""
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            if parent == self.process.pid and module.encode() in command:
                return int(entry.name)
        return None

    def kill_child(self, module: str) -> int:
        """SIGKILL a child of this very daemon, and answer the id it had."""
        pid = self.child(module)
        assert pid is not None, f"the daemon has no child running {module}"
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill(self) -> None:
        """SIGKILL the control process."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        return stop_child(self.process, timeout_s=10)


def daemon_command(home: Home, *options: str) -> list[str]:
    """What a user types."""
    return [sys.executable, "run_daemon.py", "--instance", home.instance, *options]


@contextmanager
def started_daemon(
    home: Home, *options: str, environment: Mapping[str, str] | None = None, port: int | None = None
) -> Iterator[Daemon]:
    """Start a daemon and end it, and its children, afterwards. It may not be ready yet."""
    port = port or free_udp_port()
    log_path = home.folder / "daemon.log"
    surroundings = {**(environment or os.environ), **home.environment, "PYTHONUNBUFFERED": "1"}
    with log_path.open("ab") as log:
        process = start_child(daemon_command(home, "--osc-port", str(port), *options), log, surroundings)
    with OscClient(port) as osc:
        daemon = Daemon(process, osc, log_path)
        children: set[int] = set()
        try:
            yield daemon
        finally:
            children |= {pid for module in (AUDIO_MODULE, RENDER_MODULE) if (pid := daemon.child(module))}
            stop_child(process, timeout_s=10)
            _end_orphans(children)
            home.remove_shared_maps()


def _end_orphans(pids: set[int]) -> None:
    """Children that outlived a killed daemon; only ever those that were seen to be its own."""
    deadline_s = time.monotonic() + 3
    while time.monotonic() < deadline_s and any(Path(f"/proc/{pid}").exists() for pid in pids):
        time.sleep(0.05)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def run_to_end(
    home: Home, *options: str, environment: Mapping[str, str] | None = None, timeout_s: float = 60
) -> tuple[int, str]:
    """Start a daemon that is expected to refuse: its exit status and its words."""
    surroundings = {**(environment or os.environ), **home.environment}
    done = subprocess.run(
        daemon_command(home, *options),
        env=surroundings, cwd=REPOSITORY, timeout=timeout_s, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    home.remove_shared_maps()
    return done.returncode, done.stdout
