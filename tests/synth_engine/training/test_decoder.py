"""The recipe on toy sizes: it learns, resumes exactly and exports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synth_engine.datasets.labels import Label
from synth_engine.generator.architecture import Architecture
from synth_engine.generator.model_folder import load_model
from synth_engine.training import checkpoints
from synth_engine.training.checkpoints import Checkpoint
from synth_engine.training.crop import Crop
from synth_engine.training.export import export_model
from synth_engine.training.recipe import Recipe, instruments_of, read_recipe, write_recipe
from synth_engine.training.widening import widen

pytest.importorskip("keras", reason="training needs Keras")
decoder = pytest.importorskip("synth_engine.training.decoder")
losses = pytest.importorskip("synth_engine.training.losses")
Trainer = pytest.importorskip("synth_engine.training.trainer").Trainer
batches = pytest.importorskip("synth_engine.training.batches").batches

TOY = Recipe(
    architecture=Architecture((8, 8, 8), latent_size=4, harmonic_maps=True, wave_frames=250, voicing=2),
    crop=Crop(block=2, rows=3),
    batch=2,
    peak_rate=0.02,
    convolution_dtype="float32",
)
LABELS = [
    Label(name, number, "string", "acoustic", pitch, 100)
    for number, name in enumerate(("violin", "cello"))
    for pitch in (50, 60, 70)
]


def _spectra() -> np.ndarray:
    rng = np.random.default_rng(0)
    smooth = np.cos(np.arange(64) / 5.0)[:, None] * rng.uniform(0.2, 0.7, (len(LABELS), 8, 1, 2))
    return smooth.astype(np.float16)


def _run(trainer: Any, rng: np.random.Generator, steps: int) -> list[float]:
    stream = batches(_spectra(), LABELS, trainer.recipe, rng)
    return [float(trainer.step(next(stream), 0.0)[0]) for _ in range(steps)]


@pytest.mark.parametrize("adversarial", [0.0, 0.05])
def test_training_brings_the_magnitude_error_down(adversarial: float) -> None:
    terms = _run(Trainer(replace(TOY, adversarial_weight=adversarial), 2), np.random.default_rng(0), 60)
    assert np.mean(terms[-5:]) < 0.6 * np.mean(terms[:5])


def test_a_cropped_note_is_a_piece_of_the_whole_one() -> None:
    trainer = Trainer(TOY, 2)
    batch = next(batches(_spectra(), LABELS, TOY, np.random.default_rng(1)))
    inputs = {**batch, "latents": batch["noise"]}
    rows = inputs.pop("rows")
    whole = np.asarray(trainer._network(inputs))
    piece = np.asarray(trainer._network({**inputs, "rows": rows}))
    frames = 2 * rows[:, :1] + np.arange(2 * TOY.crop.rows)
    for note in range(TOY.batch):
        inside = batch["frame_weights"][note] > 0.0
        inside[[0, -1]] = False  # a halo of one row is not quite enough for exactness
        np.testing.assert_allclose(piece[note][inside], whole[note][frames[note]][inside], atol=0.05)


@pytest.mark.parametrize("seed", range(5))
def test_a_stretch_has_frames_that_count(seed: int) -> None:
    rows, frames, weights = Crop().draw(Architecture(), 64, np.random.default_rng(seed))
    assert rows.shape == (64, 6)
    assert frames.shape == weights.shape == (64, 48)
    assert rows.min() == 0
    assert rows.max() == 15
    assert frames.max() == 127
    assert (weights.sum(axis=1) >= 32).all()
    assert (weights[rows[:, 0] == 0, :40] == 1.0).all()  # the beginning of a note is no cut


def test_a_wider_network_begins_with_the_same_sound(tmp_path: Path) -> None:
    old = replace(TOY, architecture=replace(TOY.architecture, voicing=0))
    trainer = Trainer(old, 2)
    rng = np.random.default_rng(0)
    _run(trainer, rng, 3)
    checkpoints.write(tmp_path, Checkpoint(trainer.state(), 3, 1.0, dict(rng.bit_generator.state)))
    write_recipe(old, tmp_path)
    new = replace(TOY, architecture=replace(TOY.architecture, channels=(16, 16, 8)))
    wide = Trainer(new, 2)
    decoder.begin_with_run(wide, tmp_path)
    batch = next(batches(_spectra(), LABELS, TOY, np.random.default_rng(1)))
    narrow, before = Trainer(old, 2), checkpoints.read(tmp_path)
    narrow.begin_with([before.tensors[f"average/{i}"] for i in range(len(narrow.state()) // 4)])
    np.testing.assert_allclose(wide.step(batch, 0.0), narrow.step(batch, 0.0), rtol=1e-3)


def test_a_narrower_network_cannot_begin_with_a_wider_one() -> None:
    narrow = replace(TOY.architecture, channels=(4, 8, 8))
    with pytest.raises(ValueError, match="expected 8 or 16, found 4"):
        widen({}, TOY.architecture, narrow, np.random.default_rng(0))


def test_a_resumed_run_equals_an_unbroken_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    unbroken = Trainer(TOY, 2)
    _run(unbroken, rng, 3)
    checkpoints.write(tmp_path, Checkpoint(unbroken.state(), 3, 12.5, dict(rng.bit_generator.state)))
    _run(unbroken, rng, 3)
    checkpoint = checkpoints.read(tmp_path)
    resumed, resumed_rng = Trainer(replace(TOY, seed=9), 2), np.random.default_rng(5)
    resumed.restore(checkpoint)
    resumed_rng.bit_generator.state = checkpoint.random_state
    assert checkpoint.elapsed_s == 12.5
    _run(resumed, resumed_rng, 3)
    expected = unbroken.state()
    for name, tensor in resumed.state().items():
        np.testing.assert_allclose(tensor, expected[name], rtol=1e-4, atol=1e-5, err_msg=name)


def test_an_exported_model_holds_the_averaged_weights(tmp_path: Path) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    data.mkdir()
    np.save(data / "notes_000.npy", np.zeros((len(LABELS), 64_000), np.int16))
    (data / "notes_000.jsonl").write_text("\n".join(json.dumps(vars(label)) for label in LABELS))
    (data / "dataset.json").write_text(json.dumps({"soundfont": "toy", "programs": ["violin", "cello"]}))
    trainer, rng = Trainer(TOY, 2), np.random.default_rng(0)
    _run(trainer, rng, 2)
    checkpoints.write(run, Checkpoint(trainer.state(), 2, 1.0, dict(rng.bit_generator.state)))
    write_recipe(TOY, run)
    export_model(run, data, tmp_path / "model", "MIT", metrics={"notes": 1}, begun_with=run)
    model = load_model(tmp_path / "model")
    assert list(model.anchors) == instruments_of(LABELS) == ["cello", "violin"]
    assert (model.anchors["cello"].lowest_pitch, model.anchors["cello"].highest_pitch) == (50, 70)
    assert model.provenance["steps"] == 2
    assert model.provenance["begun_with"] == {"steps": 2, "training_minutes": 0.0}
    state = trainer.state()
    for i, weight in enumerate(model.weights.values()):
        np.testing.assert_array_equal(state[f"average/{i}"], weight)


def test_a_recipe_reads_back_equal(tmp_path: Path) -> None:
    write_recipe(TOY, tmp_path)
    assert read_recipe(tmp_path) == TOY


def test_a_run_without_checkpoint_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        checkpoints.read(tmp_path)


def test_a_full_turn_of_frequency_charges_nothing() -> None:
    real = np.zeros((1, 4, 8, 2), np.float32)
    real[..., 0], real[..., 1] = 0.8, 0.79 * 0.8
    generated = np.zeros_like(real)
    generated[..., 0], generated[..., 1] = (0.8 - 0.113718730221) / 0.0661371661726, 0.79 - 2.0
    magnitude, frequency = losses.reconstruction(generated, real)
    assert float(magnitude) < 1e-5
    assert float(frequency) < 1e-5


def test_the_pooled_charge_forgives_noise_but_not_its_level() -> None:
    rng = np.random.default_rng(0)
    power = rng.exponential(size=(2, 1, 32, 64)).astype(np.float32)
    spectra = np.stack([np.log(power), np.zeros_like(power)], axis=-1)
    real = spectra[0] * np.array([0.0661371661726, 0.8], np.float32)
    real[..., 0] += 0.113718730221
    weights = np.ones((1, 32), np.float32)
    charges = [float(losses.pooled(spectra[1] + shift, real, weights)) for shift in (-0.5, 0.0, 0.5)]
    assert charges[1] < 0.6 * min(charges[0], charges[2])


def test_divergence_of_the_standard_normal_is_zero() -> None:
    zeros = np.zeros((3, 4), np.float32)
    np.testing.assert_allclose(losses.divergence(zeros, zeros), 0.0, atol=1e-6)
    assert float(losses.divergence(zeros + 1.0, zeros)[0]) == pytest.approx(2.0)


def test_learning_rate_warms_up_and_falls() -> None:
    assert losses.learning_rate(0.0, 0, 1.0) == pytest.approx(0.005)
    assert losses.learning_rate(0.0, 500, 1.0) == pytest.approx(1.0)
    assert losses.learning_rate(1.0, 500, 1.0) == pytest.approx(0.02)


_QUICK = "--xla_backend_optimization_level=0"  # to compile, not to run
_ON_JAX = """
import sys
from pathlib import Path
import keras, numpy as np
from synth_engine.training import checkpoints
from tests.synth_engine.training.test_decoder import TOY, Trainer, _run
trainer = Trainer(TOY, 2)
trainer.restore(checkpoints.read(Path(sys.argv[1])))
print(keras.backend.backend(), *_run(trainer, np.random.default_rng(7), 1))
"""


def test_a_run_may_change_to_jax(tmp_path: Path) -> None:
    pytest.importorskip("jax", reason="the accelerator's backend")
    trainer, rng = Trainer(TOY, 2), np.random.default_rng(0)
    _run(trainer, rng, 2)
    checkpoints.write(tmp_path, Checkpoint(trainer.state(), 2, 1.0, dict(rng.bit_generator.state)))
    answer = subprocess.run(
        [sys.executable, "-c", _ON_JAX, str(tmp_path)],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": _QUICK},
        capture_output=True,
        text=True,
        check=True,
    )
    backend, term = answer.stdout.split()
    assert backend == "jax"
    assert float(term) == pytest.approx(_run(trainer, np.random.default_rng(7), 1)[0], rel=1e-3)
