"""OSC to and from the daemon, encoded by python-osc and liblo: not by the code under test."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from types import TracebackType

from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket

Argument = int | float | str
REPLY_TIMEOUT_S = 2.0
QUIET_S = 0.15  # a reply of several datagrams is over after this long without one


def free_udp_port() -> int:
    """A port nobody listens at just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class OscClient:
    """A sender that hears the replies to its own socket."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))

    def __enter__(self) -> OscClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, address: str, *arguments: Argument) -> None:
        """One message; a port without a listener is no error."""
        builder = OscMessageBuilder(address=address)
        for argument in arguments:
            builder.add_arg(argument)
        self.send_bytes(builder.build().dgram)

    def send_bytes(self, data: bytes) -> None:
        """Any bytes at all."""
        with contextlib.suppress(ConnectionRefusedError):
            self._socket.send(data)

    def ask(self, address: str, *arguments: Argument) -> list[tuple[str, list[Argument]]]:
        """Send and collect what comes back; empty if nothing does."""
        self._drain()
        self.send(address, *arguments)
        replies: list[tuple[str, list[Argument]]] = []
        self._socket.settimeout(REPLY_TIMEOUT_S)
        while True:
            try:
                data = self._socket.recv(65_536)
            except (TimeoutError, ConnectionRefusedError):
                return replies
            replies += [(m.message.address, list(m.message.params)) for m in OscPacket(data).messages]
            self._socket.settimeout(QUIET_S)

    def _drain(self) -> None:
        self._socket.setblocking(False)
        try:
            while True:
                self._socket.recv(65_536)
        except (BlockingIOError, ConnectionRefusedError):
            pass

    def value(self, path: str) -> float:
        """A parameter's value. Raises LookupError if the daemon does not answer."""
        for address, arguments in self.ask(path):
            if address == path:
                return float(arguments[0])
        raise LookupError(f"no answer to {path}")

    def status(self) -> dict[str, Argument]:
        """The rows of ``/status``; empty if the daemon does not answer."""
        rows = [arguments for address, arguments in self.ask("/status") if address == "/status"]
        return {str(row[0]): row[1] for row in rows if len(row) == 2}


class Sweep:
    """Moves one parameter up and down in a triangle with liblo's ``oscsend``, until stopped."""

    STEP_S = 0.1

    def __init__(self, port: int, path: str, reach: float, period_s: float) -> None:
        self.moves: list[tuple[int, float]] = []  # (CLOCK_MONOTONIC ns, value)
        self._command = ("oscsend", "127.0.0.1", str(port), path, "f")
        self._reach, self._period_s = reach, period_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep")

    def start(self) -> None:
        """Begin at 0, going up."""
        self._thread.start()

    def stop(self) -> None:
        """End, and put the parameter back to 0."""
        self._stop.set()
        self._thread.join()
        self._move(0.0)

    def _run(self) -> None:
        started_s = time.monotonic()
        while not self._stop.wait(self.STEP_S):
            phase = ((time.monotonic() - started_s) / self._period_s + 0.25) % 1.0
            self._move(self._reach * (4 * abs(phase - 0.5) - 1) * -1)

    def _move(self, value: float) -> None:
        subprocess.run([*self._command, f"{value:.4f}"], check=True, timeout=10)
        self.moves.append((time.monotonic_ns(), value))
