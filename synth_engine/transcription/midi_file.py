"""Notes to a standard MIDI file: 480 ticks a beat at 120 beats a minute, so 960 ticks a second."""

from __future__ import annotations

import io
from collections.abc import Sequence

import mido

from synth_engine.transcription.heard_notes import HeardNote, velocities

TICKS_PER_BEAT = 480
BEATS_PER_MINUTE = 120
TICKS_PER_S = TICKS_PER_BEAT * BEATS_PER_MINUTE / 60.0


def midi_bytes(notes: Sequence[HeardNote]) -> bytes:
    """A format 0 file with all notes on channel 1, velocities relative to the strongest note.

    Notes of one pitch must not overlap (`without_overlaps`); each lasts a tick at least. A transcription
    knows no tempo: the beat of 120 a minute only carries the seconds.
    """
    events: list[tuple[int, int, mido.Message]] = []
    for note, velocity in zip(notes, velocities(notes), strict=True):
        start = round(note.start_s * TICKS_PER_S)
        end = max(round(note.end_s * TICKS_PER_S), start + 1)
        events.append((start, 1, mido.Message("note_on", note=note.pitch, velocity=velocity)))
        events.append((end, 0, mido.Message("note_off", note=note.pitch, velocity=0)))
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
