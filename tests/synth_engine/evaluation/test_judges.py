"""The judges on sounds whose answer is known."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from synth_engine.evaluation import judges
from synth_engine.evaluation.mel import mel_bank, mel_power
from synth_engine.evaluation.musicnn import Musicnn, load_musicnn
from tests.synth_engine.evaluation.sounds import note

needs_basic_pitch = pytest.mark.skipif(
    importlib.util.find_spec("basic_pitch") is None, reason="basic-pitch's weights are not installed"
)
needs_swift = pytest.mark.skipif(
    importlib.util.find_spec("swift_f0") is None, reason="swift-f0 is not installed"
)
needs_musicnn = pytest.mark.skipif(
    importlib.util.find_spec("musicnn") is None, reason="musicnn's weights are not installed"
)


def _plucked(pitch: int) -> np.ndarray:
    return note(440.0 * 2.0 ** ((pitch - 69) / 12), partials=6, decay_s=1.0)


@needs_basic_pitch
def test_the_judge_hears_the_pitch_of_a_plain_tone() -> None:
    judge = judges.PitchJudge()
    assert [judge.pitch_of(_plucked(pitch)) for pitch in (36, 60, 84)] == [36, 60, 84]


@needs_basic_pitch
def test_the_judge_does_not_hear_the_floor_behind_a_short_note() -> None:
    wave = _plucked(72) * np.exp(-np.arange(64_000) / 2_000).astype(np.float32)
    wave[::512] += 3e-5  # a click every hop, as the floor of the representation has
    assert judges.PitchJudge().pitch_of(wave) == 72


@needs_swift
def test_the_second_judge_agrees_and_hears_nothing_in_silence() -> None:
    judge = judges.SwiftJudge()
    assert [judge.hear(_plucked(pitch)).pitch for pitch in (36, 60, 84)] == [36, 60, 84]
    assert judge.hear(np.zeros(64_000, np.float32)).pitch is None


@needs_swift
@needs_basic_pitch
@pytest.mark.parametrize("maker", [judges.PitchJudge, judges.SwiftJudge])
def test_two_tones_are_less_certain_than_one(
    maker: type[judges.PitchJudge] | type[judges.SwiftJudge],
) -> None:
    judge = maker()
    both = _plucked(60).copy()
    both[20_000:] = _plucked(67)[:-20_000]
    assert judge.hear(both).entropy_nats > judge.hear(_plucked(60)).entropy_nats + 0.1


def test_entropy_is_zero_when_certain_and_the_logarithm_when_not() -> None:
    assert judges.entropy_nats(np.array([0.0, 3.0, 0.0])) == 0.0
    assert judges.entropy_nats(np.ones(8)) == pytest.approx(np.log(8))
    assert judges.entropy_nats(np.zeros(4)) == 0.0


def test_a_missing_judge_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(judges.JudgeMissing, match="pip install --no-deps basic-pitch"):
        judges.PitchJudge()
    with pytest.raises(judges.JudgeMissing, match="pip install --no-deps musicnn"):
        load_musicnn()


def test_loudness_of_a_full_scale_square_is_zero_dbfs() -> None:
    assert judges.loudest_dbfs(np.ones(8_000, np.float32)) == pytest.approx(0.0, abs=1e-3)
    assert judges.loudest_dbfs(np.zeros(8_000, np.float32)) < -100


def test_mel_bands_have_equal_areas_and_a_tone_falls_into_its_own() -> None:
    bank = mel_bank(96, 8_192)
    spacing_hz = 16_000 / 8_192
    assert bank.sum(axis=0) * spacing_hz == pytest.approx(np.ones(96), rel=0.02)
    tone = np.sin(2 * np.pi * 1_000 * np.arange(16_000) / 16_000).astype(np.float32)
    loudest = mel_power(tone, 96, 512, 256).mean(axis=0).argmax()
    centres_hz = bank.argmax(axis=0) * spacing_hz
    assert abs(centres_hz[loudest] - 1_000) < 60


def _random_weights(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A musicnn of the true layout with two filters a layer, and scales of both signs."""
    weights: dict[str, np.ndarray] = {}
    fronts = [(7, 38), (7, 67), (128, 1), (64, 1), (32, 1)]
    shapes = [(*front, 1, 2) for front in fronts] + [(7, 10, 1, 2), (7, 2, 1, 2), (7, 2, 1, 2)]
    norms = [1] + [2] * 8 + [2 * (10 + 6), 3]
    for n, shape in enumerate(shapes):
        name = f"conv2d_{n}" if n else "conv2d"
        weights[f"{name}/kernel"] = rng.normal(size=shape) / np.sqrt(np.prod(shape[:3]))
        weights[f"{name}/bias"] = rng.normal(size=shape[-1])
    for n, size in enumerate(norms):
        name = f"batch_normalization_{n}" if n else "batch_normalization"
        for part in ("gamma", "beta", "moving_mean"):
            weights[f"{name}/{part}"] = rng.normal(size=size)
        weights[f"{name}/moving_variance"] = rng.uniform(0.5, 2.0, size)
    weights["dense/kernel"], weights["dense/bias"] = rng.normal(size=(norms[9], 3)), rng.normal(size=3)
    return weights


