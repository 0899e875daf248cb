"""Every measure finds what was put into a note, and moves the way its name says."""

from __future__ import annotations

import numpy as np
import pytest

from synth_engine.evaluation.measures import hz_of_pitch, measure
from tests.synth_engine.evaluation.sounds import RATE_HZ, note

A3 = 57  # 220 Hz


@pytest.mark.parametrize("attack_s", [0.05, 0.2, 0.5])
def test_the_attack_is_four_tenths_of_a_linear_rise(attack_s: float) -> None:
    measures = measure(note(attack_s=attack_s), A3)
    assert measures.attack_ms == pytest.approx(400 * attack_s, abs=6)
    assert measures.onset_ms == pytest.approx(500 * attack_s, abs=6)
    assert measures.rise_ms == pytest.approx(800 * attack_s, abs=12)


def test_a_plateau_that_creeps_up_does_not_lengthen_the_attack() -> None:
    creeping = note() * np.linspace(0.8, 1.0, 64_000, dtype=np.float32)
    assert measure(creeping, A3).attack_ms < 5
    assert measure(creeping, A3).rise_ms > 500


@pytest.mark.parametrize("cents", [-30.0, 0.0, 12.0])
@pytest.mark.parametrize("pitch", [24, 57, 84])
def test_pitch_is_found_to_a_cent(pitch: int, cents: float) -> None:
    detuned = note(hz_of_pitch(pitch) * 2 ** (cents / 1200))
    assert measure(detuned, pitch).pitch_cents == pytest.approx(cents, abs=1.0)


def test_a_stiff_string_is_stretched() -> None:
    times_s = np.arange(4 * RATE_HZ) / RATE_HZ
    stiffness = 4e-4
    wave = sum(
        np.sin(2 * np.pi * n * 220 * np.sqrt(1 + stiffness * n**2) * times_s) / n for n in range(1, 16)
    )
    expected = 600 * np.log2((1 + 100 * stiffness) / (1 + stiffness))
    assert measure(wave, A3).stretch_cents == pytest.approx(expected, abs=1.5)
    assert abs(measure(note(), A3).stretch_cents) < 0.5


def test_noise_is_told_by_its_level_and_flatness() -> None:
    noise = np.random.default_rng(0).normal(size=64_000).astype(np.float32)
    levels = [measure(note() + gain * noise, A3) for gain in (0.0, 0.003, 0.03)]
    assert levels[0].noise_db < -50
    assert levels[2].noise_db - levels[1].noise_db == pytest.approx(20, abs=1.5)
    assert levels[2].flatness_db > -3


def test_brightness_sustain_and_release_move_as_named() -> None:
    assert (
        measure(note(slope=0.5), A3).brightness_octaves > measure(note(slope=2.0), A3).brightness_octaves + 1
    )
    decaying = measure(note(decay_s=1.0), A3)
    assert decaying.sustain_db == pytest.approx(-20 * np.log10(np.e) * 2.7, abs=1.0)
    ringing = note()
    ringing[48_000:] = ringing[:16_000] * np.exp(-np.arange(16_000) / 8_000).astype(np.float32)
    assert measure(ringing, A3).release_db > measure(note(), A3).release_db + 20


def test_tremolo_is_the_levels_standard_deviation() -> None:
    times_s = np.arange(64_000) / RATE_HZ
    depth_db = 3.0
    wave = note() * 10 ** (depth_db * np.sin(2 * np.pi * 5.5 * times_s) / 20)
    assert measure(wave, A3).tremolo_db == pytest.approx(depth_db / np.sqrt(2), rel=0.3)
    assert measure(note(), A3).tremolo_db < 0.1


def test_silence_has_no_measures() -> None:
    assert np.isnan(measure(np.zeros(64_000, np.float32), A3).attack_ms)
