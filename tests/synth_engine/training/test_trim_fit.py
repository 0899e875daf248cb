"""The levels that a model's notes lack."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from synth_engine.datasets.labels import Label
from synth_engine.generator.architecture import Architecture
from synth_engine.generator.entry import Entry
from synth_engine.generator.model import Model
from synth_engine.generator.random_model import random_model
from synth_engine.generator.runtime import NoteRenderer
from synth_engine.generator.spectral import normalise
from synth_engine.generator.trim import Trim
from synth_engine.training.trim_fit import KNOTS, fit_trim, missing_levels, ridge, unheard_hooks

SIZE = Architecture((8, 8, 4, 4, 4, 4, 4), latent_size=4, harmonic_maps=True)


def _levels(model: Model, name: str, pitch: int) -> np.ndarray:
    pitches = np.array([float(pitch)])
    hook = Entry(model).activate(model.anchors[name].latent[None], pitches)
    return NoteRenderer(model).spectrograms(hook, pitches)[0]


def _quiet_model() -> Model:
    model = random_model(SIZE, seed=4)
    name = "block_7/to_rgb/kernel"
    return replace(model, weights={**model.weights, name: 0.1 * model.weights[name]})


def test_notes_that_are_too_quiet_come_out_right() -> None:
    model = _quiet_model()
    labels = [Label(name, 0, "mallet", "acoustic", p, 100) for name in model.anchors for p in (50, 60, 70)]
    plain = np.stack([_levels(model, label.instrument, label.pitch) for label in labels])
    wanted = plain.copy()
    wanted[..., 0] -= np.linspace(0.0, 1.0, 128)[:, None]  # they should die away
    wanted[3:6, ..., 0] += 0.7
    trimmed = fit_trim(model, normalise(wanted).astype(np.float16), labels)
    assert trimmed.architecture.trim_frames == KNOTS
    made = np.stack([_levels(trimmed, label.instrument, label.pitch) for label in labels])
    before = np.abs(plain - wanted)[:, 4:98, :, 0].mean()
    after = np.abs(made - wanted)[:, 4:98, :, 0].mean()
    assert after < 0.3 * before
    again = fit_trim(trimmed, normalise(wanted).astype(np.float16), labels)
    np.testing.assert_allclose(again.weights["trim/bias"], trimmed.weights["trim/bias"], atol=1e-5)


def test_without_notes_of_its_anchors_there_is_nothing_to_fit() -> None:
    stranger = Label("kazoo", None, "reed", "acoustic", 60, 100)
    with pytest.raises(ValueError, match="found none"):
        fit_trim(_quiet_model(), np.zeros((1, 128, 1024, 2), np.float16), [stranger])


@pytest.mark.parametrize("examples", [30, 60])  # fewer and more than there are components
def test_ridge_finds_a_linear_law(examples: int) -> None:
    rng = np.random.default_rng(0)
    law = rng.normal(size=(40, 3)).astype(np.float32)
    inputs = rng.normal(size=(examples, 40)).astype(np.float32)
    weights = rng.uniform(0.5, 1.0, examples).astype(np.float32)
    kernel, bias = ridge(inputs, inputs @ law + np.float32(2.0), weights, 1e-6)
    np.testing.assert_allclose(inputs @ kernel + bias, inputs @ law + 2.0, atol=0.01)


def test_random_points_are_trimmed_less_than_the_notes_it_knows() -> None:
    model = _quiet_model()
    labels = [Label(name, 0, "mallet", "acoustic", p, 100) for name in model.anchors for p in (50, 60, 70)]
    real = np.random.default_rng(0).uniform(-0.8, 0.8, (len(labels), 128, 1024, 2)).astype(np.float16)
    real[..., 0] = np.sin(np.arange(len(labels)) * 2.0)[:, None, None]  # no law in it
    trimmed = fit_trim(model, real, labels)
    trim = Trim(trimmed.architecture, trimmed.weights)
    hooks = unheard_hooks(model, 1)[:40].reshape(-1, *model.hook_shape)
    unheard = np.mean([np.square(trim.of_note(hook, 60.0)).mean() for hook in hooks])
    pitches = np.array([float(label.pitch) for label in labels])
    latents = np.stack([model.anchors[label.instrument].latent for label in labels])
    own = Entry(model).activate(latents, pitches)
    heard = np.mean([np.square(trim.of_note(h, p)).mean() for h, p in zip(own, pitches, strict=True)])
    assert unheard < heard


def test_what_is_silent_in_both_lacks_nothing() -> None:
    made, real = np.array([[1.0, 1e-15, np.nan]]), np.array([[np.e, 1e-12, np.nan]])
    np.testing.assert_allclose(missing_levels(made, real), [[1.0, 0.0, 0.0]], atol=1e-4)
