"""A batch of notes as files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from synth_engine.offline.note_batch import BatchFormat, BatchPlan, plan_notes, write_notes
from synth_engine.offline.note_source import NoteSource
from synth_engine.offline.pitches import PitchError, parse_pitches, pitch_name


@pytest.mark.parametrize(
    ("text", "pitches"),
    [
        ("60,64", (60, 64)),
        ("C4, E4 ,g4", (60, 64, 67)),
        ("58-61", (58, 59, 60, 61)),
        ("F#3..A3", (54, 55, 56, 57)),
        ("Bb2,Cs4,C-1-D-1", (46, 61, 0, 1, 2)),
    ],
)
def test_pitches_are_read_as_people_write_them(text: str, pitches: tuple[int, ...]) -> None:
    assert parse_pitches(text) == pitches


@pytest.mark.parametrize("text", ["", "60,", "H4", "72-60", "128", "C10", "60-", "sixty", "-1"])
def test_what_is_no_pitch_is_refused(text: str) -> None:
    with pytest.raises(PitchError, match="pitches"):
        parse_pitches(text)


def test_every_pitch_can_be_read_by_its_name() -> None:
    assert [parse_pitches(pitch_name(pitch)) for pitch in range(128)] == [(pitch,) for pitch in range(128)]


def test_notes_come_with_a_list_and_a_sheet(source: NoteSource, tmp_path: Path) -> None:
    plan = BatchPlan(count=3, pitches=(60, 64), anchors=("violin",))
    told: list[int] = []
    notes = plan_notes(source.model, plan)
    how = BatchFormat("flac", 16_000, held_s=0.5)
    paths = write_notes(source, notes, tmp_path, how, lambda done, total: told.append(done))
    assert [path.name for path in paths] == ["01_C4_violin.flac", "02_E4_violin.flac", "03_C4_violin.flac"]
    assert told == [1, 2, 3]
    assert (tmp_path / "sheet.png").stat().st_size > 1000
    with (tmp_path / "notes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], row["pitch"], row["timbre"]) for row in rows] == [
        (path.name, str(pitch), "violin") for path, pitch in zip(paths, (60, 64, 60), strict=True)
    ]
    listed = json.loads((tmp_path / "notes.json").read_text())
    assert listed["model_digest"] == source.model.digest
    np.testing.assert_allclose(listed["notes"][0]["latent"], source.model.anchors["violin"].latent, atol=1e-6)
    sound, rate_hz = soundfile.read(paths[0])
    assert rate_hz == 16_000
    assert len(sound) == pytest.approx((0.5 + 0.375) * 16_000, abs=100)
    assert 0.5 < np.abs(sound).max() <= 1.0


def test_the_same_seed_gives_the_same_files(source: NoteSource, tmp_path: Path) -> None:
    contents = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        notes = plan_notes(source.model, BatchPlan(count=2, latents="mix", seed=11))
        contents.append([path.read_bytes() for path in write_notes(source, notes, folder, BatchFormat())])
    assert contents[0] == contents[1]
    other = plan_notes(source.model, BatchPlan(count=2, latents="mix", seed=12))
    assert [note.timbre.label for note in other] != [note.timbre.label for note in notes]


def test_drawn_pitches_are_those_a_timbre_was_trained_on(source: NoteSource) -> None:
    for note in plan_notes(source.model, BatchPlan(count=50, latents="anchors")):
        low, high = note.timbre.pitches
        assert low <= note.pitch <= high


def test_one_timbre_is_one_timbre(source: NoteSource) -> None:
    notes = plan_notes(source.model, BatchPlan(count=5, one_timbre=True))
    assert len({note.timbre.label for note in notes}) == 1
    assert len({note.timbre.label for note in plan_notes(source.model, BatchPlan(count=5))}) == 5
