"""What a transcription is made of, and what decides which notes are in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mappings.catalogue import CATALOGUE

REFERENCE_HZ = 440.0
REFERENCE_PITCH = 69
MAX_VELOCITY = 127
SHORTEST_S = 0.002  # two ticks of a MIDI file: what is shorter could not be told from its neighbour


class TranscriberMissing(RuntimeError):
    """An engine's package is not installed; the text holds the command that mends it."""


@dataclass(frozen=True)
class HeardNote:
    """One note of a transcription.

    Attributes
    ----------
    start_s, end_s : float
        Seconds from the beginning of the sound.
    pitch : int
        MIDI pitch.
    confidence : float
        How sure the engine is, 0..1.
    strength : float
        Amplitude of the note in the sound, linear, comparable within one transcription.
    bend : tuple of float
        Semitones from `pitch` every `bend_step_s` from the start; empty where the engine does not follow it.
    bend_step_s : float
        Seconds from one bend to the next.
    """

    start_s: float
    end_s: float
    pitch: int
    confidence: float
    strength: float
    bend: tuple[float, ...] = ()
    bend_step_s: float = 0.0


@dataclass(frozen=True)
class Thresholds:
    """Which notes are kept.

    Attributes
    ----------
    confidence : float
        0..1; 0 keeps everything, higher values fewer and surer notes.
    onset : float
        0..1; how probable a new attack must be to begin a note (polyphonic engine), or how deep the level
        must dip before it does (monophonic engine).
    min_note_s : float
        Seconds; shorter notes are dropped.
    lowest, highest : int
        MIDI pitches, both included.
    """

    confidence: float = 0.5
    onset: float = 0.5
    min_note_s: float = 0.06
    lowest: int = 0
    highest: int = 127

    def keeps(self, note: HeardNote) -> bool:
        """Whether the note is sure, long and near enough."""
        return (
            note.confidence >= self.confidence
            and note.end_s - note.start_s >= self.min_note_s
            and self.lowest <= note.pitch <= self.highest
        )


def hz_to_pitch(frequency_hz: float) -> float:
    """MIDI pitch, with fractions, of a frequency above 0: 69 + 12 log2(f / 440)."""
    return REFERENCE_PITCH + 12.0 * math.log2(frequency_hz / REFERENCE_HZ)


def pitch_to_hz(pitch: float) -> float:
    """Frequency in Hz of a MIDI pitch: 440 * 2 ** ((p - 69) / 12)."""
    return float(REFERENCE_HZ * 2.0 ** ((pitch - REFERENCE_PITCH) / 12.0))


def velocities(notes: Sequence[HeardNote]) -> list[int]:
    """MIDI velocities 1..127 of notes, the strongest at 127.

    By the instrument's own velocity curve, backwards: rendered by it, the notes are as far apart in level as
    they were in the recording.
    """
    strongest = max((note.strength for note in notes), default=0.0)
    if strongest <= 0.0:
        return [MAX_VELOCITY] * len(notes)
    exponent = 1.0 / CATALOGUE["/velocity/curve"].default
    return [max(1, round(MAX_VELOCITY * (note.strength / strongest) ** exponent)) for note in notes]


def without_overlaps(notes: Sequence[HeardNote]) -> list[HeardNote]:
    """Notes in order of start, each ended where the next of its pitch begins; under 2 ms they are dropped."""
    ordered = sorted(notes, key=lambda note: (note.start_s, note.pitch))
    following: dict[int, float] = {}
    kept: list[HeardNote] = []
    for note in reversed(ordered):
        end_s = min(note.end_s, following.get(note.pitch, math.inf))
        following[note.pitch] = note.start_s
        if end_s - note.start_s >= SHORTEST_S:
            kept.append(replace(note, end_s=end_s))
    return kept[::-1]
