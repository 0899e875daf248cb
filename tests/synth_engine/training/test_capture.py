"""Recorded notes as latent points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from synth_engine.generator.architecture import Architecture
from synth_engine.generator.entry import Entry
from synth_engine.generator.model import Model
from synth_engine.generator.random_model import random_model
from synth_engine.generator.runtime import NoteRenderer
from synth_engine.generator.spectral import Representation
from synth_engine.training.recorded_note import distance_db, prepare_note

pytest.importorskip("keras", reason="capturing needs Keras")
capture = pytest.importorskip("synth_engine.training.capture")

SIZE = Architecture((8, 8, 8, 8), latent_size=6, harmonic_maps=True, voicing=2, wave_frames=1000)


@pytest.fixture(scope="module")
def model() -> Model:
    """Random weights, with outputs quiet enough to have slopes."""
    wild = random_model(SIZE, seed=1)
    name = "block_4/to_rgb/kernel"
    return replace(wild, weights={**wild.weights, name: 0.3 * wild.weights[name]})


def test_a_point_near_an_anchor_is_approached(model: Model) -> None:
    anchor = model.anchors["marimba"].latent
    latent = anchor[None] + np.array([[0.0, 0.9, 0.0, -0.9, 0.0, 0.9]], np.float32)
    pitches = np.array([60.5])
    wave = NoteRenderer(model).waves(Entry(model).activate(latent, pitches), pitches)[0]
    told: list[tuple[int, int]] = []
    note = prepare_note(wave, SIZE.representation)
    found = capture.Capturer(model, steps=60, starts=2).capture(note, 60.5, lambda *at: told.append(at))
    assert found.after_db < 0.8 * found.before_db
    assert told[-1] == (60, 60)


def test_an_anchors_own_note_is_never_left_for_a_worse_one(model: Model) -> None:
    name, anchor = next(iter(model.anchors.items()))
    pitches = np.array([48.0])
    wave = NoteRenderer(model).waves(Entry(model).activate(anchor.latent[None], pitches), pitches)[0]
    found = capture.Capturer(model, steps=2, starts=1).capture(prepare_note(wave, SIZE.representation), 48.0)
    assert found.start == name
    assert found.after_db <= found.before_db


def test_a_model_without_maps_is_refused() -> None:
    plain = random_model(Architecture((4, 4), latent_size=4, wave_frames=60))
    with pytest.raises(capture.CannotCapture, match="harmonic maps"):
        capture.Capturer(plain)


def test_a_note_is_brought_to_length_and_level() -> None:
    size = Representation(frames=8, bins=64, wave_frames=250)
    short, long = (prepare_note(np.full(n, -0.1, np.float32), size) for n in (100, 400))
    assert short.shape == long.shape == (250,)
    assert np.abs(long).max() == pytest.approx(0.95)
    assert not short[100:].any()


def test_distance_forgives_level_and_the_draw_of_noise() -> None:
    rng = np.random.default_rng(0)
    colour = np.linspace(0.0, 4.0, 64)
    first, second = (np.log(rng.exponential(size=(32, 64))).astype(np.float32) + colour for _ in range(2))
    assert distance_db(first, first) == 0.0
    assert distance_db(first + 1.0, first) == pytest.approx(0.0, abs=1e-4)
    assert distance_db(first, second) < 1.5
    assert distance_db(first[:, ::-1], second) > 5.0
