"""Pitches as people write them: numbers, names, ranges."""

from __future__ import annotations

import re

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": 0, "#": 1, "s": 1, "b": -1}
_NAMES = ("C", "Cs", "D", "Ds", "E", "F", "Fs", "G", "Gs", "A", "As", "B")
_PITCH = r"[A-Ga-g][#sb]?-?\d|\d+"
_ITEM = re.compile(rf"\s*({_PITCH})(?:\s*(?:-|\.\.)\s*({_PITCH}))?\s*")


class PitchError(ValueError):
    """A text that names no pitches; the message is for the player."""


def pitch_name(pitch: int) -> str:
    """Name of a MIDI pitch that is safe in file names; 60 is C4, 61 is Cs4."""
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


def parse_pitches(text: str) -> tuple[int, ...]:
    """Read pitches such as ``48-72``, ``C4,E4,G4`` or ``60,64,F#4-A4``.

    Parameters
    ----------
    text : str
        MIDI numbers and names (C4 is 60; sharps ``#`` or ``s``, flats ``b``), separated by commas, a range by
        ``-`` or ``..``, both ends included.

    Returns
    -------
    tuple of int
        In the order written, within 0..127.

    Raises
    ------
    PitchError
        If a part is no pitch and no range, or out of 0..127.
    """
    pitches: list[int] = []
    for part in text.split(","):
        match = _ITEM.fullmatch(part)
        if match is None:
            raise PitchError(f"pitches: {part.strip()!r} is no pitch, expected such as 60, C4, F#3 or 48-72")
        low = _pitch(match[1])
        high = low if match[2] is None else _pitch(match[2])
        if high < low:
            raise PitchError(f"pitches: {part.strip()!r} runs downwards, expected the lower pitch first")
        pitches += range(low, high + 1)
    return tuple(pitches)


def _pitch(word: str) -> int:
    if word.isdigit():
        pitch = int(word)
    else:
        accidental = word[1] if word[1] in "#sb" else ""
        octave = int(word[1 + len(accidental) :])
        pitch = 12 * (octave + 1) + _STEPS[word[0].upper()] + _ACCIDENTALS[accidental]
    if not 0 <= pitch <= 127:
        raise PitchError(f"pitches: {word} is MIDI pitch {pitch}, expected 0 to 127")
    return pitch
