"""Inputs as the MIDI systems show them, and which of them to open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mappings.controller_map import port_matches

CLIENT_NAME = "timbred"
VIRTUAL_PORT_NAME = "in"

_ALL = "*"
_LOOPBACKS = ("*Midi Through*", "*Through Port*")  # ALSA's own: opened only when named
_OWN = (f"{CLIENT_NAME}:", f"{CLIENT_NAME}-", "RtMidi")


@dataclass(frozen=True)
class Source:
    """An input that can be opened.

    Attributes
    ----------
    identity : of the device or program behind it; differs after it went and came back.
    hardware : True for a device, False for another program's port.
    peers : full names of the ports it is connected to, as far as the system tells.
    """

    identity: object
    hardware: bool = True
    peers: tuple[str, ...] = ()

    def feeds_virtual_port(self) -> bool:
        """True if somebody has connected it to our virtual port: opening it too would double every note."""
        return any(
            peer.startswith(CLIENT_NAME) and peer.endswith(f":{VIRTUAL_PORT_NAME}") for peer in self.peers
        )


@dataclass(frozen=True)
class Choice:
    """Which inputs the player wants.

    Attributes
    ----------
    patterns : port names, see :func:`mappings.controller_map.port_matches`; none, or ``*`` among them, for
        every input but loopbacks.
    """

    patterns: Sequence[str] = ()

    def wants(self, name: str, source: Source, *, seen_before: bool) -> bool:
        """True if a closed input is to be opened now.

        Devices at once. Another program's port only if the player named it, or if it was there half a
        second ago and still is connected to nothing: most programs connect themselves where they want.
        """
        if name.startswith(_OWN) or source.feeds_virtual_port():
            return False
        if any(pattern != _ALL and port_matches(pattern, name) for pattern in self.patterns):
            return True
        if self.patterns and _ALL not in self.patterns:
            return False
        if any(port_matches(pattern, name) for pattern in _LOOPBACKS):
            return False
        return source.hardware or (seen_before and not source.peers)
