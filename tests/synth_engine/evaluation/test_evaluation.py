"""The judges on sounds whose answer is known."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from synth_engine.generator.model import Model
from synth_engine.generator.random_model import make_random_model
from synth_engine.evaluation import evaluation, judges

needs_judge = pytest.mark.skipif(
    importlib.util.find_spec("basic_pitch") is None, reason="basic-pitch's weights are not installed"
)


def _plucked(pitch: int) -> np.ndarray:
    times_s = np.arange(64_000) / 16_000
    f0_hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
    partials = [np.sin(2 * np.pi * n * f0_hz * times_s) / n for n in range(1, 7)]
    return (0.1 * np.exp(-times_s) * np.sum(partials, axis=0)).astype(np.float32)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return make_random_model(tmp_path_factory.mktemp("model"), seed=0)


@needs_judge
def test_the_judge_hears_the_pitch_of_a_plain_tone() -> None:
    judge = judges.PitchJudge()
    assert [judge.pitch_of(_plucked(pitch)) for pitch in (36, 60, 84)] == [36, 60, 84]


@needs_judge
def test_wrong_and_silent_notes_are_counted() -> None:
    notes = [("a", 60, _plucked(60)), ("b", 60, _plucked(72)), ("c", 60, np.zeros(64_000, np.float32))]
    figures = evaluation.judge(notes, judges.PitchJudge())
    assert figures["notes"] == 3
    assert figures["silent"] == 1
    assert figures["right_semitone"] == pytest.approx(1 / 3, abs=1e-3)
    assert ["b", 60, 72] in figures["wrong"]


def test_a_missing_judge_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(judges.JudgeMissing, match="pip install --no-deps basic-pitch"):
        judges.PitchJudge()


def test_anchor_notes_stay_inside_their_ranges_and_follow_the_seed(model: Model) -> None:
    first = [(name, pitch) for name, pitch, _ in evaluation.anchor_notes(model, 6, seed=1)]
    again = [(name, pitch) for name, pitch, _ in evaluation.anchor_notes(model, 6, seed=1)]
    assert first == again
    assert all(model.anchors[n].lowest_pitch <= p <= model.anchors[n].highest_pitch for n, p in first)


def test_random_notes_are_whole_notes(model: Model) -> None:
    for _, pitch, wave in evaluation.random_notes(model, 2, seed=0):
        assert pitch in model.pitches
        assert wave.shape == (64_000,)
        assert np.isfinite(wave).all()


def test_loudness_of_a_full_scale_square_is_zero_dbfs() -> None:
    assert judges.loudest_dbfs(np.ones(8_000, np.float32)) == pytest.approx(0.0, abs=1e-3)
    assert judges.loudest_dbfs(np.zeros(8_000, np.float32)) < -100


@needs_judge
def test_the_judge_does_not_hear_the_floor_behind_a_short_note() -> None:
    wave = _plucked(72) * np.exp(-np.arange(64_000) / 2_000).astype(np.float32)
    wave[::512] += 3e-5  # a click every hop, as the floor of the representation has
    assert judges.PitchJudge().pitch_of(wave) == 72
