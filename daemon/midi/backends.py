"""The MIDI systems themselves, through RtMidi.

Every RtMidi object is read as a queue, never through its callback: python-rtmidi holds the interpreter
lock in every call, so closing a port whose callback is waiting for that lock never returns (seen over
JACK at the first try, with notes arriving and another thread busy).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import rtmidi

from daemon.midi.alsa import Sequencer, display_name
from daemon.midi.jack import JackProbe
from daemon.midi.sources import CLIENT_NAME, VIRTUAL_PORT_NAME, Source
from daemon.midi.systems import InputPort, MidiSystem, MidiUnavailableError

_JACK_CLIENT_NAME = f"{CLIENT_NAME}-midi"  # the sound is "timbred"; whoever came second would get a number
_QUEUE_MESSAGES = 4096  # read every millisecond; a DIN cable carries one message in that time


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
    """CoreMIDI or Windows through RtMidi; what there is to do for the others as well."""

    def __init__(self, name: str, api: int, client_name: str = CLIENT_NAME) -> None:
        self.name = name
        self._api = api
        self._client_name = client_name
        self._lister: Any = None

    def inputs(self) -> Mapping[str, Source]:
        """See :class:`MidiSystem`."""
        return {name: Source(name) for name in self._names()}

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
        if self._lister is None:
            self._lister = rtmidi.MidiIn(self._api, name=self._client_name)
        return [name for name in self._lister.get_ports() if name]

    def _new_input(self) -> Any:
        midi_in = rtmidi.MidiIn(self._api, name=self._client_name, queue_size_limit=_QUEUE_MESSAGES)
        # Nothing may be filtered out: over JACK the time of a filtered message is lost to the next one.
        midi_in.ignore_types(sysex=False, timing=False, active_sense=False)
        return midi_in


class AlsaSystem(RtMidiSystem):
    """The ALSA sequencer through RtMidi."""

    def __init__(self, sequencer: Sequencer | None = None) -> None:
        super().__init__("alsa", rtmidi.API_LINUX_ALSA)
        self._sequencer = sequencer or Sequencer()

    def inputs(self) -> Mapping[str, Source]:
        """See :class:`MidiSystem`."""
        if not self._sequencer.available():
            self.close()
            raise MidiUnavailableError("no ALSA sequencer (/dev/snd/seq is not there, or not ours to open)")
        return self._sequencer.sources(self._names())


class JackSystem(RtMidiSystem):
    """JACK through RtMidi, asked only while :class:`daemon.midi.jack.JackProbe` says that a server lives."""

    def __init__(self) -> None:
        super().__init__("jack", rtmidi.API_UNIX_JACK, _JACK_CLIENT_NAME)
        self._probe = JackProbe()

    def inputs(self) -> Mapping[str, Source]:
        """See :class:`MidiSystem`."""
        if not self._probe.connect():
            raise MidiUnavailableError("no JACK server answers")
        return self._probe.sources()

    def close(self) -> None:
        """See :class:`MidiSystem`."""
        self._probe.close()


def makers(api: str) -> list[Callable[[], MidiSystem]]:
    """See :func:`daemon.midi.ports.system_makers`."""
    compiled = set(rtmidi.get_compiled_api())
    systems: dict[str, tuple[int, Callable[[], MidiSystem]]] = {
        "alsa": (rtmidi.API_LINUX_ALSA, AlsaSystem),
        "core": (rtmidi.API_MACOSX_CORE, lambda: RtMidiSystem("core", rtmidi.API_MACOSX_CORE)),
        "windows": (rtmidi.API_WINDOWS_MM, lambda: RtMidiSystem("windows", rtmidi.API_WINDOWS_MM)),
        "jack": (rtmidi.API_UNIX_JACK, JackSystem),
    }
    there = {name: make for name, (number, make) in systems.items() if number in compiled}
    if api == "auto":
        return list(there.values())
    if api not in there:
        known = ", ".join(["auto", *there])
        raise MidiUnavailableError(f'MIDI system "{api}" is not to be had here; there are: {known}')
    return [there[api]]
