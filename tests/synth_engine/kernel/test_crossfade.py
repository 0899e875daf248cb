from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from synth_engine.abi import NO_SLOT, ReturnKind
from synth_engine.kernel.layers import crossfade_gains
from tests.synth_engine.kernel.player import Player, constant, sine


def noise(seed: int, level: float = 0.1) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).standard_normal(128_000) * level).astype(np.float32)


def powers_db(sound: NDArray[np.float64], window_frames: int) -> NDArray[np.float64]:
    """Power of each window, relative to the mean of the first five."""
    windows = sound[: sound.size // window_frames * window_frames].reshape(-1, window_frames)
    power = np.mean(windows**2, axis=1)
    return 10 * np.log10(power / power[:5].mean())


def crossfade(
    player: Player, old: NDArray[np.float32], new: NDArray[np.float32], key: int = 60
) -> NDArray[np.float64]:
    """Half a second: 0.1 s old, 0.3 s of crossfade, 0.1 s new."""
    player.load(0, old)
    player.load(1, new)
    player.set(CROSSFADE_S=0.3)
    player.set_key(key, 0)
    player.note_on(key)
    before = player.mono(4864)
    player.set_key(key, 1)
    return np.concatenate([before, player.mono(19_200)])


def test_the_same_sound_stays_level(player: Player) -> None:
    tone = sine(440.0)
    levels = powers_db(crossfade(player, tone, tone), 480)
    assert np.abs(levels[1:]).max() < 0.5


def test_strangers_keep_their_power(player: Player) -> None:
    levels = powers_db(crossfade(player, noise(1), noise(2)), 960)
    assert levels.min() > -3.0
    assert levels.max() < 1.5


def test_half_related_sounds_keep_their_power(player: Player) -> None:
    common = noise(3)
    levels = powers_db(crossfade(player, common + noise(4), common + noise(5)), 960)
    assert levels.min() > -3.0
    assert levels.max() < 1.5


@pytest.mark.parametrize("key", [36, 60, 84])
@pytest.mark.parametrize("turns", [0.25, 0.5, 0.8])
def test_two_notes_that_stand_against_each_other_leave_no_hole(
    player: Player, key: int, turns: float
) -> None:
    frequency_hz = 440.0 * 2 ** ((key - 69) / 12)
    old = sine(frequency_hz) + sine(2 * frequency_hz, 0.05)
    new = sine(frequency_hz, phase=2 * np.pi * turns) + sine(2 * frequency_hz, 0.05, 4 * np.pi * turns)
    levels = powers_db(crossfade(player, old, new, key), 1600)
    assert levels.min() > -1.0
    assert levels.max() < 1.0


@given(share=st.floats(0, 1), correlation=st.floats(0, 1))
def test_the_crossfade_law_keeps_the_power(share: float, correlation: float) -> None:
    old, new = crossfade_gains(share, correlation)
    assert (old, new) == pytest.approx(crossfade_gains.py_func(share, correlation))
    assert old**2 + new**2 + 2 * correlation * old * new == pytest.approx(1.0)


def test_the_old_slot_comes_back_when_the_crossfade_is_over(player: Player) -> None:
    crossfade(player, sine(440.0), sine(440.0))
    assert [r.slot for r in player.drain() if r.kind == ReturnKind.SLOT_RETURNED] == [0]
    assert player.voices["slot"][0] == 1
    assert player.voices["old_slot"][0] == NO_SLOT


def test_the_newest_of_several_waits_for_the_running_crossfade(player: Player) -> None:
    for slot in range(4):
        player.load(slot, constant(0.1 * (slot + 1)))
    player.set(CROSSFADE_S=0.1)
    player.set_key(60, 0)
    player.note_on(60)
    sound = [player.mono(4864)]
    for slot in (1, 2, 3):
        player.set_key(60, slot)
        sound.append(player.mono(640))
    assert player.voices["pending_slot"][0] == 3
    sound.append(player.mono(9600))
    heard = np.concatenate(sound)[1000:]
    assert np.abs(np.diff(heard)).max() < 1e-3  # nothing jumps
    assert heard[4864 - 1000 + 4800] == pytest.approx(0.2, rel=1e-2)  # the first new one was reached
    assert heard[-1] == pytest.approx(0.4, rel=1e-3)
    assert [r.slot for r in player.drain() if r.kind == ReturnKind.SLOT_RETURNED] == [2, 0, 1]


def test_layers_of_different_pitch_sound_at_the_same_pitch(player: Player) -> None:
    player.load(0, sine(880.0))
    player.load(1, sine(440.0))
    player.set(CROSSFADE_S=0.1)
    player.set_key(69, 0, 81.0)  # an octave too high: played at half speed
    player.note_on(69)
    player.render(4864)
    assert player.voices["position"][0] == pytest.approx(4864 / 48_000 / 2, rel=1e-6)
    player.set_key(69, 1, 69.0)
    sound = player.mono(9600)
    spectrum = np.abs(np.fft.rfft(sound[:4800] * np.hanning(4800)))
    assert spectrum.argmax() == 44
    assert spectrum[80:].max() < spectrum.max() * 1e-2


def test_a_key_that_loses_its_slot_sounds_on(player: Player) -> None:
    player.load(0, constant())
    player.set_key(60, 0)
    player.note_on(60)
    player.render(4800)
    player.set_key(60, NO_SLOT)
    assert player.mono(4800)[-1] == pytest.approx(0.1, rel=1e-3)
    assert player.drain()[1:] == []
    player.note_off(60)
    player.render(9600)
    assert [r.slot for r in player.drain() if r.kind == ReturnKind.SLOT_RETURNED] == [0]
