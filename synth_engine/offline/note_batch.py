"""A batch of notes as files: sounds whose names tell what they are, a sheet to look at and a list."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mappings.atomic_files import write_atomic
from synth_engine.generator.model import Model
from synth_engine.offline.mixdown import Envelope
from synth_engine.offline.note_source import NoteRequest, NoteSource
from synth_engine.offline.pictures import write_sheet
from synth_engine.offline.pitches import pitch_name
from synth_engine.offline.resampling import resample
from synth_engine.offline.sound_file import write_sound
from synth_engine.offline.timbres import Choice, Timbre, named_or_drawn

FloatArray = NDArray[np.float32]

_PITCH_STREAM = 1  # beside the seed: pitches are drawn apart from timbres


@dataclass(frozen=True)
class BatchPlan:
    """Which notes.

    Attributes
    ----------
    count : int
        How many.
    pitches : tuple of int
        MIDI pitches, taken in turn; none: drawn from what each timbre was trained on.
    anchors : tuple of str
        Named timbres, taken in turn; none: drawn.
    latents : {"random", "anchors", "mix"}
        What timbres are drawn.
    one_timbre : bool
        Whether all notes have the first timbre.
    seed : int
        The same seed gives the same notes.
    """

    count: int
    pitches: tuple[int, ...] = ()
    anchors: tuple[str, ...] = ()
    latents: Choice = "random"
    one_timbre: bool = False
    seed: int = 0


@dataclass(frozen=True)
class BatchNote:
    """One note of a batch: MIDI pitch, and the timbre it has."""

    pitch: int
    timbre: Timbre


@dataclass(frozen=True)
class BatchFormat:
    """How notes are written.

    Attributes
    ----------
    suffix : {"wav", "flac"}
        Sound format.
    rate_hz : int
        Sample rate.
    held_s : float or None
        How long the key is down; None writes the model's notes as they are.
    """

    suffix: Literal["wav", "flac"] = "wav"
    rate_hz: int = 48_000
    held_s: float | None = None


def plan_notes(model: Model, plan: BatchPlan) -> list[BatchNote]:
    """Choose pitches and timbres.

    Raises
    ------
    TimbreError
        If an anchor is unknown, or the model has too few.
    """
    timbres = named_or_drawn(
        model, plan.anchors, plan.latents, plan.seed, 1 if plan.one_timbre else plan.count
    )
    rng = np.random.default_rng([plan.seed, _PITCH_STREAM])
    notes = []
    for number in range(plan.count):
        timbre = timbres[number % len(timbres)]
        low, high = timbre.pitches
        drawn = int(rng.integers(low, high + 1))
        pitch = plan.pitches[number % len(plan.pitches)] if plan.pitches else drawn
        notes.append(BatchNote(pitch, timbre))
    return notes


def file_name(number: int, note: BatchNote, suffix: str) -> str:
    """Name of the file of a note, such as ``03_C4_violin.wav``; numbers from 1."""
    return f"{number:02d}_{pitch_name(note.pitch)}_{note.timbre.label}.{suffix}"


def write_notes(
    source: NoteSource,
    notes: Sequence[BatchNote],
    folder: Path,
    how: BatchFormat,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Render notes and write them, ``notes.csv``, ``notes.json`` and ``sheet.png``.

    Parameters
    ----------
    source : NoteSource
        Renders.
    notes : sequence of BatchNote
        One or more.
    folder : Path
        Made if missing; files of the same names are replaced.
    how : BatchFormat
        Format.
    progress : callable or None
        Told (done, total) as it goes on.

    Returns
    -------
    list of Path
        The sounds.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    requests = [NoteRequest(note.timbre.latent, float(note.pitch), how.held_s) for note in notes]
    paths, shown = [], []
    for number, (note, wave) in enumerate(zip(notes, source.stream(requests), strict=True), 1):
        sound = _as_played(resample(wave, source.rate_hz, how.rate_hz), how)
        path = folder / file_name(number, note, how.suffix)
        write_sound(path, sound, how.rate_hz)
        paths.append(path)
        shown.append(wave)
        if progress is not None:
            progress(number, len(notes))
    titles = [f"{_shown_name(note)} {note.timbre.label}" for note in notes]
    write_sheet(folder / "sheet.png", shown, titles, source.rate_hz)
    _write_lists(folder, source.model, notes, how)
    return paths


def _shown_name(note: BatchNote) -> str:
    return pitch_name(note.pitch).replace("s", "#")


def _as_played(sound: FloatArray, how: BatchFormat) -> FloatArray:
    if how.held_s is not None:
        gains = Envelope().gains(how.held_s, how.rate_hz)[: len(sound)]
        sound = sound[: len(gains)] * gains
    # A model never trained may be far louder than files can hold.
    peak = float(np.max(np.abs(sound), initial=0.0))
    return sound if peak <= 1.0 else (sound / np.float32(peak)).astype(np.float32)


def _write_lists(folder: Path, model: Model, notes: Sequence[BatchNote], how: BatchFormat) -> None:
    rows: list[dict[str, Any]] = [
        {
            "file": file_name(number, note, how.suffix),
            "pitch": note.pitch,
            "name": _shown_name(note),
            "timbre": note.timbre.label,
        }
        for number, note in enumerate(notes, 1)
    ]
    table = StringIO()
    writer = csv.DictWriter(table, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    write_atomic(folder / "notes.csv", table.getvalue().encode(), generations=0)
    for row, note in zip(rows, notes, strict=True):
        row["origin"] = note.timbre.origin
        row["latent"] = [round(float(x), 6) for x in note.timbre.latent]
    listed = {
        "model_digest": model.digest,
        "rate_hz": how.rate_hz,
        "held_s": how.held_s,
        "notes": rows,
    }
    write_atomic(folder / "notes.json", json.dumps(listed, indent=1).encode() + b"\n", generations=0)