def _norm(x: np.ndarray, weights: dict[str, np.ndarray], n: int) -> np.ndarray:
    name = f"batch_normalization_{n}" if n else "batch_normalization"
    centred = (x - weights[f"{name}/moving_mean"]) / np.sqrt(weights[f"{name}/moving_variance"] + 1e-3)
    return centred * weights[f"{name}/gamma"] + weights[f"{name}/beta"]


def _plain_convolution(x: np.ndarray, weights: dict[str, np.ndarray], n: int) -> np.ndarray:
    """One output after another; time padded as TensorFlow's SAME does, frequency not at all."""
    name = f"conv2d_{n}" if n else "conv2d"
    kernel = weights[f"{name}/kernel"][:, :, 0]
    before = (kernel.shape[0] - 1) // 2
    x = np.pad(x, ((before, kernel.shape[0] - 1 - before), (0, 0)))
    out = np.array([
        [np.tensordot(x[t : t + kernel.shape[0], f : f + kernel.shape[1]], kernel, 2)
         for f in range(x.shape[1] - kernel.shape[1] + 1)]
        for t in range(x.shape[0] - kernel.shape[0] + 1)
    ])  # fmt: skip
    return _norm(np.maximum(out + weights[f"{name}/bias"], 0.0), weights, n + 1)


def test_musicnn_is_its_published_layers_one_after_the_other() -> None:
    weights = _random_weights(np.random.default_rng(0))
    wave = note()[:5_000]
    x = _norm(np.log10(1 + 10_000 * mel_power(wave, 96, 512, 256))[..., None], weights, 0)[..., 0]
    front = np.concatenate([_plain_convolution(x, weights, n).max(axis=1) for n in range(5)], axis=1)
    levels = [front, _plain_convolution(front, weights, 5)[:, 0]]
    levels.append(_plain_convolution(levels[1], weights, 6)[:, 0] + levels[1])
    levels.append(_plain_convolution(levels[2], weights, 7)[:, 0] + levels[2])
    joined = np.concatenate(levels, axis=1)
    pooled = _norm(np.stack([joined.max(axis=0), joined.mean(axis=0)], axis=1).ravel(), weights, 9)
    hidden = np.maximum(pooled @ weights["dense/kernel"] + weights["dense/bias"], 0.0)
    assert Musicnn(weights).features(wave) == pytest.approx(_norm(hidden, weights, 10), rel=1e-3, abs=1e-3)


@needs_musicnn
def test_musicnn_hears_scrambled_phase_and_noise_as_farther_than_another_note() -> None:
    musicnn, rng = load_musicnn(), np.random.default_rng(0)
    wave = note(attack_s=0.02)
    other = note(246.9, attack_s=0.02)
    hiss = wave + 0.02 * rng.normal(size=wave.shape).astype(np.float32)
    here, near, far = (musicnn.features(w) for w in (wave, other, hiss))
    assert here.shape == (200,)
    assert np.linalg.norm(far - here) > 1.5 * np.linalg.norm(near - here)
