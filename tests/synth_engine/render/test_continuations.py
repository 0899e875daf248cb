"""Which voices will want to go on."""

from __future__ import annotations

import numpy as np
import pytest

from synth_engine.abi import NO_SLOT, VOICE, VOICE_SLOTS, VoiceStage
from synth_engine.render.continuations import slots_running_out


def voice(**fields: float) -> np.ndarray:
    voices = np.zeros(2, VOICE)
    for name in VOICE_SLOTS:
        voices[name] = NO_SLOT
    given = {"stage": VoiceStage.SUSTAIN, "slot": 7, "position": 2.0, "envelope_gain": 1.0, **fields}
    for name, value in given.items():
        voices[0][name] = value
    return voices


def running_out(voices: np.ndarray, release_s: float) -> dict[int, float]:
    return slots_running_out(voices, 2.7, release_s)


def test_a_held_voice_past_half_of_its_note_runs_out() -> None:
    assert running_out(voice(), 0.25) == {7: pytest.approx(0.7)}
    assert running_out(voice(position=1.0), 0.25) == {}


def test_a_part_lasts_longer_than_a_note() -> None:
    assert running_out(voice(part_s=2.65, position=1.5), 0.25) == {}
    assert running_out(voice(part_s=2.65, position=2.5), 0.25) == {7: pytest.approx(1.35)}


@pytest.mark.parametrize(
    "fields",
    [{"next_slot": 3}, {"fading": 1}, {"stage": VoiceStage.FREE}, {"slot": NO_SLOT}],
)
def test_who_has_a_next_part_or_will_not_need_one_does_not(fields: dict[str, int]) -> None:
    assert running_out(voice(**fields), 0.25) == {}


def test_a_released_voice_counts_if_it_will_be_heard_that_long() -> None:
    assert running_out(voice(stage=VoiceStage.RELEASE), 0.25) == {}
    assert running_out(voice(stage=VoiceStage.RELEASE), 5.0) == {7: pytest.approx(0.7)}
    assert running_out(voice(stage=VoiceStage.RELEASE, envelope_gain=1e-4), 5.0) == {7: pytest.approx(0.7)}
    assert running_out(voice(stage=VoiceStage.RELEASE, envelope_gain=4e-5), 5.0) == {}


def test_the_voice_that_runs_out_first_speaks_for_its_slot() -> None:
    voices = voice()
    voices[1] = voices[0]
    voices[1]["position"] = 2.6
    assert running_out(voices, 0.25) == {7: pytest.approx(0.1)}
