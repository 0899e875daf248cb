"""What RtMidi does not tell about the ALSA sequencer: who is a device, who is connected to whom."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from daemon.midi.sources import Source

_ADDRESS = re.compile(r" (\d+):(\d+)$")  # RtMidi appends client and port; they change on every plug
_FIRST_CARD_CLIENT, _CLIENTS_PER_CARD = 16, 4  # how the kernel numbers the clients of sound cards
_FIRST_PROGRAM = 128

_CLIENT_LINE = re.compile(r'Client\s+(\d+) : "(.*)"')
_PORT_LINE = re.compile(r'\s+Port\s+(\d+) : "(.*)"')
_CONNECTING_LINE = re.compile(r"\s+Connecting To: (.*)")
_PEER = re.compile(r"(?<!\S)(\d+:\d+)")  # "129:0[r:1], 130:0": what is in brackets are flags


def display_name(name: str) -> str:
    """The name a person knows a port by: without the numbers ALSA gives out anew on every plug."""
    return _ADDRESS.sub("", name)


class Sequencer:
    """The kernel's side of the ALSA sequencer.

    Parameters
    ----------
    devices, status : Path, where the kernel shows its sound devices and the state of the sequencer.
    """

    def __init__(
        self, devices: Path = Path("/dev/snd"), status: Path = Path("/proc/asound/seq/clients")
    ) -> None:
        self._devices = devices
        self._status = status

    def available(self) -> bool:
        """True if there is a sequencer that we may open. (alsa-lib itself complains on standard error.)"""
        return os.access(self._devices / "seq", os.R_OK | os.W_OK)

    def sources(self, names: Iterable[str]) -> dict[str, Source]:
        """What is behind the ports of these names (as RtMidi shows them)."""
        peers = self._peers()
        return {name: self._source(name, peers) for name in names}

    def _source(self, name: str, peers: dict[str, tuple[str, ...]]) -> Source:
        address = _ADDRESS.search(name)
        if address is None:
            return Source(name)
        client = int(address[1])
        hardware = client < _FIRST_PROGRAM
        return Source((name, self._card_node(client)), hardware, peers.get(f"{client}:{address[2]}", ()))

    def _card_node(self, client: int) -> int | None:
        """Number of the card's device file, made anew when the device is plugged in again."""
        if not _FIRST_CARD_CLIENT <= client < _FIRST_PROGRAM:
            return None
        card = (client - _FIRST_CARD_CLIENT) // _CLIENTS_PER_CARD
        try:
            return (self._devices / f"controlC{card}").stat().st_ino
        except OSError:
            return None

    def _peers(self) -> dict[str, tuple[str, ...]]:
        """For each port, "client:port" in numbers, the full names of those it sends to."""
        try:
            text = self._status.read_text(encoding="utf-8", errors="replace")
        except OSError:  # kernels may be built without it: then nobody is known to be connected
            return {}
        names: dict[str, str] = {}
        sends_to: dict[str, list[str]] = {}
        client = client_name = address = ""
        for line in text.splitlines():
            if found := _CLIENT_LINE.match(line):
                client, client_name = found.groups()
            elif found := _PORT_LINE.match(line):
                address = f"{client}:{found[1]}"
                names[address] = f"{client_name}:{found[2]}"
            elif found := _CONNECTING_LINE.match(line):
                sends_to[address] = _PEER.findall(found[1])
        return {port: tuple(names.get(peer, peer) for peer in peers) for port, peers in sends_to.items()}
