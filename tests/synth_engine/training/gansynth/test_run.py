"""A whole training: stages, files, kill and resume, refusals."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from synth_engine.generator.latents import draw_latents
from synth_engine.generator.model_folder import load_model
from synth_engine.training.gansynth import checkpoint
from synth_engine.training.gansynth.config import load_config
from synth_engine.training.gansynth.devices import DevicesError, OneDevice, open_devices
from synth_engine.training.gansynth.notes import NotesError, open_notes
from synth_engine.training.gansynth.run import Diverged, OtherConfig, Plan, train
from synth_engine.training.gansynth.trainer import Trainer
from tests.synth_engine.training.gansynth.conftest import ROOT
from tests.synth_engine.training.gansynth.tiny import LABELS, write_config, write_data


def rows_of(run: Path) -> list[list[str]]:
    """The curve without its times."""
    with (run / "curve.csv").open(newline="") as file:
        return [row[:2] + row[3:] for row in csv.reader(file)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("finished")
    lines: list[str] = []
    config = load_config(write_config(folder))
    train(Plan(write_data(folder / "data"), folder / "run"), config, OneDevice(), lines.append)
    assert [line for line in lines if "stage" in line] == [
        "starting at 0 images, stage 0 (stable, 1 blocks)",
        "8 images: stage 1 (transition, 2 blocks)",
        "16 images: stage 2 (stable, 2 blocks)",
    ]
    return folder


def test_a_killed_run_goes_on_bit_for_bit(finished: Path, tmp_path: Path) -> None:
    data, config = write_data(tmp_path / "data"), write_config(tmp_path)
    command = [sys.executable, "-m", "tests.synth_engine.training.gansynth.killed"]
    killed = subprocess.run([*command, str(data), str(tmp_path / "run"), str(config)], cwd=ROOT, check=False)
    assert killed.returncode == -9
    assert checkpoint.read(tmp_path / "run").images == 20  # type: ignore[union-attr]
    train(Plan(data, tmp_path / "run"), load_config(config), OneDevice())
    assert rows_of(tmp_path / "run") == rows_of(finished / "run")
    ours, theirs = (checkpoint.read(path / "run").arrays for path in (tmp_path, finished))  # type: ignore[union-attr]
    for group, arrays in theirs.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(ours[group][name], array, err_msg=f"{group} {name}")


def test_the_curve_has_a_header_and_a_row_for_every_step(finished: Path) -> None:
    header, *rows = rows_of(finished / "run")
    assert header[:2] == ["images", "progress"]
    assert {"generator", "discriminator", "penalty", "real_family", "generated_qualities"} <= set(header)
    assert [row[0] for row in rows] == [str(images) for images in range(4, 36, 4)]
    assert [float(row[1]) for row in rows[1:5]] == [0.0, 0.5, 1.0, 1.0]


def test_the_exported_model_knows_conditions_and_their_joint_distribution(finished: Path) -> None:
    model = load_model(finished / "run" / "model")
    assert [c.name for c in model.conditions] == ["family", "source", "qualities"]
    assert [c.exclusive for c in model.conditions] == [True, True, False]
    assert sorted(model.condition_rows.counts) == [4, 4]
    latents = draw_latents(model, np.random.default_rng(0), 50)
    bright, acoustic = latents[:, -1], latents[:, -4]
    np.testing.assert_array_equal(bright, acoustic)  # as in the data: all brass is bright and acoustic
    assert {anchor.family for anchor in model.anchors.values()} == {name.split()[0] for name in model.anchors}
    assert len(model.anchors) == 2
    assert model.provenance["images"] == 32
    trained = checkpoint.read(finished / "run").arrays["average"]  # type: ignore[union-attr]
    np.testing.assert_array_equal(model.weights["block_2/to_rgb/kernel"], trained["block_2/to_rgb/kernel"])


def test_samples_are_a_picture_and_a_sound(finished: Path) -> None:
    names = sorted(path.name for path in (finished / "run" / "samples").iterdir())
    assert names == ["000000032.flac", "000000032.png"]


def test_a_finished_run_is_left_alone(finished: Path, tmp_path: Path) -> None:
    before = rows_of(finished / "run")
    train(Plan(finished / "data", finished / "run"), load_config(write_config(tmp_path)), OneDevice())
    assert rows_of(finished / "run") == before


def test_another_config_is_refused_in_words(finished: Path, tmp_path: Path) -> None:
    other = load_config(write_config(tmp_path, noise_size="5"))
    with pytest.raises(OtherConfig, match=r"\[network\] noise_size = 4, asked is 5"):
        train(Plan(finished / "data", finished / "run"), other, OneDevice())


def test_other_outputs_are_no_other_config(finished: Path, tmp_path: Path) -> None:
    other = load_config(write_config(tmp_path, curve_images="8"))
    assert train(Plan(finished / "data", finished / "run"), other, OneDevice()).finished


def test_minutes_stop_on_time_with_a_checkpoint_and_a_model(tmp_path: Path) -> None:
    config = load_config(write_config(tmp_path, total_images="1_000_000", stable_images="100_000"))
    plan = Plan(write_data(tmp_path / "data"), tmp_path / "run", minutes=1e-4)
    trainer = train(plan, config, OneDevice())
    assert trainer.images < 100_000
    assert checkpoint.read(tmp_path / "run").images == trainer.images  # type: ignore[union-attr]
    assert load_model(tmp_path / "run" / "model").architecture.blocks == 1


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Trainer.step

    def failing(trainer: Trainer, batch: Any) -> dict[str, float]:
        terms = step(trainer, batch)
        return {**terms, "penalty": math.nan} if trainer.images > 4 else terms

    monkeypatch.setattr(Trainer, "step", failing)
    config = load_config(write_config(tmp_path))
    with pytest.raises(Diverged, match=r"after 8 images not a finite number: penalty; .*checkpoint"):
        train(Plan(write_data(tmp_path / "data"), tmp_path / "run"), config, OneDevice())
    assert checkpoint.read(tmp_path / "run").images == 4  # type: ignore[union-attr]


def test_a_damaged_checkpoint_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / checkpoint.NAME).write_bytes(b"not this")
    with pytest.raises(checkpoint.CheckpointError, match="not a checkpoint"):
        checkpoint.read(tmp_path)


def test_notes_of_other_pitches_and_splits_are_not_trained_on(tmp_path: Path) -> None:
    config = load_config(write_config(tmp_path))
    others = [replace(LABELS[0], pitch=20), replace(LABELS[1], split="test"), LABELS[2]]
    notes = open_notes(write_data(tmp_path / "some", others), tmp_path, config)
    assert len(notes) == 1
    with pytest.raises(NotesError, match="no note of the split 'train'"):
        open_notes(write_data(tmp_path / "none", others[:2]), tmp_path, config)


def test_smaller_sizes_are_averages_of_larger_ones(tmp_path: Path) -> None:
    notes = open_notes(write_data(tmp_path / "data"), tmp_path, load_config(write_config(tmp_path)))
    small, large = (np.array(size, np.float32) for size in notes.sizes)
    assert [size.shape for size in (small, large)] == [(8, 2, 16, 2), (8, 4, 32, 2)]
    np.testing.assert_allclose(small, large.reshape(8, 2, 2, 16, 2, 2).mean((2, 4)), atol=0.01)


def test_several_devices_need_jax_and_a_batch_they_can_share() -> None:
    with pytest.raises(DevicesError, match="expected the jax backend, found tensorflow"):
        open_devices(2, 8)
    with pytest.raises(DevicesError, match="expected a divisor of the batch of 8"):
        open_devices(3, 8)


def test_provenance_is_plain_json(finished: Path) -> None:
    description = json.loads((finished / "run" / "model" / "model.json").read_text())
    assert description["provenance"]["config"]["network"]["channels"] == [6, 6]
