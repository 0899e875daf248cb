"""MIDI systems (ALSA, JACK, CoreMIDI, Windows): which inputs there are, and reading from them.

Every RtMidi object is read as a queue, never through its callback: python-rtmidi holds the interpreter
lock in every call, so closing a port whose callback is waiting for that lock never returns (seen over
JACK at the first try, with notes arriving and another thread busy).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import rtmidi

from daemon.midi.jack import JackProbe
from daemon.midi.sources import CLIENT_NAME, VIRTUAL_PORT_NAME, Source

_ALSA_SEQUENCER = Path("/dev/snd/seq")
_ALSA_NUMBERS = re.compile(r" (\d+):\d+$")  # RtMidi appends client and port; they change on every plug
_QUEUE_MESSAGES = 4096  # read every millisecond; a DIN cable carries one message in that time
_FIRST_PROGRAM = 128  # ALSA gives lower client numbers to the kernel's drivers


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


class RtMidiInput:
    """An RtMidi input object with one open port, read as a queue."""

    def __init__(self, midi_in: Any) -> None:
        self._midi_in = midi_in

    def read(self) -> tuple[list[int], float] | None:
        """The next message and the seconds since the one before it; None if there is none now."""
        message: tuple[list[int], float] | None = self._midi_in.get_message()
        return message

    def close(self) -> None:
        """Close it; never fails."""
        with suppress(OSError):
            self._midi_in.close_port()
        self._midi_in.delete()


class RtMidiSystem:
    """ALSA, CoreMIDI or Windows through RtMidi."""

    def __init__(self, name: str, api: int) -> None:
        self.name = name
        self._api = api
        self._lister: Any = None

    def inputs(self) -> Mapping[str, Source]:
        """See :class:`MidiSystem`."""
        return {name: Source(identity=name, hardware=_is_driver(name)) for name in self._names()}

    def open(self, name: str) -> InputPort:
        """See :class:`MidiSystem`."""
        midi_in = self._new_input()
        for number, present in enumerate(midi_in.get_ports()):
            if present == name:
                midi_in.open_port(number, name=display_name(name).replace(":", " "))
                return RtMidiInput(midi_in)
        midi_in.delete()
        raise MidiUnavailableError(f"MIDI input {name} has gone")

    def open_virtual(self) -> InputPort:
        """See :class:`MidiSystem`."""
        midi_in = self._new_input()
        try:
            midi_in.open_virtual_port(VIRTUAL_PORT_NAME)
        except NotImplementedError as error:  # Windows has none
            midi_in.delete()
            raise MidiUnavailableError(str(error)) from None
        return RtMidiInput(midi_in)

    def close(self) -> None:
        """See :class:`MidiSystem`."""
        if self._lister is not None:
            self._lister.delete()
            self._lister = None

    def _names(self) -> list[str]:
        if self._api == rtmidi.API_LINUX_ALSA and not os.access(_ALSA_SEQUENCER, os.R_OK | os.W_OK):
            self.close()  # asking RtMidi anyway would make alsa-lib write to standard error each time
            raise MidiUnavailableError(f"no ALSA sequencer ({_ALSA_SEQUENCER} is not there or not readable)")
        if self._lister is None:
            self._lister = rtmidi.MidiIn(self._api, name=CLIENT_NAME)
        return [name for name in self._lister.get_ports() if name]

    def _new_input(self) -> Any:
        midi_in = rtmidi.MidiIn(self._api, name=CLIENT_NAME, queue_size_limit=_QUEUE_MESSAGES)
        # Nothing may be filtered out: over JACK the time of a filtered message is lost to the next one.
        midi_in.ignore_types(sysex=False, timing=False, active_sense=False)
        return midi_in


class JackSystem(RtMidiSystem):
    """JACK through RtMidi, asked only while :class:`daemon.midi.jack.JackProbe` says that a server lives."""

    def __init__(self) -> None:
        super().__init__("jack", rtmidi.API_UNIX_JACK)
        self._probe = JackProbe()

    def inputs(self) -> Mapping[str, Source]:
        """See :class:`MidiSystem`."""
        if not self._probe.connect():
            raise MidiUnavailableError("no JACK server answers")
        return self._probe.sources()

    def close(self) -> None:
        """See :class:`MidiSystem`."""
        self._probe.close()


def display_name(name: str) -> str:
    """The name a person knows a port by: without the numbers ALSA gives out anew on every plug."""
    return _ALSA_NUMBERS.sub("", name)


def _is_driver(name: str) -> bool:
    numbers = _ALSA_NUMBERS.search(name)
    return numbers is None or int(numbers[1]) < _FIRST_PROGRAM


def system_makers(api: str = "auto") -> list[Callable[[], MidiSystem]]:
    """Ways to try in turn. ``api``: "auto", "alsa", "jack", "core" or "windows".

    Raises
    ------
    MidiUnavailableError
        for a name that is none of these, or that this python-rtmidi was built without.
    """
    compiled = set(rtmidi.get_compiled_api())
    numbers = {
        "alsa": rtmidi.API_LINUX_ALSA,
        "core": rtmidi.API_MACOSX_CORE,
        "windows": rtmidi.API_WINDOWS_MM,
        "jack": rtmidi.API_UNIX_JACK,
    }
    names = [name for name, number in numbers.items() if number in compiled]
    if api not in ("auto", *names):
        raise MidiUnavailableError(
            f'MIDI system "{api}" is not to be had here; there are: auto, {", ".join(names)}'
        )

    def maker(name: str) -> Callable[[], MidiSystem]:
        return JackSystem if name == "jack" else lambda: RtMidiSystem(name, numbers[name])

    return [maker(name) for name in names if api in ("auto", name)]


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
