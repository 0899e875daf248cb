from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from synth_engine.abi import SLOT_GUARD_FRAMES, EventKind
from synth_engine.kernel.interpolation import FIRST_TAP, PHASES, TABLE, interpolate
from tests.synth_engine.kernel.player import Player, constant, impulse, sine


def clean_signal_db(sound: NDArray[np.float64], frequency_hz: float, rate_hz: int) -> float:
    """Power of the best-fitting tone over that of everything else."""
    phase = 2 * np.pi * frequency_hz * np.arange(sound.size) / rate_hz
    basis = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    tone = basis @ np.linalg.lstsq(basis, sound, rcond=None)[0]
    return float(10 * np.log10(np.sum(tone**2) / np.sum((sound - tone) ** 2)))


@pytest.mark.parametrize("frequency_hz", [100.0, 1000.0, 3000.0, 5000.0, 6000.0, 7000.0])
@pytest.mark.parametrize("shift_semitones", [-3.0, 0.0, 3.0])
def test_the_interpolator_is_clean_to_seven_kilohertz(
    player: Player, frequency_hz: float, shift_semitones: float
) -> None:
    player.load(0, sine(frequency_hz, level=0.5))
    player.set_key(60, 0, 60 - shift_semitones)
    player.note_on(60)
    sound = player.mono(12_000)[2000:10_192]
    heard_hz = frequency_hz * 2 ** (shift_semitones / 12)
    assert clean_signal_db(sound, heard_hz, 48_000) > 105.0
    assert np.sqrt(2 * np.mean(sound**2)) == pytest.approx(0.5, rel=4e-3)


def test_the_table_passes_whole_frames_unchanged_and_keeps_constants() -> None:
    assert TABLE.shape == (PHASES + 1, 16)
    assert TABLE[0].tolist() == [float(tap == FIRST_TAP) for tap in range(16)]
    np.testing.assert_allclose(TABLE.sum(axis=1), 1.0, atol=1e-6)


@settings(max_examples=40)
@given(position=st.floats(0.0, 400.0), seed=st.integers(0, 1000))
def test_compiled_interpolation_equals_plain_python(position: float, seed: int) -> None:
    note = np.random.default_rng(seed).standard_normal(600).astype(np.float32)
    assert interpolate(note, position) == pytest.approx(interpolate.py_func(note, position), abs=2e-6)


def test_interpolation_starts_at_the_first_frame_after_the_guard() -> None:
    note = np.zeros(SLOT_GUARD_FRAMES * 2 + 10, np.float32)
    note[SLOT_GUARD_FRAMES] = 1.0
    assert interpolate(note, 0.0) == 1.0


def play_a_score(block_frames: int) -> NDArray[np.float32]:
    player = Player(block_frames=block_frames)
    random = np.random.default_rng(7)
    for slot in range(4):
        player.load(slot, (random.standard_normal(128_000) * 0.1).astype(np.float32))
    for key in range(50, 70):
        player.set_key(key, key % 4, key + 0.37)
    player.set(ATTACK_S=0.01, SUSTAIN_GAIN=0.5, PAN=0.3, LIMITER_GAIN=0.5)
    for _ in range(60):
        key, frame = int(random.integers(50, 70)), int(random.integers(0, 9000))
        player.note_on(key, float(random.uniform(0.1, 1)), frame)
        player.note_off(key, frame + int(random.integers(100, 3000)))
    for _ in range(20):
        player.send(
            EventKind.PITCH_BEND, int(random.integers(0, 9000)), channel=0, value=random.uniform(-2, 2)
        )
    sound = player.render(12_000)
    player.close()
    return sound


@pytest.mark.parametrize("block_frames", [16, 100, 333, 1024, 4096])
def test_sound_is_the_same_to_the_bit_whatever_the_block_size(block_frames: int) -> None:
    np.testing.assert_array_equal(play_a_score(block_frames), play_a_score(128))


