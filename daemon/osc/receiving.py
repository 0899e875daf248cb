"""The UDP socket: a deep buffer, and the kernel's own arrival stamps where it gives them."""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
import sys
from typing import NamedTuple

from daemon.osc.codec import MAX_PACKET_BYTES
from daemon.osc.endpoints import Endpoint
from daemon.osc.time_tags import NtpClock

RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024  # ten thousand small datagrams; the default holds 256
MAX_QUEUED_NS = 1_000_000_000  # an arrival stamp older than this is taken for a clock that was set

# Linux numbers that the socket module does not name (asm-generic/socket.h).
_SO_TIMESTAMPNS = 35
_SO_RXQ_OVFL = 40
_TIMESPEC = struct.Struct("@qq")
_COUNT = struct.Struct("@I")


class OscPortInUse(OSError):
    """Another program has the port; the text says which and how to choose another."""

    def __str__(self) -> str:
        return str(self.strerror)


class Datagram(NamedTuple):
    """What arrived, from whom, and when (CLOCK_MONOTONIC ns)."""

    data: bytes
    sender: Endpoint
    arrival_ns: int


class UdpSocket:
    """A bound, non-blocking UDP socket.

    Parameters
    ----------
    host : text IP address or ``localhost``.
    port : UDP port; 0 lets the system choose.

    Raises
    ------
    OscPortInUse
        if another program has the port.
    OSError
        if the address is not one of this machine's.
    """

    def __init__(self, host: str, port: int, clock: NtpClock) -> None:
        self._clock = clock
        self._buffer = bytearray(MAX_PACKET_BYTES)
        self._socket = _bind(host, port)
        name = self._socket.getsockname()
        self.endpoint = Endpoint(name[0], name[1])
        self.lost = 0  # datagrams the system dropped because we were too slow; it says so with the next one

    def fileno(self) -> int:
        """The descriptor, for the event loop."""
        return self._socket.fileno()

    def receive(self) -> Datagram | None:
        """The next datagram, None if there is none."""
        now_ns = self._clock.monotonic_ns()
        try:
            size, notes, _, sender = self._socket.recvmsg_into([self._buffer], 128)
        except (BlockingIOError, InterruptedError, ConnectionRefusedError):
            return None
        arrival_ns = now_ns
        for level, kind, data in notes:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) == _TIMESPEC.size:
                seconds, rest_ns = _TIMESPEC.unpack(data)
                arrival_ns = self._clock.unix_to_monotonic_ns(seconds * 1_000_000_000 + rest_ns)
            elif level == socket.SOL_SOCKET and kind == _SO_RXQ_OVFL and len(data) == _COUNT.size:
                self.lost = _COUNT.unpack(data)[0]
        if not now_ns - MAX_QUEUED_NS <= arrival_ns <= now_ns:
            arrival_ns = now_ns
        return Datagram(bytes(memoryview(self._buffer)[:size]), Endpoint(sender[0], sender[1]), arrival_ns)

    def send(self, data: bytes, endpoint: Endpoint) -> bool:
        """Send one datagram if that is possible at once."""
        try:
            self._socket.sendto(data, endpoint)
        except OSError:  # no route, buffer full, refused, another address family: never worth stopping for
            return False
        return True

    def is_own(self, endpoint: Endpoint) -> bool:
        """Whether what is sent there comes back to this socket."""
        if endpoint.port != self.endpoint.port:
            return False
        bound = ipaddress.ip_address(self.endpoint.host)
        return endpoint.host == self.endpoint.host or (
            bound.is_unspecified and _is_this_machine(endpoint.host)
        )

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()


def check_port_free(host: str, port: int) -> None:
    """Refuse early what binding would refuse later, before anything else has been started.

    Raises
    ------
    OscPortInUse, OSError
        As :class:`UdpSocket`.
    """
    _bind(host, port).close()


def _bind(host: str, port: int) -> socket.socket:
    numeric = "127.0.0.1" if host == "localhost" else host
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(numeric).version == 6 else socket.AF_INET
    except ValueError:
        raise OSError(errno.EINVAL, f"the OSC host must be a numeric IP address, got {host[:64]!a}") from None
    found = socket.socket(family, socket.SOCK_DGRAM)
    try:
        found.setblocking(False)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        if sys.platform == "linux" and struct.calcsize("P") == 8:
            found.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            found.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
        found.bind((numeric, port))
    except OSError as refusal:
        found.close()
        if refusal.errno == errno.EADDRINUSE:
            raise OscPortInUse(
                errno.EADDRINUSE,
                f"UDP port {port} on {host} is in use (is another timbred running?); "
                f"choose another: timbred run --osc-port {port + 100 if port < 65436 else 9800}",
            ) from None
        raise OSError(refusal.errno, f"cannot listen for OSC on {host}:{port}: {refusal.strerror}") from None
    return found


def _is_this_machine(host: str) -> bool:
    """Only an address of this machine can be bound."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True
