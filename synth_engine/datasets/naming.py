"""Labels from the names people give files and folders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePath

from synth_engine.datasets.labels import FAMILIES, SOURCES, UNKNOWN

DEFAULT_VELOCITY = 100
_SEMITONES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "s": 1, "b": -1, "♭": -1}
_NSYNTH = re.compile(r"^(?P<instrument>.+?)(?P<cut>\.\d+)?-(?P<pitch>\d{3})-(?P<velocity>\d{3})$")
_NOTE = re.compile(r"(?<![A-Za-z0-9])([A-Ga-g])([#♯♭bs]?)(-1|\d)(?![A-Za-z0-9])")
_NUMBER = re.compile(r"(?<![A-Za-z0-9])(\d{2,3})$")
_PLAUSIBLE_PITCHES = range(12, 121)  # 01, 02 ... at the end of a name count takes
_SEPARATORS = " _-.,()[]"


@dataclass(frozen=True)
class Named:
    """What the name of a file and of its folders tell.

    Attributes
    ----------
    instrument : str
        The file's folder, or its name without the pitch.
    family, source : str
        As in `Label`.
    pitch : int or None
        MIDI pitch, if the name has one.
    velocity : int
        MIDI velocity, 100 if the name has none.
    """

    instrument: str
    family: str = UNKNOWN
    source: str = UNKNOWN
    pitch: int | None = None
    velocity: int = DEFAULT_VELOCITY


def pitch_of_note_name(name: str) -> int:
    """Return the MIDI pitch of a note name such as C4 (60), A#3, Bb2, Fs5 or C-1 (0).

    Raises
    ------
    ValueError
        If it is none.
    """
    match = _NOTE.fullmatch(name)
    if not match:
        raise ValueError(f"{name!r} is no note name such as C4 or A#3")
    letter, accidental, octave = match.groups()
    return 12 * (int(octave) + 1) + _SEMITONES[letter.lower()] + _ACCIDENTALS[accidental]


def read_name(path: PurePath) -> Named:
    """Return what a path relative to the recordings' folder tells.

    `guitar_acoustic_010-060-025.wav` is NSynth's way; otherwise the pitch is a note name (`oboe-A#3.wav`) or
    a number at the end (`oboe_60.wav`). Folders named like a family or a source are such; the innermost other
    folder is the instrument. Notes that were cut (`take1.003-060-100.wav`) keep their recording's name.
    """
    folders = [part.lower() for part in path.parts[:-1]]
    family = next((part for part in reversed(folders) if part in FAMILIES), UNKNOWN)
    source = next((part for part in reversed(folders) if part in SOURCES), UNKNOWN)
    others = [part for part in path.parts[:-1] if part.lower() not in (*FAMILIES, *SOURCES)]
    stem = path.stem
    if match := _NSYNTH.match(stem):
        pitch, velocity = int(match["pitch"]), int(match["velocity"])
        if pitch < 128 and velocity < 128:
            inner_family, inner_source = _of_instrument(match["instrument"])
            instrument = match["instrument"]
            if match["cut"]:
                instrument = others[-1] if others else _without_pitch(instrument)[0] or instrument
            return Named(
                instrument,
                inner_family if family == UNKNOWN else family,
                inner_source if source == UNKNOWN else source,
                pitch,
                velocity,
            )
    bare, named_pitch = _without_pitch(stem)
    return Named(others[-1] if others else bare or stem, family, source, named_pitch)


def read_names(paths: Iterable[PurePath]) -> dict[PurePath, Named]:
    """Return what the names of all files of a data set tell, together.

    A folder is one instrument only if its files' names differ in nothing but pitches and numbers; in a folder
    of piano01, piano02 and flute01 each file is an instrument, named FOLDER_FILE.
    """
    names = {path: read_name(path) for path in paths}
    kinds: dict[PurePath, set[str]] = {}
    for path in names:
        kinds.setdefault(path.parent, set()).add(re.sub(r"[\d\W_]+", "", _bare(path.stem)).lower())
    for path, named in names.items():
        is_of_folder = named.instrument == path.parent.name
        if is_of_folder and len(kinds[path.parent]) > 1:
            names[path] = replace(named, instrument=f"{named.instrument}_{_bare(path.stem)}")
    return names


def _bare(stem: str) -> str:
    match = _NSYNTH.match(stem)
    return _without_pitch(match["instrument"] if match else stem)[0]


def _of_instrument(name: str) -> tuple[str, str]:
    """Family and source of an NSynth instrument such as synth_lead_synthetic_001."""
    match = re.fullmatch(r"(.+)_([a-z]+)_\d+", name)
    if match and match[1] in FAMILIES and match[2] in SOURCES:
        return match[1], match[2]
    return UNKNOWN, UNKNOWN


def _without_pitch(stem: str) -> tuple[str, int | None]:
    notes = [match for match in _NOTE.finditer(stem) if 0 <= pitch_of_note_name(match[0]) < 128]
    if notes:
        match, pitch = notes[-1], pitch_of_note_name(notes[-1][0])
    else:
        number = _NUMBER.search(stem)
        if not number or int(number[1]) not in _PLAUSIBLE_PITCHES:
            return stem, None
        match, pitch = number, int(number[1])
    bare = (stem[: match.start()].rstrip(_SEPARATORS) + stem[match.end() :]).strip(_SEPARATORS)
    return bare, pitch
