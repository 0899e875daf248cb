"""What a data set can be built from: recordings, NSynth's folders, tfrecords."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synth_engine.datasets.audio_files import find_recordings, read_recording
from synth_engine.datasets.cutting import trimmed
from synth_engine.datasets.labels import Label
from synth_engine.datasets.naming import Named, read_names
from synth_engine.datasets.nsynth import json_notes, record_notes, split_of_path
from synth_engine.datasets.pitch_choice import PitchChoice
from synth_engine.datasets.shards import DatasetError


class Note(Protocol):
    """One note that is not read yet."""

    @property
    def name(self) -> str:
        """What reports call it."""

    def read(self) -> tuple[NDArray[np.float32], Label, bool]:
        """Return (wave at 16 kHz, label, whether qualities are told).

        Raises
        ------
        AudioFileError
            If it cannot be used.
        """


@dataclass(frozen=True)
class RecordedNote:
    """A file that is one note.

    Attributes
    ----------
    path : Path
        The file.
    name : str
        What reports call it.
    named : Named
        What its name tells.
    pitches : PitchChoice
        How its pitch is found.
    mix : bool
        See `read_recording`.
    """

    path: Path
    name: str
    named: Named
    pitches: PitchChoice
    mix: bool

    def read(self) -> tuple[NDArray[np.float32], Label, bool]:
        """Return (wave at 16 kHz, label, False); AudioFileError if it cannot be used."""
        wave = trimmed(read_recording(self.path, self.mix))
        named = self.named
        pitch = self.pitches.choose(wave, named.pitch)
        return wave, Label(named.instrument, None, named.family, named.source, pitch, named.velocity), False


@dataclass(frozen=True)
class Source:
    """The notes a data set is built from.

    Attributes
    ----------
    kind : str
        "recordings" or "nsynth".
    notes : list of Note
        In an order that is always the same.
    splits : list of (str or None)
        Split of each note, None where the source does not tell.
    damaged : list of (str, str)
        Files of which a part cannot be found, and why.
    """

    kind: str
    notes: list[Note] = field(default_factory=list)
    splits: list[str | None] = field(default_factory=list)
    damaged: list[tuple[str, str]] = field(default_factory=list)

    def _add(self, notes: list[Note], split: str | None) -> None:
        self.notes.extend(notes)
        self.splits.extend([split] * len(notes))


def open_source(path: Path, pitches: PitchChoice, mix: bool = False) -> Source:
    """Look what a folder or file holds: NSynth's examples.json or tfrecords at any depth, else recordings.

    Raises
    ------
    DatasetError
        If it is not there or holds none of these.
    """
    if not path.exists():
        raise DatasetError(f"{path}: no such file or folder")
    tables = [path] if path.name == "examples.json" else sorted(path.rglob("examples.json"))
    records = [path] if path.is_file() else sorted(path.rglob("*tfrecord*"))
    records = [record for record in records if record.is_file() and "tfrecord" in record.name]
    if not tables and not records:
        return _recordings(path, pitches, mix)
    source = Source("nsynth")
    for table in tables:
        source._add(list(json_notes(table)), split_of_path(table.parent))
    for record in records:
        notes, wrong = record_notes(record)
        source._add(list(notes), split_of_path(record))
        if wrong:
            source.damaged.append((record.name, wrong))
    return source


def _recordings(path: Path, pitches: PitchChoice, mix: bool) -> Source:
    root = path.parent if path.is_file() else path
    files = [path] if path.is_file() else find_recordings(path)
    if not files:
        raise DatasetError(
            f"{path}: nothing to build from: no examples.json, no *.tfrecord, no recordings "
            "(wav, flac, ogg, opus, mp3, aiff, au, caf ...)"
        )
    source = Source("recordings")
    names = read_names(file.relative_to(root) for file in files)
    source._add(
        [RecordedNote(root / path, str(path), named, pitches, mix) for path, named in names.items()], None
    )
    return source
