"""NSynth's own two packings, and those of its users: `examples.json` beside `audio/`, and tfrecords.

Field names are those of the NSynth data set; only the audio and the pitch are required, because the fork of
GANSynth that people train their own sounds with writes five fields and no names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth_engine.datasets.audio_files import AudioFileError, read_recording
from synth_engine.datasets.labels import FAMILIES, QUALITIES, SOURCES, SPLITS, UNKNOWN, Label
from synth_engine.datasets.naming import DEFAULT_VELOCITY
from synth_engine.datasets.shards import DatasetError
from synth_engine.datasets.tfrecords import Record, RecordError, find_records, parse_example, read_record
from synth_engine.generator.spectral import SAMPLE_RATE_HZ

_SPLIT_IN_NAME = re.compile(r"(?:^|[-_.])(train|valid|test)(?:$|[-_.])")
_RATE_HZ = 16_000  # of all tfrecords, which do not always tell it


def split_of_path(path: Path) -> str | None:
    """Return the split that a name such as nsynth-valid or nsynth-test.tfrecord tells, or None."""
    for part in reversed(path.parts[-3:]):
        if match := _SPLIT_IN_NAME.search(part.lower()):
            assert match[1] in SPLITS
            return match[1]
    return None


def label_of(values: Mapping[str, Any], name: str) -> Label:
    """Return the label of one NSynth example.

    Parameters
    ----------
    values : mapping
        NSynth's fields: numbers, texts and lists.
    name : str
        Instrument, if the example does not tell.

    Raises
    ------
    AudioFileError
        If the pitch is missing or no MIDI pitch.
    """
    pitch, velocity = values.get("pitch"), values.get("velocity", DEFAULT_VELOCITY)
    if not isinstance(pitch, int) or not 0 <= pitch < 128:
        raise AudioFileError(f"pitch {pitch!r} is no MIDI pitch, 0..127")
    if not isinstance(velocity, int) or not 0 <= velocity < 128:
        velocity = DEFAULT_VELOCITY
    instrument = values.get("instrument_str") or _instrument_of(values.get("note_str")) or name
    return Label(
        instrument=str(instrument),
        program=None,
        family=_choice(values, "instrument_family", FAMILIES),
        source=_choice(values, "instrument_source", SOURCES),
        pitch=pitch,
        velocity=velocity,
        qualities=_qualities(values),
    )


def has_qualities(values: Mapping[str, Any]) -> bool:
    """Whether an example tells its qualities."""
    return "qualities" in values or "qualities_str" in values


def _instrument_of(note: object) -> str | None:
    match = re.fullmatch(r"(.+)-\d{3}-\d{3}", note) if isinstance(note, str) else None
    return match[1] if match else None


def _choice(values: Mapping[str, Any], field: str, names: Sequence[str]) -> str:
    told = values.get(f"{field}_str")
    if isinstance(told, str) and told in names:
        return told
    number = values.get(field)
    return names[number] if isinstance(number, int) and 0 <= number < len(names) else UNKNOWN


def _qualities(values: Mapping[str, Any]) -> tuple[str, ...]:
    told = values.get("qualities_str")
    if isinstance(told, list) and told:
        return tuple(name for name in QUALITIES if name in told)
    bits = values.get("qualities")
    if isinstance(bits, list) and len(bits) == len(QUALITIES):
        return tuple(name for name, bit in zip(QUALITIES, bits, strict=True) if bit)
    return ()


@dataclass(frozen=True)
class JsonNote:
    """One note of an `examples.json` folder.

    Attributes
    ----------
    path : Path
        The sound file.
    values : dict
        NSynth's fields.
    """

    path: Path
    values: dict[str, Any]

    @property
    def name(self) -> str:
        """What reports call it."""
        return self.path.name

    def read(self) -> tuple[NDArray[np.float32], Label, bool]:
        """Return (wave at 16 kHz, label, whether qualities are told); AudioFileError if it cannot be used."""
        label = label_of(self.values, self.path.stem.rsplit("-", 2)[0])
        return read_recording(self.path), label, has_qualities(self.values)


@dataclass(frozen=True)
class RecordNote:
    """One note of a tfrecord file.

    Attributes
    ----------
    record : Record
        Where it stands.
    """

    record: Record

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"{self.record.path.name}, record {self.record.number}"

    def read(self) -> tuple[NDArray[np.float32], Label, bool]:
        """Return (wave at 16 kHz, label, whether qualities are told); AudioFileError if it cannot be used."""
        try:
            features = parse_example(read_record(self.record))
        except RecordError as error:
            raise AudioFileError(str(error)) from None
        wave = features.get("audio")
        if not isinstance(wave, np.ndarray) or not len(wave):
            raise AudioFileError("no audio of floating-point samples in it")
        if not np.isfinite(wave).all():
            raise AudioFileError("holds samples that are no numbers")
        values = {name: _plain(feature) for name, feature in features.items() if name != "audio"}
        if values.get("sample_rate", _RATE_HZ) != SAMPLE_RATE_HZ:
            raise AudioFileError(f"a sample rate of {values['sample_rate']} Hz, expected {SAMPLE_RATE_HZ}")
        return wave, label_of(values, self.record.path.stem), has_qualities(values)


def _plain(feature: Any) -> Any:
    """A feature as JSON would have it: single values bare, texts decoded; qualities stay lists."""
    if isinstance(feature, np.ndarray):
        return [float(value) for value in feature]
    items = [item.decode("utf-8", "replace") if isinstance(item, bytes) else item for item in feature]
    return items[0] if len(items) == 1 and items[0] not in QUALITIES else items


def json_notes(examples: Path) -> list[JsonNote]:
    """Return the notes of an `examples.json`, sorted by name.

    Raises
    ------
    DatasetError
        If it is no such file.
    """
    try:
        values = json.loads(examples.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise DatasetError(f"{examples}: cannot be read: {error}") from None
    if not isinstance(values, dict) or not all(isinstance(entry, dict) for entry in values.values()):
        raise DatasetError(f"{examples}: expected an object of notes by name, as in NSynth's examples.json")
    folder = examples.parent / "audio"
    return [JsonNote(folder / f"{name}.wav", values[name]) for name in sorted(values)]


def record_notes(path: Path) -> tuple[list[RecordNote], str | None]:
    """Return the notes of a tfrecord file, and what is wrong with the rest of it, if something is."""
    notes: list[RecordNote] = []
    try:
        notes.extend(RecordNote(record) for record in find_records(path))
    except RecordError as error:
        return notes, str(error)
    return notes, None
