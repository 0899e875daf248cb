from __future__ import annotations

import numpy as np
import pytest

from synth_engine.abi import VOICE_COUNT, EventKind, ReturnKind, VoiceStage
from tests.synth_engine.kernel.player import Player, constant, sine


@pytest.fixture
def piano(player: Player) -> Player:
    """Every key has a slot."""
    player.load(0, constant(0.001))
    for key in range(128):
        player.set_key(key, 0)
    player.render(128)
    return player


def sounding(player: Player) -> list[int]:
    """Keys of the voices that are neither released nor fading."""
    voices = player.voices
    alive = (
        (voices["stage"] != VoiceStage.FREE)
        & (voices["stage"] != VoiceStage.RELEASE)
        & (voices["fading"] == 0)
    )
    return sorted(voices["key"][alive].tolist())


def test_a_second_note_on_releases_the_first(piano: Player) -> None:
    piano.set(RELEASE_S=1.0)
    piano.note_on(60)
    piano.render(1280)
    piano.note_on(60)
    piano.render(128)
    assert sounding(piano) == [60]
    assert piano.telemetry("active_voices") == 2
    piano.note_off(60)
    piano.render(128)
    assert sounding(piano) == []


def test_the_same_key_on_another_channel_is_another_note(piano: Player) -> None:
    piano.note_on(60, channel=0)
    piano.note_on(60, channel=1)
    piano.note_off(60, channel=0, frame=64)
    piano.render(128)
    assert sounding(piano) == [60]
    assert piano.voices["channel"][(piano.voices["held"] == 1)].tolist() == [1]


def test_a_note_on_of_velocity_zero_is_a_note_off(piano: Player) -> None:
    piano.note_on(60)
    piano.note_on(60, 0.0, frame=64)
    piano.render(128)
    assert sounding(piano) == []


@pytest.mark.parametrize("by_parameter", [False, True])
def test_the_pedal_holds_what_the_key_lets_go(piano: Player, by_parameter: bool) -> None:
    def pedal(down: bool) -> None:
        if by_parameter:
            piano.set(SUSTAIN_PEDAL=float(down))
        else:
            piano.send(EventKind.SUSTAIN, channel=0, value=float(down))

    pedal(True)
    piano.render(16)
    piano.note_on(60)
    piano.note_on(62)
    piano.note_off(60, frame=32)
    piano.render(128)
    assert sounding(piano) == [60, 62]
    pedal(False)
    piano.render(128)
    assert sounding(piano) == [62]


def test_a_pedal_holds_its_own_channel_only(piano: Player) -> None:
    piano.send(EventKind.SUSTAIN, channel=2, value=1.0)
    for channel in (1, 2):
        piano.note_on(60 + channel, channel=channel)
        piano.note_off(60 + channel, channel=channel, frame=10)
    piano.render(128)
    assert sounding(piano) == [62]


def test_all_notes_off_leaves_the_pedal_its_notes(piano: Player) -> None:
    piano.send(EventKind.SUSTAIN, channel=2, value=1.0)
    piano.note_on(61, channel=1)
    piano.note_on(62, channel=2)
    piano.send(EventKind.ALL_NOTES_OFF, 50, channel=-1)
    piano.render(128)
    assert sounding(piano) == [62]
    piano.send(EventKind.RESET_CONTROLLERS, channel=2)
    piano.render(128)
    assert sounding(piano) == []


@pytest.mark.parametrize(("channel", "left"), [(-1, []), (1, [62])])
def test_all_sound_off_silences_within_ten_milliseconds(piano: Player, channel: int, left: list[int]) -> None:
    piano.set(RELEASE_S=5.0)
    piano.note_on(61, channel=1)
    piano.note_on(62, channel=2)
    piano.render(128)
    piano.send(EventKind.ALL_SOUND_OFF, channel=channel)
    piano.render(512)
    assert sounding(piano) == left
    assert piano.telemetry("active_voices") == len(left)


