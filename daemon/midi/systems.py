"""What a MIDI system is to the rest of the package, whichever it is (ALSA, JACK, CoreMIDI, Windows)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from daemon.midi.sources import Source


class MidiUnavailableError(OSError):
    """There is no MIDI system here, or not the one that was asked for."""


class InputPort(Protocol):
    """An open input."""

    def read(self) -> tuple[list[int], float] | None:
        """The next message and the seconds since the one before it; None if there is none now."""

    def close(self) -> None:
        """Close it; never fails."""


class MidiSystem(Protocol):
    """One way of reaching MIDI devices. One thread only."""

    name: str

    def inputs(self) -> Mapping[str, Source]:
        """Inputs there are now, by name.

        Raises
        ------
        OSError
            if the system is not there (not yet, or not any more).
        """

    def open(self, name: str) -> InputPort:
        """Open the input of that name. Raises OSError."""

    def open_virtual(self) -> InputPort:
        """Make an input that other programs can connect to. Raises OSError."""

    def close(self) -> None:
        """Let the system go."""
