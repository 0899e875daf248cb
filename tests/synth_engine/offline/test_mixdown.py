"""Envelopes, places and gains of a mix."""

from __future__ import annotations

import numpy as np
import pytest

from mappings.catalogue import CATALOGUE
from synth_engine.abi import VoiceStage
from synth_engine.kernel import envelope as kernel
from synth_engine.offline.mixdown import Envelope, Mixdown, Placed, mix, trapezoid

RATE_HZ = 1000


def test_the_envelope_is_the_live_kernels() -> None:
    ours = Envelope(attack_s=0.02, decay_s=0.1, sustain=0.5, release_s=0.25)
    stage, gain, gains = int(VoiceStage.ATTACK), 0.0, []
    falls = [kernel.decay_factor.py_func(time_s, RATE_HZ) for time_s in (ours.decay_s, ours.release_s)]
    rates = kernel.attack_step.py_func(ours.attack_s, RATE_HZ), ours.sustain, *falls
    while stage != VoiceStage.FREE and len(gains) < 2000:
        if len(gains) == 300:
            stage = int(VoiceStage.RELEASE)
        stage, gain = kernel.next_gain.py_func(stage, gain, *rates)
        gains.append(gain)
    found = ours.gains(0.3, RATE_HZ)
    shorter = min(len(found), len(gains))
    assert abs(len(found) - len(gains)) < 30  # the kernel stops when it is silent, we when it must be
    np.testing.assert_allclose(found[:shorter], gains[:shorter], atol=2e-3)


def test_the_envelope_has_the_catalogues_times() -> None:
    envelope = Envelope()
    assert envelope.attack_s == CATALOGUE["/attack"].default
    assert envelope.release_s == CATALOGUE["/release"].default


@pytest.mark.parametrize("held_s", [0.0, 0.0005, 0.001, 0.5])
def test_even_the_shortest_note_ends_in_silence(held_s: float) -> None:
    gains = Envelope().gains(held_s, 48_000)
    assert gains[-1] < 1e-4
    assert np.abs(np.diff(gains)).max() < 0.01
    assert np.isfinite(gains).all()


def test_a_sound_starts_on_its_frame() -> None:
    click = np.ones(1, np.float32)
    sound = mix([Placed(0.25, click), Placed(1.5, click, 0.5)], RATE_HZ, 1)
    assert np.flatnonzero(sound).tolist() == [250, 1500]
    assert sound[1500, 0] == 0.5


def test_the_end_is_not_cut() -> None:
    sound = mix([Placed(0.0, np.ones(3700, np.float32)), Placed(1.0, np.ones(10, np.float32))], RATE_HZ, 1)
    assert len(sound) == 3700
    assert sound[-1, 0] == 1.0


def test_pan_keeps_the_power() -> None:
    for pan in (-1.0, -0.3, 0.0, 0.8, 1.0):
        sound = mix([Placed(0.0, np.ones(1, np.float32), 1.0, pan)], RATE_HZ)
        assert np.sum(sound**2) == pytest.approx(1.0, abs=1e-6)
    assert sound[0, 0] == pytest.approx(0.0, abs=1e-6)


def test_a_mix_in_pieces_is_the_mix() -> None:
    rng = np.random.default_rng(0)
    starts = np.sort(rng.uniform(0, 30, 40))
    placed = [Placed(s, rng.normal(size=rng.integers(1, 4000)).astype(np.float32), 0.3, 0.2) for s in starts]
    whole = mix(placed, RATE_HZ)
    mixdown, pieces = Mixdown(RATE_HZ), []
    for sound in placed:
        pieces.append(mixdown.finished_until(sound.start_s))
        mixdown.add(sound)
    pieces.append(mixdown.rest())
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-6)


def test_what_is_finished_stays_finished() -> None:
    mixdown = Mixdown(RATE_HZ)
    mixdown.finished_until(0.5)
    with pytest.raises(ValueError, match="finished"):
        mixdown.add(Placed(0.1, np.ones(1, np.float32)))


def test_a_trapezoid_has_its_three_sides() -> None:
    gain = trapezoid(0.1, 0.2, 0.05, RATE_HZ)
    assert len(gain) == 350
    assert (gain[99:300] == 1.0).all()
    assert gain[0] == gain[-1] == 0.0