def test_pitch_follows_key_tune_bend_and_detune(player: Player) -> None:
    player.load(0, sine(1000.0))
    player.set_key(60, 0, 59.0)  # a semitone up
    player.set(TUNE_SEMITONES=2.0)
    player.send(EventKind.PITCH_BEND, channel=3, value=-0.5)
    player.send(EventKind.RETUNE, key=60, value=0.25)
    player.note_on(60, channel=3, frame=10)
    sound = player.mono(24_000)[4000:20_384]
    assert clean_signal_db(sound, 1000.0 * 2 ** (2.75 / 12), 48_000) > 100.0


def test_a_bend_that_comes_before_the_note_is_not_heard_as_a_glide(player: Player) -> None:
    player.load(0, sine(1000.0))
    player.set_key(60, 0)
    player.render(128)
    player.send(EventKind.PITCH_BEND, channel=0, value=12.0)
    player.note_on(60, frame=1)
    assert clean_signal_db(player.mono(2048)[40:], 2000.0, 48_000) > 90.0


def test_a_bend_under_a_sounding_note_glides(player: Player) -> None:
    player.load(0, sine(1000.0))
    player.set_key(60, 0)
    player.note_on(60)
    player.render(4800)
    player.send(EventKind.PITCH_BEND, channel=0, value=12.0)
    sound = player.mono(9600)
    assert clean_signal_db(sound[:512], 2000.0, 48_000) < 20.0
    assert clean_signal_db(sound[6000:8048], 2000.0, 48_000) > 75.0


@pytest.mark.parametrize("curve", [0.0, 0.5, 1.0, 2.0])
def test_velocity_sets_the_level_by_its_curve(player: Player, curve: float) -> None:
    player.load(0, impulse())
    player.set_key(60, 0)
    player.set(VELOCITY_CURVE=curve)
    player.note_on(60, 0.25)
    assert player.mono(16)[0] == pytest.approx(0.25**curve, rel=1e-5)


@pytest.mark.parametrize("pan", [-1.0, -0.3, 0.0, 0.6, 1.0])
def test_panning_keeps_the_power(player: Player, pan: float) -> None:
    player.load(0, constant())
    player.set_key(60, 0)
    player.set(PAN=pan)
    player.note_on(60)
    left, right = player.render(4800)[-1]
    assert np.hypot(left, right) == pytest.approx(0.1, rel=1e-4)
    assert np.arctan2(right, left) == pytest.approx((pan + 1) * np.pi / 4, abs=1e-4)


@pytest.mark.parametrize("name", ["MASTER_GAIN", "VOLUME", "EXPRESSION"])
def test_a_gain_moves_smoothly_to_its_value(player: Player, name: str) -> None:
    player.load(0, constant())
    player.set_key(60, 0)
    player.note_on(60)
    before = player.mono(4800)
    player.set(**{name: 0.25})
    after = player.mono(9600)
    assert before[-1] == pytest.approx(0.1, rel=1e-4)
    assert after[-1] == pytest.approx(0.025, rel=1e-4)
    assert np.abs(np.diff(np.concatenate([before[-1:], after]))).max() < 0.1 / 300


def test_a_rotten_note_is_silence_and_harms_no_other(player: Player) -> None:
    rotten = constant()
    rotten[100:200] = np.nan
    rotten[300:310] = np.inf
    rotten[400:410] = 1e30
    player.load(0, rotten)
    player.load(1, constant())
    player.set_key(60, 0)
    player.set_key(61, 1)
    player.note_on(60)
    player.note_on(61)
    sound = player.mono(4800)
    assert np.isfinite(sound).all()
    assert sound.min() == pytest.approx(0.1, rel=1e-4)  # the healthy one goes on
    assert sound[-1] == pytest.approx(0.2, rel=1e-4)
    assert player.telemetry("bad_frames") > 100


def test_nothing_is_added_to_silence(player: Player) -> None:
    assert not player.render(4800).any()
    assert player.telemetry("active_voices") == 0
