"""Held notes that go on in further slots."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from synth_engine.abi import BANK_RATE_HZ, NO_SLOT, SLOT_FRAMES, EventKind, ReturnKind, VoiceStage
from tests.synth_engine.kernel.player import Player, constant, sine

KEY = 69
LEAVE_S, ENTER_S = 2.7, 0.05
PART_LEAVE_S = 3.85


def tone_from(begin_s: float, level: float = 0.1, hz: float = 440.0) -> NDArray[np.float32]:
    """Four seconds of an endless sine."""
    times_s = begin_s + np.arange(SLOT_FRAMES) / BANK_RATE_HZ
    return (level * np.sin(2 * np.pi * hz * times_s)).astype(np.float32)


def returned(player: Player) -> list[int]:
    return [told.slot for told in player.drain() if told.kind == ReturnKind.SLOT_RETURNED]


def hold(player: Player, parts: int, semitones: float = 0.0) -> NDArray[np.float64]:
    """An endless A4 in `parts` parts; half a second after the last was given."""
    player.load(0, tone_from(0.0))
    player.set_key(KEY, 0)
    player.send(EventKind.PITCH_BEND, channel=0, value=semitones)
    player.note_on(KEY)
    begin_s, leave_s, sound = 0.0, LEAVE_S, []
    for number in range(1, parts + 1):
        sound.append(player.mono(48_000))
        begin_s += leave_s - ENTER_S
        player.load(number, tone_from(begin_s))
        player.extend(number - 1, number, leave_s, ENTER_S)
        while player.voices["slot"][0] == number - 1:
            sound.append(player.mono(960))
        leave_s = PART_LEAVE_S
    return np.concatenate(sound)


def test_a_voice_steps_from_part_to_part_and_nothing_is_heard_of_it(player: Player) -> None:
    sound = hold(player, 3)
    assert len(sound) > 10 * 48_000
    expected = 0.1 * np.sin(2 * np.pi * 440 * np.arange(len(sound)) / 48_000)
    assert np.abs(sound - expected)[2400:].max() < 1e-5
    assert returned(player) == [1, 2]  # slot 0 is the key's still
    assert player.voices["part_s"][0] == pytest.approx(LEAVE_S + 2 * PART_LEAVE_S - 3 * ENTER_S)


@pytest.mark.parametrize("semitones", [-7.0, 12.0])
def test_a_bent_note_goes_on_at_its_own_speed(player: Player, semitones: float) -> None:
    sound = hold(player, 2, semitones)[4800:]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 21))
    assert np.argmax(spectrum) * 48_000 / (1 << 21) == pytest.approx(440 * 2 ** (semitones / 12), rel=1e-4)
    assert (
        np.abs(np.diff(sound, 2)).max() < 0.1 * (2 * np.pi * 440 * 2 ** (semitones / 12) / 48_000) ** 2 * 1.01
    )


def test_a_part_that_nobody_wants_comes_back_at_once(player: Player) -> None:
    player.extend(0, 1, LEAVE_S, ENTER_S)
    player.render(128)
    assert returned(player) == [1]


def test_only_the_voices_in_a_slot_get_its_next_part_and_each_just_one(player: Player) -> None:
    for key, slot in ((60, 0), (62, 1)):
        player.load(slot, constant())
        player.set_key(key, slot)
        player.note_on(key)
    player.render(128)
    player.extend(0, 5, LEAVE_S, ENTER_S)
    player.extend(0, 6, LEAVE_S, ENTER_S)
    player.render(128)
    assert player.voices["next_slot"][:2].tolist() == [5, NO_SLOT]
    assert returned(player) == [6]


def test_a_part_that_comes_late_is_faded_over_to(player: Player) -> None:
    player.set(CROSSFADE_S=0.03)
    player.load(0, tone_from(0.0))
    player.load(1, tone_from(0.3))
    player.set_key(KEY, 0)
    player.note_on(KEY)
    sound = [player.mono(3 * 48_000)]
    player.extend(0, 1, LEAVE_S, ENTER_S)
    sound.append(player.mono(4800))
    assert player.voices["slot"][0] == 1
    assert player.voices["position"][0] == pytest.approx(3.1 - LEAVE_S + ENTER_S, abs=0.002)
    heard = np.concatenate(sound)[-7200:]
    assert np.abs(np.diff(heard, 2)).max() < 0.1 * (2 * np.pi * 440 / 48_000) ** 2 * 1.1


def test_a_part_without_a_next_one_fades_out(player: Player) -> None:
    sound = hold(player, 1)
    sound = np.concatenate([sound, player.mono(5 * 48_000)])
    assert player.voices["stage"][0] == VoiceStage.FREE
    assert np.abs(np.diff(sound[4800:], 2)).max() < 0.1 * (2 * np.pi * 440 / 48_000) ** 2 * 1.1
    assert returned(player) == [1]


def test_panic_does_not_wait_for_a_part_to_fade(player: Player) -> None:
    hold(player, 1)
    player.render(int(3.88 * 48_000))
    player.memory.record["panic"] += 1
    player.render(1024)
    assert player.voices["stage"][0] == VoiceStage.FREE


def test_a_new_timbre_far_into_a_note_is_entered_where_it_sustains(player: Player) -> None:
    hold(player, 2)
    player.load(9, sine(440.0))
    player.set_key(KEY, 9)
    player.render(4800)
    assert player.voices["slot"][0] == 9
    assert 0.8 <= player.voices["position"][0] < 1.75
    assert player.voices["part_s"][0] == 0.0
    assert sorted(returned(player)) == [0, 1, 2]


def test_a_new_timbre_that_dies_away_is_entered_near_its_end(player: Player) -> None:
    hold(player, 1)
    player.load(9, sine(440.0) * np.exp(-np.arange(SLOT_FRAMES) / BANK_RATE_HZ).astype(np.float32))
    player.set_key(KEY, 9)
    player.render(480)
    assert player.voices["position"][0] == pytest.approx(2.61, abs=0.01)


def test_a_new_timbre_within_the_note_is_entered_where_the_voice_is(player: Player) -> None:
    player.load(0, sine(440.0))
    player.load(1, sine(440.0))
    player.set_key(KEY, 0)
    player.note_on(KEY)
    player.render(72_000)
    player.set_key(KEY, 1)
    player.render(480)
    assert player.voices["position"][0] == pytest.approx(1.51, abs=0.002)


def test_the_layer_being_left_goes_on_too(player: Player) -> None:
    player.set(CROSSFADE_S=1.0)
    player.load(0, tone_from(0.0))
    player.load(1, tone_from(LEAVE_S - ENTER_S))
    player.load(2, constant(0.0))
    player.set_key(KEY, 0)
    player.note_on(KEY)
    player.render(int(2.6 * 48_000))
    player.extend(0, 1, LEAVE_S, ENTER_S)
    player.set_key(KEY, 2)
    player.render(9600)
    assert player.voices["old_slot"][0] == 1
    player.render(48_000)
    assert sorted(returned(player)) == [0, 1]


@pytest.mark.parametrize(
    ("slot", "next_slot", "leave_s", "enter_s"),
    [(0, 0, 1.0, 0.0), (-1, 1, 1.0, 0.0), (0, 256, 1.0, 0.0), (0, 1, 4.0, 0.0), (0, 1, 0.5, 0.6),
     (0, 1, 1.0, -0.1), (0, 1, float("nan"), 0.0)],
)  # fmt: skip
def test_what_cannot_be_is_dropped_and_counted(
    player: Player, slot: int, next_slot: int, leave_s: float, enter_s: float
) -> None:
    player.extend(slot, next_slot, leave_s, enter_s)
    player.render(128)
    assert player.telemetry("dropped_events") == 1
    assert returned(player) == []
