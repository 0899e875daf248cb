"""Asks a running daemon to set out on a journey, over OSC."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from daemon.exits import Unavailable
from daemon.osc.codec import Message, encode_message, parse_packet
from daemon.surface import Argument

REPLY_S = 2.0
_ANY_HOSTS = ("0.0.0.0", "::")  # noqa: S104  what a daemon may listen at is not an address to send to


class Refused(ValueError):
    """The daemon said no; the text is its own."""


def start_journey(host: str, port: int, way: str, words: Sequence[str | int], leg_s: float) -> str:
    """Have the daemon at ``host:port`` start a journey; what it says of it.

    Raises
    ------
    Unavailable
        If none answers.
    Refused
        If it does not know a point.
    """
    host = "127.0.0.1" if host in _ANY_HOSTS else host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(REPLY_S)
        try:
            udp.connect((host, port))
            udp.send(encode_message("/journey/seconds", (leg_s,)))
            answer = _ask(udp, f"/journey/{way}", words)
        except OSError:
            raise Unavailable(f"no daemon answers at {host}:{port}; start one with: timbred run") from None
    if answer.address == "/error":
        raise Refused(": ".join(map(str, answer.arguments[1:])))
    return " ".join(map(str, answer.arguments))


def _ask(udp: socket.socket, address: str, words: Sequence[Argument]) -> Message:
    udp.send(encode_message(address, tuple(words)))
    while True:
        for message in parse_packet(udp.recv(65_536)):
            if message.address in ("/journey", "/error"):
                return message