def test_panic_silences_everything_and_forgets_what_waits(piano: Player) -> None:
    piano.send(EventKind.SUSTAIN, channel=0, value=1.0)
    piano.send(EventKind.PITCH_BEND, channel=0, value=2.0)
    for key in range(40, 50):
        piano.note_on(key)
        piano.note_on(key + 12, frame=4000)
    piano.render(1280)
    while piano.writer.push(EventKind.NOTE_ON, key=70, value=1.0, stamp_ns=piano.stamp(2000)):
        pass  # the ring is full
    piano.memory.record["panic"] += 1
    piano.render(640)
    assert piano.telemetry("active_voices") == 0
    assert not piano.render(9600).any()
    assert not piano.memory.record["channels"]["sustain"].any()
    piano.note_on(60)
    assert piano.render(128).any()


def test_every_started_note_is_told_to_have_ended(piano: Player) -> None:
    for number in range(150):
        piano.note_on(number % 128, frame=number * 20)
        piano.note_off(number % 128, frame=number * 20 + 500)
    piano.render(12_000)
    told = piano.drain()
    started = sorted((r.key, r.stamp_ns) for r in told if r.kind == ReturnKind.NOTE_STARTED)
    ended = sorted((r.key, r.stamp_ns) for r in told if r.kind == ReturnKind.NOTE_ENDED)
    assert len(started) == 150
    assert started == ended


def test_the_sixty_fifth_note_takes_the_voice_of_a_released_one(piano: Player) -> None:
    piano.set(RELEASE_S=5.0)
    for key in range(VOICE_COUNT):
        piano.note_on(key, frame=key)
    piano.note_off(30, frame=200)
    piano.note_off(31, frame=100)  # released longer, so quieter
    piano.render(1280)
    piano.note_on(100)
    piano.render(128)
    assert sounding(piano) == [key for key in range(VOICE_COUNT) if key not in (30, 31)] + [100]
    assert piano.telemetry("stolen_voices") == 1
    fading = piano.voices["key"][piano.voices["fading"] == 1]
    assert fading.tolist() == [31]


def test_held_notes_are_stolen_last_and_the_oldest_first(piano: Player) -> None:
    for key in range(VOICE_COUNT):
        piano.note_on(key, frame=key)
    piano.send(EventKind.SUSTAIN, 70, channel=0, value=1.0)
    piano.note_off(40, frame=80)  # only the pedal holds it now
    piano.render(128)
    for key in (100, 101, 102):
        piano.note_on(key)
    piano.render(128)
    assert sounding(piano) == [key for key in range(2, VOICE_COUNT) if key != 40] + [100, 101, 102]


def test_a_stolen_voice_fades_without_a_click(player: Player) -> None:
    player.load(0, sine(80.0, 0.5))
    player.load(1, np.zeros(128_000, np.float32))
    player.set_key(0, 0, 0.0)
    for key in range(1, 128):
        player.set_key(key, 1)
    player.note_on(0)
    for key in range(1, VOICE_COUNT):
        player.note_on(key)
    player.render(9800)
    player.note_on(100, frame=100)  # the oldest, key 0, goes
    sound = player.mono(4800)
    assert sound[2000:].max() < 1e-4
    assert player.telemetry("stolen_voices") == 1
    spectrum = np.abs(np.fft.rfft(np.diff(sound[:2048]) * np.hanning(2047)))
    above_4_khz = spectrum[4000 * 2048 // 48_000 :]
    assert above_4_khz.max() < spectrum.max() * 10 ** (-60 / 20)


def test_a_storm_of_notes_leaves_no_voice_and_no_number_astray(piano: Player) -> None:
    random = np.random.default_rng(11)
    for _ in range(200):
        for _ in range(30):
            piano.note_on(
                int(random.integers(128)), frame=int(random.integers(128)), channel=int(random.integers(16))
            )
        assert np.isfinite(piano.render(128)).all()
        piano.drain()
    piano.send(EventKind.ALL_SOUND_OFF, channel=-1)
    piano.render(1280)
    assert piano.telemetry("active_voices") == 0
    assert piano.memory.record["slots"]["references"][0] == 128  # the keys' own
