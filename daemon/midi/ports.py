"""MIDI systems (ALSA, JACK, CoreMIDI, Windows) as the rest of the package sees them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Protocol

from daemon.midi.alsa import display_name
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


def system_makers(api: str = "auto") -> list[Callable[[], MidiSystem]]:
    """Ways to try in turn. ``api``: "auto", "alsa", "jack", "core" or "windows".

    Where python-rtmidi does not load (it wants libasound on Linux) the only way is one that says so.

    Raises
    ------
    MidiUnavailableError
        for a name that is none of these, or that this python-rtmidi was built without.
    """
    try:
        backends = importlib.import_module("daemon.midi.backends")
    except ImportError as error:
        reason = f"python-rtmidi does not load: {error}"

        def none() -> MidiSystem:
            raise MidiUnavailableError(reason)

        return [none]
    makers: list[Callable[[], MidiSystem]] = backends.makers(api)
    return makers


def list_inputs(api: str = "auto") -> list[str]:
    """Names of the MIDI inputs there are now, as maps and ``--midi`` patterns see them.

    Raises
    ------
    OSError
        if there is no MIDI system.
    """
    reasons = []
    for make_system in system_makers(api):
        try:
            system = make_system()
            try:
                return [display_name(name) for name in system.inputs()]
            finally:
                system.close()
        except OSError as error:
            reasons.append(str(error))
    raise MidiUnavailableError("; ".join(reasons) or f"python-rtmidi on {sys.platform} has no MIDI system")
