"""Reports on data sets."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import numpy as np

from synth_engine.datasets import inspection, inspection_pictures
from synth_engine.datasets.finishing import to_int16
from synth_engine.datasets.labels import Label
from synth_engine.datasets.shards import Waves, read_dataset, write_shard
from tests.synth_engine.datasets.sounds import tone


def make_dataset(folder: Path) -> tuple[Waves, list[Label]]:
    plucked, held = (tone(60, 4.0, 16_000, decay_s) for decay_s in (0.3, 9.0))
    clipped = np.clip(3.0 * held, -0.5, 0.5)
    waves = [plucked, held, held, 1.003 * held, clipped, np.zeros(64_000), tone(67, 4.0, 16_000)]
    splits = ["train", "train", "train", "valid", "train", "train"]
    labels = [
        Label(f"lute{i}", None, "string", "acoustic", 60, 100, ("dark",), split)
        for i, split in enumerate(splits)
    ]
    labels.append(Label("odd", None, "unknown", "unknown", 67, 90, (), "test"))
    write_shard(folder, "a", [to_int16(0.9 * wave) for wave in waves], labels)
    return read_dataset(folder)


def test_the_report_tells_counts_coverage_and_what_to_look_at(tmp_path: Path) -> None:
    waves, labels = make_dataset(tmp_path)
    calls: list[tuple[int, int]] = []
    found = inspection.inspect_notes(waves, labels, range(7), lambda *call: calls.append(call))
    figures = inspection.report(labels, found)
    assert calls[-1] == (7, 7)
    assert (figures["notes"], figures["instruments"]) == (7, 7)
    assert figures["counts"]["family"]["string"] == 6
    assert figures["counts"]["family"]["unknown"] == 1
    assert figures["counts"]["quality"]["dark"] == 6
    assert figures["counts"]["split"] == {"train": 5, "valid": 1, "test": 1}
    assert figures["pitches"]["string"] == {
        "lowest": 60, "highest": 60, "missing": 0, "instruments": 6, "notes": 6,
    }  # fmt: skip
    assert figures["silent"] == ["5: lute5 60"]
    assert figures["flat_tops"] == ["4: lute4 60"]
    assert figures["same_samples"] == [["1: lute1 60", "2: lute2 60"]]
    assert ["1: lute1 60", "3: lute3 60"] in figures["sound_the_same"]
    assert ["1: lute1 60", "3: lute3 60"] in figures["in_two_splits"]
    assert ["1: lute1 60", "2: lute2 60"] not in figures["in_two_splits"]
    assert not any("lute0" in name for pair in figures["sound_the_same"] for name in pair)
    text = inspection.to_text(figures)
    assert "7 notes" in text
    assert "same samples: 1\n  1: lute1 60 = 2: lute2 60" in text


def test_the_pictures_are_drawn(tmp_path: Path) -> None:
    waves, labels = make_dataset(tmp_path)
    found = inspection.inspect_notes(waves, labels, range(7))
    inspection_pictures.draw_measures(found, tmp_path / "measures.png")
    inspection_pictures.draw_coverage(labels, tmp_path / "pitches.png")
    inspection_pictures.draw_families(found, tmp_path / "families.png")
    inspection_pictures.draw_examples(waves, labels, tmp_path / "examples.png")
    for path in tmp_path.glob("*.png"):
        image = matplotlib.image.imread(path)
        assert image.shape[1] > 500
        assert image.std() > 0.05
    assert len(list(tmp_path.glob("*.png"))) == 4
