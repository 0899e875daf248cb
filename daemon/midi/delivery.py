"""Performance commands -> kernel ring records, written by the thread that decoded them."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from daemon.events import (
    AllNotesOff,
    AllSoundOff,
    Command,
    NoteOff,
    NoteOn,
    Performance,
    PitchBend,
    ResetControllers,
    Sustain,
)
from synth_engine.abi import EventKind

_PERFORMANCE = (NoteOn, NoteOff, Sustain, PitchBend, AllNotesOff, AllSoundOff, ResetControllers)


class EventWriterLike(Protocol):
    """The writing end of one kernel ring; one thread only. See ``synth_engine.rings.EventWriter``."""

    def push(
        self,
        kind: EventKind,
        *,
        key: int = 0,
        channel: int = 0,
        slot: int = -1,
        value: float = 0.0,
        source_pitch: float = 0.0,
        stamp_ns: int = 0,
    ) -> bool:
        """Write one record; False, and nothing written, if the ring is full."""


def push_performance(writer: EventWriterLike, command: Performance) -> bool:
    """Write one performance command into the ring; False if there was no room."""
    kind, key, value = _record(command)
    return writer.push(kind, key=key, channel=command.channel, value=value, stamp_ns=command.stamp_ns)


def _record(command: Performance) -> tuple[EventKind, int, float]:
    match command:
        case NoteOn(key=key, velocity=velocity):
            record = EventKind.NOTE_ON, key, velocity
        case NoteOff(key=key, velocity=velocity):
            record = EventKind.NOTE_OFF, key, velocity
        case Sustain(value=value):
            record = EventKind.SUSTAIN, 0, value
        case PitchBend(semitones=semitones):
            record = EventKind.PITCH_BEND, 0, semitones
        case AllNotesOff():
            record = EventKind.ALL_NOTES_OFF, 0, 0.0
        case AllSoundOff():
            record = EventKind.ALL_SOUND_OFF, 0, 0.0
        case ResetControllers():
            record = EventKind.RESET_CONTROLLERS, 0, 0.0
    return record


def deliver(writer: EventWriterLike, command: Command) -> Command:
    """Put a performance command into the ring and mark it so; hand anything else back as it is.

    A full ring leaves ``delivered`` False: the control thread then sends the event through its own
    ring, so a note-off is late but never lost.
    """
    if isinstance(command, _PERFORMANCE) and push_performance(writer, command):
        return replace(command, delivered=True)
    return command
