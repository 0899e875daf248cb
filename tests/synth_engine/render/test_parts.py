"""The parts of held notes: the same samples where one takes over, whoever asks and in whatever order."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from synth_engine.abi import BANK_RATE_HZ, SLOT_FRAMES
from synth_engine.generator.holding import own_frames
from synth_engine.generator.spectral import DEFAULT, waves_to_spectrograms
from synth_engine.generator.sustain import sustained_wave
from synth_engine.generator.tracks import Tracks, partial_tracks
from synth_engine.render.part_times import first_leave_s
from synth_engine.render.parts import WALKS_KEPT, NotePart, PartMaker
from synth_engine.render.upsampling import upsample
from synth_engine.render.worker import levelled

NOTHING = np.zeros(0, np.float32)


def tracks_of(latent: NDArray[np.float32], offset: NDArray[np.float32], pitch: float) -> Tracks:
    """A held tone with vibrato; the latent's one number is how fast it dies."""
    del offset
    time_s = np.arange(64_000) / 16_000
    phase = 2 * np.pi * 440.0 * 2 ** ((pitch - 69.0) / 12.0) * time_s + 0.05 * np.sin(
        2 * np.pi * 5.5 * time_s
    )
    wave = sum(np.sin(n * phase) / n for n in range(1, 6)) * np.exp(-latent[0] * time_s)
    wave = 0.2 * wave * np.exp(-np.maximum(time_s - 3.0, 0.0) * 20.0)
    return partial_tracks(waves_to_spectrograms(wave[None].astype(np.float32))[0], pitch, DEFAULT)


def latent(dying: float = 0.0, other: float = 0.0) -> NDArray[np.float32]:
    return np.array([dying, other], np.float32)


def part_of(maker: PartMaker, number: int, pitch: float = 57.0, dying: float = 0.0) -> NotePart:
    part = maker.part(latent(dying), NOTHING, pitch, number)
    assert part is not None
    assert part.sound.shape == (SLOT_FRAMES,)
    assert part.sound.dtype == np.float32
    return part


def difference_db(before: NDArray[np.float32], after: NotePart, frames: int = 1000) -> float:
    """How far two parts are from each other around the change, relative to the level there."""
    leave, enter = (round(s * BANK_RATE_HZ) for s in (after.leave_s, after.enter_s))
    one, other = before[leave - frames : leave + frames], after.sound[enter - frames : enter + frames]
    return float(20 * np.log10(np.abs(one - other).max() / np.abs(one).max()))


def test_the_first_part_takes_over_from_the_note_itself() -> None:
    note = levelled(upsample(sustained_wave(tracks_of(latent(), NOTHING, 57.0), 0.0)[None])[0])
    part = part_of(PartMaker(tracks_of), 1)
    assert part.leave_s == pytest.approx(first_leave_s(DEFAULT))
    assert 2.6 < part.leave_s < own_frames(DEFAULT) / 16_000
    assert difference_db(note, part) < -80.0


def test_every_part_takes_over_from_the_one_before() -> None:
    maker = PartMaker(tracks_of)
    parts = [part_of(maker, number) for number in range(1, 5)]
    for before, after in pairwise(parts):
        assert difference_db(before.sound, after) < -80.0


def test_parts_are_the_same_in_whatever_order_they_are_asked_for() -> None:
    one, other = PartMaker(tracks_of), PartMaker(tracks_of)
    in_order = [part_of(one, number).sound for number in (1, 2, 3)]
    for number in (3, 1, 2):
        np.testing.assert_allclose(part_of(other, number).sound, in_order[number - 1], atol=1e-5)


def test_no_two_notes_walk_alike() -> None:
    maker = PartMaker(tracks_of)
    sound = part_of(maker, 1).sound
    for point, offset in ((latent(other=1.0), NOTHING), (latent(), np.ones(1, np.float32))):
        other = maker.part(point, offset, 57.0, 1)
        assert other is not None
        assert np.abs(sound - other.sound).max() > 1e-2


def test_what_has_died_away_has_no_further_part() -> None:
    maker = PartMaker(tracks_of)
    first = part_of(maker, 1, dying=1.0).sound
    assert np.abs(first[-8000:]).max() < 0.1 * np.abs(first[:8000]).max()
    assert maker.part(latent(1.0), NOTHING, 57.0, 3) is None


def test_only_so_many_walks_are_kept() -> None:
    maker = PartMaker(lambda latent, offset, pitch: tracks)
    tracks = tracks_of(latent(), NOTHING, 57.0)
    for number in range(WALKS_KEPT + 3):
        maker.part(latent(other=float(number)), NOTHING, 57.0, 1)
    assert len(maker._walks) == WALKS_KEPT
