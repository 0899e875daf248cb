"""Notes to a standard MIDI file: 480 ticks a beat at 120 beats a minute, so 960 ticks a second."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import mido

from synth_engine.transcription.heard_notes import HeardNote, velocities

TICKS_PER_BEAT = 480
BEATS_PER_MINUTE = 120
TICKS_PER_S = TICKS_PER_BEAT * BEATS_PER_MINUTE / 60.0


BEND_RANGE_SEMITONES = 2.0  # what every synthesiser starts with
_BEND_STEP = 64  # of 8192 a side: 1.6 cents, finer than an ear

Event = tuple[int, int, mido.Message]  # tick, place among the events of one tick, message
_OFF, _BEND, _ON = range(3)


def midi_bytes(notes: Sequence[HeardNote], *, bends: bool = False) -> bytes:
    """A format 0 file with all notes on channel 1, velocities relative to the strongest note.

    Notes of one pitch must not overlap (`without_overlaps`); each lasts a tick at least. A transcription
    knows no tempo: the beat of 120 a minute only carries the seconds.

    Parameters
    ----------
    notes : sequence of HeardNote
    bends : bool
        Whether to write pitch bends, within 2 semitones; only for notes that do not overlap at all, as a bend
        moves the whole channel.
    """
    events: list[Event] = []
    for note, velocity in zip(notes, velocities(notes), strict=True):
        start = round(note.start_s * TICKS_PER_S)
        end = max(round(note.end_s * TICKS_PER_S), start + 1)
        events.append((start, _ON, mido.Message("note_on", note=note.pitch, velocity=velocity)))
        events.append((end, _OFF, mido.Message("note_off", note=note.pitch, velocity=0)))
        if bends:
            events += _bend_events(note, start, end)
    events.sort(key=lambda event: event[:2])  # where one note ends and the next begins, the end comes first
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(BEATS_PER_MINUTE))])
    now = 0
    for tick, _, message in events:
        track.append(message.copy(time=tick - now))
        now = tick
    file = mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT, tracks=[track])
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _bend_events(note: HeardNote, start: int, end: int) -> Iterator[Event]:
    written: int | None = None
    for number, semitones in enumerate(note.bend or (0.0,)):
        tick = start + round(number * note.bend_step_s * TICKS_PER_S)
        value = min(max(round(8192 * semitones / BEND_RANGE_SEMITONES), -8192), 8191)
        if tick < end and (written is None or abs(value - written) >= _BEND_STEP):
            yield tick, _BEND, mido.Message("pitchwheel", pitch=value)
            written = value
