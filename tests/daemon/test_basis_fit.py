"""Where the points lie that a basis is fitted on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from daemon.basis_fit import plan_fit
from synth_engine.generator.architecture import Architecture
from synth_engine.generator.conditions import Condition
from synth_engine.generator.latents import condition_anchors, draw_latents
from synth_engine.generator.model import Model
from synth_engine.generator.random_model import random_model

FAMILY = Condition("family", ("brass", "string", "vocal"), exclusive=True)


def _drawn(model: Model, count: int = 500) -> np.ndarray:
    return plan_fit(model, 4, 100, 0).latents(np.random.default_rng(1), count)


def test_points_of_a_model_with_instruments_lie_between_these() -> None:
    model = random_model(Architecture((4, 4), latent_size=6, wave_frames=60))
    anchors = np.stack([anchor.latent for anchor in model.anchors.values()])
    drawn = _drawn(model)
    assert drawn.dtype == np.float32
    assert (drawn > anchors.min(axis=0) - 1.0).all()
    assert (drawn < anchors.max(axis=0) + 1.0).all()


def test_points_of_a_model_without_anchors_are_random_ones() -> None:
    model = replace(random_model(Architecture((4, 4), latent_size=6, wave_frames=60)), anchors={})
    np.testing.assert_array_equal(_drawn(model), draw_latents(model, np.random.default_rng(1), 500))


def test_points_of_a_conditional_model_have_conditions_of_the_data_and_noise_of_their_own() -> None:
    model = random_model(Architecture((4, 4), latent_size=6, wave_frames=60, conditions=(FAMILY,)))
    model = replace(model, anchors=condition_anchors(model))
    drawn = _drawn(model)
    known = {tuple(row) for row in model.condition_rows.vectors}
    assert {tuple(row) for row in drawn[:, 3:]} == known
    assert 0.9 < drawn[:, :3].std() < 1.1
