"""Notes, pedals and bends on their way from a command to the instrument."""

from __future__ import annotations

from typing import Protocol

from daemon import events


class PerformanceSink(Protocol):
    """The playing half of ``synth_engine.instrument.Instrument``.

    ``delivered`` True: a MIDI thread has put the event into the kernel itself; only scheduling is told.
    """

    def note_on(
        self, key: int, velocity: float, channel: int = 0, stamp_ns: int = 0, *, delivered: bool = False
    ) -> None:
        """Start a note."""

    def note_off(
        self, key: int, velocity: float = 0.0, channel: int = 0, stamp_ns: int = 0, *, delivered: bool = False
    ) -> None:
        """End it."""

    def sustain(self, value: float, channel: int = 0, stamp_ns: int = 0, *, delivered: bool = False) -> None:
        """Press or lift the pedal."""

    def pitch_bend(
        self, semitones: float, channel: int = 0, stamp_ns: int = 0, *, delivered: bool = False
    ) -> None:
        """Bend a channel."""

    def all_notes_off(self, channel: int = -1, stamp_ns: int = 0, *, delivered: bool = False) -> None:
        """Release every key; the pedal still holds."""

    def all_sound_off(self, channel: int = -1, stamp_ns: int = 0, *, delivered: bool = False) -> None:
        """Silence with a short fade."""

    def reset_controllers(self, channel: int = -1, stamp_ns: int = 0, *, delivered: bool = False) -> None:
        """Bend to the middle, pedal up."""


def perform(sink: PerformanceSink, command: events.Performance) -> None:
    """Give one performance command to the instrument."""
    stamp_ns, delivered = command.stamp_ns, command.delivered
    match command:
        case events.NoteOn(key, velocity, channel):
            sink.note_on(key, velocity, channel, stamp_ns, delivered=delivered)
        case events.NoteOff(key, velocity, channel):
            sink.note_off(key, velocity, channel, stamp_ns, delivered=delivered)
        case events.Sustain(value, channel):
            sink.sustain(value, channel, stamp_ns, delivered=delivered)
        case events.PitchBend(semitones, channel):
            sink.pitch_bend(semitones, channel, stamp_ns, delivered=delivered)
        case events.AllNotesOff(channel):
            sink.all_notes_off(channel, stamp_ns, delivered=delivered)
        case events.AllSoundOff(channel):
            sink.all_sound_off(channel, stamp_ns, delivered=delivered)
        case events.ResetControllers(channel):
            sink.reset_controllers(channel, stamp_ns, delivered=delivered)
