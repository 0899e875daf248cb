"""OSC with a measured daemon."""

from __future__ import annotations

import contextlib
import socket
import time

from daemon.osc.codec import encode_bundle, encode_message, parse_packet
from daemon.surface import Argument

_REPLY_S = 1.0
_QUIET_S = 0.05  # an answer of several datagrams, 2 ms apart, is over after this long without one
_DATAGRAM_BYTES = 65_536


class Conversation:
    """A sender that hears the replies to its own socket. A port without a listener is no error.

    Parameters
    ----------
    port : int
        Of the daemon, on this machine.

    Attributes
    ----------
    answered_s : float
        ``time.monotonic`` when the last answer began to come.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        self.answered_s = 0.0

    def close(self) -> None:
        """End it."""
        self._socket.close()

    def send(self, address: str, *arguments: Argument) -> None:
        """One message."""
        self._send(encode_message(address, arguments))

    def send_together(self, *messages: tuple[str, tuple[Argument, ...]]) -> None:
        """Several messages as one bundle, to be carried out at once."""
        self._send(encode_bundle(encode_message(address, arguments) for address, arguments in messages))

    def status(self) -> dict[str, Argument]:
        """The rows of ``/status``, perhaps not all of them; empty if there is no answer."""
        rows: dict[str, Argument] = {}
        self.send("/status")
        self._socket.settimeout(_REPLY_S)
        with contextlib.suppress(TimeoutError, ConnectionRefusedError):
            while True:
                data = self._socket.recv(_DATAGRAM_BYTES)
                if not rows:
                    self.answered_s = time.monotonic()
                for message in parse_packet(data):
                    if message.address == "/status" and len(message.arguments) == 2:
                        name, value = message.arguments
                        if isinstance(name, str) and isinstance(value, int | float | str):
                            rows[name] = value
                self._socket.settimeout(_QUIET_S)
        return rows

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionRefusedError):
            self._socket.send(data)
