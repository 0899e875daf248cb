from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_engine.abi import VoiceStage
from synth_engine.kernel.envelope import (
    ATTACK,
    DECAY,
    FREE,
    RELEASE,
    SUSTAIN,
    attack_step,
    decay_factor,
    next_gain,
)
from tests.synth_engine.kernel.player import Player, constant


@pytest.fixture
def held(player: Player) -> Player:
    """A player whose key 60 shows the envelope."""
    player.load(0, constant(1.0))
    player.set_key(60, 0)
    return player


def test_attack_is_linear_and_takes_its_time(held: Player) -> None:
    held.set(ATTACK_S=0.1)
    held.note_on(60)
    sound = held.mono(4800)
    np.testing.assert_allclose(sound, np.arange(1, 4801) / 4800, atol=1e-3)


def test_decay_ends_at_the_sustain_level(held: Player) -> None:
    held.set(DECAY_S=0.1, SUSTAIN_GAIN=0.25)
    held.note_on(60)
    sound = held.mono(9600)
    assert sound[4800] == pytest.approx(0.25 + 0.75 / 1000, rel=1e-2)
    assert sound[-1] == pytest.approx(0.25, rel=1e-4)
    assert held.voices["stage"][0] == VoiceStage.SUSTAIN


def test_release_falls_by_sixty_decibels_in_its_time_and_then_ends(held: Player) -> None:
    held.set(RELEASE_S=0.1)
    held.note_on(60)
    held.note_off(60, frame=4800)
    sound = held.mono(14_400)
    assert sound[4799] == pytest.approx(1.0, rel=1e-3)
    assert sound[4800 + 4800] == pytest.approx(1e-3, rel=2e-2)
    assert sound[-1] == 0.0
    last = sound[np.flatnonzero(sound)[-1]]
    assert last < 10 ** (-85 / 20)
    assert held.telemetry("active_voices") == 0


def test_a_changed_sustain_level_is_approached_while_the_note_is_held(held: Player) -> None:
    held.set(DECAY_S=0.05)
    held.note_on(60)
    held.render(4800)
    held.set(SUSTAIN_GAIN=0.5)
    sound = held.mono(9600)
    assert sound[-1] == pytest.approx(0.5, rel=1e-3)
    assert np.abs(np.diff(sound)).max() < 3e-3


def test_a_held_note_without_sustain_frees_its_voice(held: Player) -> None:
    held.set(DECAY_S=0.05, SUSTAIN_GAIN=0.0)
    held.note_on(60)
    held.render(9600)
    assert held.telemetry("active_voices") == 0


def test_a_held_note_whose_sound_ends_fades_and_frees_its_voice(held: Player) -> None:
    held.note_on(60)
    sound = held.mono(48_000 * 4 + 480)
    assert held.telemetry("active_voices") == 0
    assert np.abs(np.diff(sound[1000:])).max() < 0.01  # no cut, though the note ends at full level
    assert sound[48_000 * 4 - 480] == pytest.approx(1.0, rel=1e-3)


def test_a_start_within_the_note_does_not_click(held: Player) -> None:
    held.set(START_S=0.5)
    held.note_on(60)
    sound = held.mono(480)
    assert np.abs(np.diff(sound, prepend=0.0)).max() <= 1 / 48 + 1e-4
    assert sound[48] == pytest.approx(1.0, rel=1e-3)
    assert held.voices["position"][0] == pytest.approx(0.51, rel=1e-6)


@given(
    stage=st.sampled_from([ATTACK, DECAY, SUSTAIN, RELEASE]),
    gain=st.floats(0, 1),
    times_s=st.tuples(*[st.floats(1e-4, 5)] * 3),
    sustain=st.floats(0, 1),
)
def test_the_envelope_stays_within_bounds_and_equals_plain_python(stage, gain, times_s, sustain) -> None:
    attack_s, decay_s, release_s = times_s
    step, decay, release = (
        attack_step(attack_s, 48_000), decay_factor(decay_s, 48_000), decay_factor(release_s, 48_000),
    )  # fmt: skip
    assert decay == pytest.approx(decay_factor.py_func(decay_s, 48_000))
    next_stage, next_level = next_gain(stage, gain, step, sustain, decay, release)
    assert (next_stage, next_level) == pytest.approx(
        next_gain.py_func(stage, gain, step, sustain, decay, release), abs=1e-15
    )
    assert 0.0 <= next_level <= 1.0
    assert next_stage in (stage, DECAY, SUSTAIN, FREE)
