from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_engine.kernel.mix import KNEE, approach, limited
from tests.synth_engine.kernel.player import CENTRE_GAIN, Player, sine


@pytest.mark.parametrize("level", [0.5, 1.0, 4.0, 90.0])
def test_nothing_exceeds_the_ceiling(player: Player, level: float) -> None:
    player.load(0, sine(997.0, level))
    player.set_key(60, 0)
    player.set(LIMITER_GAIN=0.6)
    player.note_on(60)
    sound = player.render(24_000)
    assert np.abs(sound).max() <= 0.6
    if level > 1:
        assert np.abs(sound).max() > 0.5
        assert player.telemetry("limited_frames") > 20_000


def test_what_stays_three_decibels_below_passes_to_the_bit() -> None:
    sounds = []
    for ceiling in (100.0, 0.5 * CENTRE_GAIN / KNEE * 1.0001):
        player = Player()
        player.load(0, sine(997.0, 0.5))
        player.set_key(60, 0)
        player.set(LIMITER_GAIN=ceiling)
        player.note_on(60)
        sounds.append(player.render(9600))
        assert player.telemetry("limited_frames") == 0
        player.close()
    np.testing.assert_array_equal(*sounds)


def test_a_loud_passage_is_turned_down_rather_than_bent(player: Player) -> None:
    player.load(0, sine(1000.0, 4.0))
    player.set_key(60, 0)
    player.set(LIMITER_GAIN=0.9)
    player.note_on(60)
    sound = player.render(33_600)[24_000:, 0] * np.hanning(9600)
    spectrum = np.abs(np.fft.rfft(sound))
    assert spectrum[600] < spectrum[200] * 10 ** (-50 / 20)  # third harmonic


def test_both_channels_are_turned_down_together(player: Player) -> None:
    player.load(0, sine(1000.0, 4.0))
    player.set_key(60, 0)
    player.set(LIMITER_GAIN=0.5, PAN=0.5)
    player.note_on(60)
    sound = player.render(4800)[100:]
    loud = np.abs(sound[:, 0]) > 0.01
    np.testing.assert_allclose(sound[loud, 1] / sound[loud, 0], np.tan(1.5 * np.pi / 4), rtol=1e-3)


def test_after_a_loud_passage_the_gain_comes_back(player: Player) -> None:
    player.load(0, sine(1000.0, 8.0))
    player.load(1, sine(1000.0, 0.1))
    player.set_key(60, 0)
    player.set_key(61, 1, 61.0)
    player.set(LIMITER_GAIN=0.5)
    player.note_on(60)
    player.note_on(61)
    player.note_off(60, frame=9600)
    sound = player.mono(76_800)[-4800:]
    assert np.abs(sound).max() == pytest.approx(0.1, rel=1e-3)


@given(peak=st.floats(0.0, 1e6), more=st.floats(0.0, 1e6), ceiling=st.floats(1e-3, 10.0))
def test_the_curve_rises_and_never_reaches_the_ceiling(peak: float, more: float, ceiling: float) -> None:
    low, high = limited(peak, ceiling), limited(peak + more, ceiling)
    assert low <= high <= ceiling
    assert low <= peak
    if peak <= ceiling * KNEE:
        assert low == peak
    assert low == pytest.approx(limited.py_func(peak, ceiling), rel=1e-12)


@given(value=st.floats(-10, 10), target=st.floats(-10, 10) | st.just(float("nan")), share=st.floats(0.01, 1))
def test_a_smoothed_value_never_overshoots_and_arrives(value: float, target: float, share: float) -> None:
    assert approach(value, target, share) == approach.py_func(value, target, share) or np.isnan(target)
    if np.isnan(target):
        return
    low, high = min(value, target), max(value, target)
    for _ in range(2000):
        value = approach.py_func(value, target, share)
        assert low - 1e-12 <= value <= high + 1e-12
    assert value == target
