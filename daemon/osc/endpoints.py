"""Where datagrams come from and go to; text addresses only, because looking a name up could block."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from daemon.events import CommandError


class Endpoint(NamedTuple):
    """An IP address as text and a UDP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_endpoint(text: str, default_host: str) -> Endpoint:
    """``HOST:PORT``, ``[IPV6]:PORT``, or ``PORT`` alone on the default host.

    Raises
    ------
    CommandError
        for a host name other than ``localhost``, an address that names no single machine, or no port.
    """
    host, _, port = text.strip().rpartition(":")
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and 0 < int(port) < 65536):
        raise CommandError(f"expected HOST:PORT with a port from 1 to 65535, got {text[:64]!a}")
    host = host.removeprefix("[").removesuffix("]") or default_host
    if host == "localhost":
        host = "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise CommandError(
            f"expected a numeric IP address (names are not looked up), got {host[:64]!a}"
        ) from None
    if address.is_unspecified or address.is_multicast or host == "255.255.255.255":
        raise CommandError(f"{host} is not the address of one machine")
    return Endpoint(str(address), int(port))
