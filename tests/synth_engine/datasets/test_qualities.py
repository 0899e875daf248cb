"""The measured qualities of notes whose qualities are known."""

from __future__ import annotations

import numpy as np
import pytest

from synth_engine.datasets.labels import QUALITIES
from synth_engine.datasets.qualities import attack_ms, measure, off_partial_share, qualities_of

RATE_HZ = 16_000
TIME_S = np.arange(64_000) / RATE_HZ


def tone(pitch: float, partials: int = 8, slope: float = 1.0) -> np.ndarray:
    f0_hz = 440.0 * 2 ** ((pitch - 69) / 12)
    numbers = [k for k in range(1, partials + 1) if k * f0_hz < 7_500]
    return sum(k**-slope * np.sin(2 * np.pi * k * f0_hz * TIME_S) for k in numbers).astype(np.float32)


def held(wave: np.ndarray, decay_db_s: float = 0.0, release_s: float = 0.1) -> np.ndarray:
    envelope = 10 ** (-decay_db_s * TIME_S / 20)
    envelope *= np.where(TIME_S < 3.0, 1.0, np.exp(-(TIME_S - 3.0) / release_s))
    return (wave * envelope * np.clip(TIME_S / 0.02, 0, 1)).astype(np.float32)


def heard(wave: np.ndarray, pitch: float, program: int | None = None) -> set[str]:
    return set(qualities_of(measure(wave, pitch), program))


@pytest.mark.parametrize("pitch", [36, 48, 60, 72])
def test_brightness_is_told_apart_at_every_pitch(pitch: int) -> None:
    assert "bright" in heard(held(tone(pitch, 60, 0.2)), pitch)
    assert "dark" in heard(held(tone(pitch, 2, 3.0)), pitch)
    assert not {"bright", "dark"} & heard(held(tone(pitch, 60, 1.7)), pitch)


def test_decay_and_release_are_told_apart() -> None:
    assert "fast_decay" in heard(held(tone(60), decay_db_s=15.0), 60)
    assert "fast_decay" not in heard(held(tone(60), decay_db_s=3.0), 60)
    assert "long_release" in heard(held(tone(60), release_s=1.0), 60)
    assert "long_release" not in heard(held(tone(60)), 60)


@pytest.mark.parametrize("pitch", [28, 60, 84])
def test_a_noisy_start_is_percussive_and_steady_noise_is_not(pitch: int) -> None:
    noise = np.random.default_rng(0).normal(size=TIME_S.size).astype(np.float32)
    clean = held(tone(pitch))
    assert "percussive" not in heard(clean, pitch)
    assert "percussive" in heard(clean + noise * np.where(TIME_S < 0.06, 1.0, 0.0).astype(np.float32), pitch)
    assert "percussive" not in heard(clean + 0.3 * noise, pitch)


def test_noise_lies_off_the_partials_and_a_tone_on_them() -> None:
    rng = np.random.default_rng(1)
    assert off_partial_share(tone(60)[:1600], 60) < 0.01
    assert off_partial_share(rng.normal(size=1600).astype(np.float32), 60) > 0.8


@pytest.mark.parametrize("rise_ms", [0, 50, 300])
def test_the_attack_is_timed(rise_ms: int) -> None:
    wave = tone(69) * np.clip(TIME_S * 1000 / max(rise_ms, 1), 0, 1)
    assert attack_ms(wave.astype(np.float32)) == pytest.approx(0.7 * rise_ms, abs=10.0)


def test_the_program_tells_what_cannot_be_heard() -> None:
    assert "distortion" in heard(held(tone(60)), 60, program=30)
    assert {"multiphonic", "nonlinear_env"} & heard(held(tone(60)), 60, program=None) == set()


def test_qualities_stand_in_nsynths_order() -> None:
    found = qualities_of(measure(held(tone(60, 60, 0.2), decay_db_s=15.0), 60), 30)
    assert found == tuple(name for name in QUALITIES if name in found)
    assert {"bright", "distortion", "fast_decay"} <= set(found)


def test_silence_and_short_notes_can_be_measured() -> None:
    measure(np.zeros(64_000, np.float32), 24)
    measure(np.ones(3_200, np.float32), 24)
