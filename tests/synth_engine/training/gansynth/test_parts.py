"""Optimiser, gradient penalty, label losses, curve: each by itself."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras")
pytest.importorskip("tensorflow")

import keras
from keras import ops

from synth_engine.gansynth.schedule import Stage
from synth_engine.generator.architecture import Architecture
from synth_engine.training.gansynth import losses
from synth_engine.training.gansynth.adam import Adam, zero_moments
from synth_engine.training.gansynth.autodiff import gradients
from synth_engine.training.gansynth.curve import Curve
from synth_engine.training.gansynth.discriminator import batch_statistic, weight_shapes
from synth_engine.training.gansynth.heads import Head
from synth_engine.training.gansynth.stages import first_weights, grown_architecture, networks_of_stage
from synth_engine.training.gansynth.updates import Networks

ARCHITECTURE = Architecture((6, 6, 4), 4, pitches=(60, 61), wave_frames=300)
HEADS = (Head("pitch", 2, True, 10.0),)


def test_adam_moves_as_the_library_one_does() -> None:
    rng = np.random.default_rng(0)
    weights = {"a": rng.normal(size=(3, 2)).astype(np.float32)}
    theirs = keras.Variable(weights["a"])
    library = keras.optimizers.Adam(0.01, beta_1=0.5, beta_2=0.99, epsilon=1e-8)
    library.build([theirs])
    moments = zero_moments({"a": (3, 2)})
    for _ in range(5):
        slopes = rng.normal(size=(3, 2)).astype(np.float32)
        library.apply([ops.convert_to_tensor(slopes)], [theirs])
        weights, moments = Adam(0.01, 0.5, 0.99, 1e-8).apply(weights, {"a": slopes}, moments)
    np.testing.assert_allclose(weights["a"], theirs.numpy(), rtol=1e-5)


@pytest.mark.parametrize("fade", [None, 0.3])
def test_a_stage_at_its_own_size_is_the_original_at_full_size(fade: float | None) -> None:
    """The original trains on full-size images in which a stage's pixels are repeated."""
    small = networks_of_stage(ARCHITECTURE, Stage(2 if fade is None else 1, 2, 0, 1))
    images = np.random.default_rng(1).normal(size=(3, 4, 32, 2)).astype(np.float32)
    weights = first_weights(weight_shapes(small.architecture, {"pitch": 2}), 0)
    own = Networks(small.architecture, HEADS, small.enlargement, "float32")
    mixed = None if fade is None else ops.convert_to_tensor(np.float32(fade))

    def scores(x: object, shrink: int) -> tuple[object, tuple[()]]:
        pooled = ops.average_pool(x, shrink, strides=shrink) if shrink > 1 else x
        return ops.sum(own.judge(weights, pooled, mixed).scores), ()

    at_own_size, _ = gradients(lambda x: scores(x, 1), ops.convert_to_tensor(images))
    repeated = ops.convert_to_tensor(images.repeat(2, 1).repeat(2, 2))
    at_full_size, _ = gradients(lambda x: scores(x, 2), repeated)
    assert small.enlargement == 2
    penalty = float(losses.gradient_penalty(at_own_size, small.enlargement))
    assert penalty == pytest.approx(float(losses.gradient_penalty(at_full_size, 1)), rel=1e-5)


def test_the_batch_statistic_is_the_mean_deviation_at_all_positions() -> None:
    x = np.random.default_rng(2).normal(size=(5, 2, 3, 4)).astype(np.float32)
    found = np.asarray(batch_statistic(ops.convert_to_tensor(x)))
    assert found.shape == (5, 2, 3, 5)
    np.testing.assert_allclose(found[..., 4], np.sqrt(x.var(axis=0) + 1e-6).mean(), rtol=1e-5)


def test_label_losses_charge_classes_and_bits() -> None:
    heads = (Head("family", 3, True, 1.0), Head("qualities", 2, False, 2.0))
    logits = {"family": np.zeros((1, 3), np.float32), "qualities": np.array([[100.0, -2.0]], np.float32)}
    labels = {"family": np.eye(3, dtype=np.float32)[:1], "qualities": np.array([[1.0, 0.0]], np.float32)}
    found = losses.label_losses(heads, logits, labels)
    assert float(found["family"]) == pytest.approx(np.log(3.0), rel=1e-5)
    assert float(found["qualities"]) == pytest.approx(np.log1p(np.exp(-2.0)) / 2, rel=1e-4)
    assert float(losses.weighted_sum(heads, found)) == pytest.approx(
        np.log(3.0) + np.log1p(np.exp(-2.0)), rel=1e-4
    )


def test_a_note_without_a_label_charges_nothing() -> None:
    logits = {"family": np.array([[3.0, 1.0]], np.float32)}
    found = losses.label_losses(
        (Head("family", 2, True, 1.0),), logits, {"family": np.zeros((1, 2), np.float32)}
    )
    assert float(found["family"]) == 0.0


@pytest.mark.parametrize(
    ("blocks", "fade", "blend", "resolutions"),
    [(1, 1.0, (), 3), (2, 0.25, (0.75, 0.25), 3), (3, 0.5, (0.0, 0.5, 0.5), 0), (3, 1.0, (), 0)],
)
def test_an_unfinished_generator_fills_the_finished_size(
    blocks: int, fade: float, blend: tuple[float, ...], resolutions: int
) -> None:
    grown = grown_architecture(ARCHITECTURE, blocks, fade)
    assert (grown.blend, grown.resolutions) == (blend, resolutions)
    assert grown.representation == ARCHITECTURE.representation


@pytest.mark.parametrize("convolutions", ["bfloat16", "float16"])
def test_half_precision_convolutions_judge_nearly_the_same(convolutions: str) -> None:
    stage = networks_of_stage(ARCHITECTURE, Stage(4, 3, 0, 1))
    weights = first_weights(weight_shapes(stage.architecture, {"pitch": 2}), 3)
    images = np.random.default_rng(4).normal(size=(4, 8, 64, 2)).astype(np.float32)
    exact, rough = (
        Networks(stage.architecture, HEADS, 1, dtype).judge(weights, images, None).scores
        for dtype in ("float32", convolutions)
    )
    assert keras.backend.standardize_dtype(rough.dtype) == "float32"
    np.testing.assert_allclose(rough, exact, atol=0.05 * float(np.abs(exact).max()))


def test_a_curve_forgets_what_a_killed_run_wrote_after_its_checkpoint(tmp_path: Path) -> None:
    curve = Curve(tmp_path, 0, {})
    for images in (10, 20, 30):
        curve.add({"a": float(images)})
        curve.add({"a": float(images + 1)})
        curve.write_row(images, 0.0, 1.0)
    with (tmp_path / "curve.csv").open("a") as file:
        file.write("40,0.0")  # cut off in the middle
    again = Curve(tmp_path, 20, {"a": 5.0, "steps": 1.0})
    again.add({"a": 7.0})
    assert again.write_row(30, 0.0, 2.0) == {"a": 6.0}
    with (tmp_path / "curve.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["images", "progress", "elapsed_s", "a"]
    assert [(row[0], row[3]) for row in rows[1:]] == [("10", "10.5"), ("20", "20.5"), ("30", "6.0")]
