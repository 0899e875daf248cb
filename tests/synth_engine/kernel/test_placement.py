from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_engine.abi import EventKind, ReturnKind
from tests.synth_engine.kernel.player import Player, impulse


def onsets(sound: np.ndarray) -> list[int]:
    return np.flatnonzero(np.abs(sound) > 0.2).tolist()


@settings(max_examples=15, deadline=None)
@given(
    block_frames=st.sampled_from([16, 37, 64, 128, 1000, 2048]),
    rate_hz=st.sampled_from([44_100, 48_000, 96_000]),
    frames=st.lists(st.integers(0, 5000), min_size=1, max_size=40, unique=True),
    latency_frames=st.integers(0, 300),
)
def test_every_note_starts_on_its_exact_frame(block_frames, rate_hz, frames, latency_frames) -> None:
    player = Player(rate_hz, block_frames)
    player.load(0, impulse())
    player.set(LATENCY_S=latency_frames / rate_hz, ATTACK_S=0.0)
    for number, frame in enumerate(sorted(frames)):
        player.set_key_at_bank_rate(number, 0)
        player.note_on(number, frame=frame)
    sound = player.mono(6000)
    assert onsets(sound) == [frame + latency_frames for frame in sorted(frames)]
    started = [r.frame for r in player.drain() if r.kind == ReturnKind.NOTE_STARTED]
    assert started == [frame + latency_frames for frame in sorted(frames)]
    assert player.telemetry("late_events") == 0
    player.close()


def test_two_notes_one_frame_apart_stay_one_frame_apart(player: Player) -> None:
    player.load(0, impulse())
    for key in (60, 61):
        player.set_key_at_bank_rate(key, 0)
    player.note_on(60, frame=127)
    player.note_on(61, frame=128)
    assert onsets(player.mono(512)) == [127, 128]


def test_a_note_whose_frame_has_passed_sounds_at_once_and_is_counted(player: Player) -> None:
    player.load(0, impulse())
    player.set_key_at_bank_rate(60, 0)
    player.render(1280)
    player.note_on(60, frame=-5)
    assert onsets(player.mono(128)) == [0]
    assert player.telemetry("late_events") == 1


def test_an_event_without_a_stamp_sounds_after_the_latency_and_is_not_late(player: Player) -> None:
    player.load(0, impulse())
    player.set(LATENCY_S=0.001)
    player.set_key_at_bank_rate(60, 0)
    player.render(256)
    assert player.writer.push(EventKind.NOTE_ON, key=60, value=1.0)
    assert onsets(player.mono(256)) == [48]
    assert player.telemetry("late_events") == 0


def test_events_of_equal_stamp_keep_their_order(player: Player) -> None:
    player.load(0, impulse())
    player.set_key_at_bank_rate(60, 0)
    for _ in range(20):
        player.note_on(60, frame=50)
        player.note_off(60, frame=50)
    player.render(128)
    assert not player.voices["held"].any()
    player.note_off(60, frame=10)
    player.note_on(60, frame=10)
    player.render(128)
    assert player.voices["held"].sum() == 1


def test_a_key_change_acts_before_the_notes_of_the_same_block(player: Player) -> None:
    player.load(0, impulse())
    player.note_on(60, frame=0)
    player.set_key_at_bank_rate(60, 0)
    assert onsets(player.mono(128)) == [0]
    assert player.telemetry("silent_keys") == 0


def test_a_key_without_a_slot_is_silent_and_counted(player: Player) -> None:
    player.note_on(60)
    assert not player.render(128).any()
    assert player.telemetry("silent_keys") == 1
    assert player.drain() == []


@pytest.mark.parametrize("count", [1024, 1500])
def test_a_flood_of_future_events_all_come_out_in_order(player: Player, count: int) -> None:
    player.load(0, impulse())
    player.set_key_at_bank_rate(60, 0)
    random = np.random.default_rng(3)
    frames = np.sort(random.integers(200, 40_000, count))
    sent, started = 0, []
    while sent < count or player.telemetry("frames") < 41_000:
        while sent < count and player.writer.push(
            EventKind.NOTE_ON,
            key=60,
            value=1.0,
            stamp_ns=1_000_000_000 + int(frames[sent]) * 1_000_000_000 // 48_000,
        ):
            sent += 1
        player.render(128)
        started += [r.frame for r in player.drain() if r.kind == ReturnKind.NOTE_STARTED]
    assert started == frames.tolist()


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": EventKind.NOTE_ON, "key": 128, "value": 1.0},
        {"kind": EventKind.NOTE_ON, "key": 60, "value": float("nan")},
        {"kind": EventKind.NOTE_ON, "key": 60, "channel": 16, "value": 1.0},
        {"kind": EventKind.SET_KEY, "key": -1, "slot": 0},
        {"kind": EventKind.SET_KEY, "key": 0, "slot": 256},
        {"kind": EventKind.RETUNE, "key": 200, "value": 1.0},
        {"kind": 99},
        {"kind": EventKind.NOTE_ON, "key": 60, "value": 1.0, "stamp_ns": 2**62},
    ],
)
def test_a_faulty_event_is_dropped_and_counted(player: Player, fields: dict) -> None:
    assert player.writer.push(**fields)
    assert not player.render(256).any()
    assert player.telemetry("dropped_events") == 1
