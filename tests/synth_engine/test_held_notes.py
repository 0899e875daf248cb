"""Keys held for longer than a note is rendered: the whole chain, in one thread."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from synth_engine.abi import BANK_RATE_HZ, NO_SLOT, SLOT_FRAMES, KernelParameter, VoiceStage
from synth_engine.banks.slots import Owner
from synth_engine.generator.model_folder import default_model_path
from synth_engine.generator.spectral import DEFAULT
from synth_engine.instrument import OfflineInstrument
from synth_engine.render.part_times import PART_ENTER_S, PART_LEAVE_S, first_leave_s
from synth_engine.render.parts import NotePart, PartMaker
from synth_engine.render.worker import NoteMaker
from synth_engine.shared_memory import EngineMemory
from tests.synth_engine.held_sound import RATE_HZ, cents_from, edge_db, level_db, strongest_return_db

SEAMS_S = first_leave_s(DEFAULT) + (PART_LEAVE_S - PART_ENTER_S) * np.arange(3)
KEY_HZ = 440.0


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[EngineMemory]:
    memory = EngineMemory.create(tmp_path)
    yield memory
    memory.close()


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


@pytest.fixture
def instrument(memory: EngineMemory, networks: Path) -> OfflineInstrument:
    instrument = OfflineInstrument(memory, default_model_path(), rate_hz=RATE_HZ, cache_dir=networks)
    instrument.set_kernel_parameter(KernelParameter.LIMITER_GAIN, 10.0)
    return instrument


def stand_at(instrument: OfflineInstrument, anchor: str) -> None:
    instrument.set_point(instrument.model.anchors[anchor].latent, None, anchor)


def left(instrument: OfflineInstrument, seconds: float) -> NDArray[np.float64]:
    return instrument.render_block(int(seconds * RATE_HZ))[:, 0].astype(np.float64)


def owned(instrument: OfflineInstrument) -> dict[str, int]:
    return {owner.value: instrument._scheduler.ledger.count(owner) for owner in Owner}


@pytest.mark.parametrize(("anchor", "key"), [("violin", 69), ("clarinet", 60), ("choir_aahs", 57)])
def test_a_held_key_stays_in_tune_without_seam_or_period(
    instrument: OfflineInstrument, anchor: str, key: int
) -> None:
    stand_at(instrument, anchor)
    instrument.note_on(key, 1.0)
    sound = left(instrument, 12.0)
    held = sound[3 * RATE_HZ :]
    cents = [cents_from(piece, key) for piece in np.array_split(held, 3)]
    assert max(cents) - min(cents) < 3.0
    assert strongest_return_db(held) < -40.0
    assert max(edge_db(sound, seam) for seam in SEAMS_S) < 3.0
    assert np.ptp(level_db(held)) < 3.0
    assert instrument.status()["parts_late"] == 0


def test_what_dies_by_itself_is_left_to_die(memory: EngineMemory, instrument: OfflineInstrument) -> None:
    stand_at(instrument, "grand_piano")
    instrument.note_on(60, 1.0)
    levels = level_db(left(instrument, 12.0))
    audible = levels > levels.max() - 60.0
    assert audible[: int(4.0 / 0.032)].all()  # it is not cut off where the model's note ends
    assert not audible[int(10.0 / 0.032) :].any()
    assert np.diff(levels[40:200]).max() < 1.0
    assert memory.record["voices"]["stage"][0] == VoiceStage.FREE
    assert owned(instrument)["leaving"] == 0


def test_a_new_timbre_far_into_a_held_note_sounds_on_and_on(
    memory: EngineMemory, instrument: OfflineInstrument
) -> None:
    stand_at(instrument, "violin")
    instrument.note_on(64, 1.0)
    before = left(instrument, 9.0)
    stand_at(instrument, "oboe")
    sound = np.concatenate([before, left(instrument, 8.0)])
    levels = level_db(sound)
    assert np.ptp(levels[100:]) < 10.0  # two instruments, no hole between them
    assert np.ptp(levels[int(10.0 / 0.032) :]) < 3.0
    assert edge_db(sound, 9.0, 0.04) < 6.0
    assert memory.record["voices"]["part_s"][0] > 0.0
    assert instrument.status()["parts_late"] == 0


def sine_note(
    _: NoteMaker, latent: NDArray[np.float32], offset: NDArray[np.float32], pitch: float
) -> NDArray[np.float32]:
    del latent, offset, pitch
    return sine_from(0.0)


def sine_from(begin_s: float) -> NDArray[np.float32]:
    """All keys alike: what is counted here are slots."""
    times_s = begin_s + np.arange(SLOT_FRAMES) / BANK_RATE_HZ
    return (0.01 * np.sin(2 * np.pi * KEY_HZ * times_s)).astype(np.float32)


def sine_part(
    _: PartMaker, latent: NDArray[np.float32], offset: NDArray[np.float32], pitch: float, number: int
) -> NotePart:
    del latent, offset, pitch
    begin_s = 2.7 - 0.05 + (number - 1) * 3.8
    return NotePart(sine_from(begin_s), 2.7 if number == 1 else PART_LEAVE_S, PART_ENTER_S)


@pytest.fixture
def slow(memory: EngineMemory, networks: Path, monkeypatch: pytest.MonkeyPatch) -> OfflineInstrument:
    """An instrument whose notes cost nothing and whose sound has few frames."""
    monkeypatch.setattr("synth_engine.render.worker.NoteMaker.note", sine_note)
    monkeypatch.setattr("synth_engine.render.parts.PartMaker.part", sine_part)
    return OfflineInstrument(memory, default_model_path(), rate_hz=2000, cache_dir=networks)


def chord(instrument: OfflineInstrument, voices: int) -> list[tuple[int, int]]:
    stand_at(instrument, "violin")
    keys = [(24 + index % 61, index // 61) for index in range(voices)]
    for key, channel in keys:
        instrument.note_on(key, 1.0, channel)
        instrument.render_block(4)  # the ring has no room for all their key changes at once
    return keys


def sounding(memory: EngineMemory) -> NDArray[np.void]:
    voices = memory.record["voices"]
    return voices[(voices["stage"] != VoiceStage.FREE) & (voices["fading"] == 0)]


def test_sixty_four_held_voices_find_their_parts(memory: EngineMemory, slow: OfflineInstrument) -> None:
    chord(slow, 64)
    most = 0
    for _ in range(60):
        slow.render_block(1000)
        most = max(most, owned(slow)["leaving"])
    voices = sounding(memory)
    assert len(voices) == 64
    assert voices["part_s"].min() > 20.0
    assert 61 <= most <= 128
    assert slow.status()["parts_refused"] == 0
    assert slow.status()["parts_late"] == 0
    assert slow.status()["pool_notes"] == 61


def test_half_an_hour_leaves_no_slot_behind(memory: EngineMemory, slow: OfflineInstrument) -> None:
    keys = chord(slow, 3)
    for _ in range(1800 // 4):
        slow.render_block(4 * 2000)
        assert owned(slow)["leaving"] <= 2 * len(keys)
    assert sounding(memory)["part_s"].min() > 1790.0
    assert slow.status()["parts_rendered"] >= len(keys) * 470
    for key, channel in keys:
        slow.note_off(key, channel=channel)
    slow.render_block(4000)
    assert owned(slow)["leaving"] == owned(slow)["worker"] == 0
    assert int(memory.record["slots"]["references"].sum()) == 128  # the keys'
    assert slow.status()["stray_returns"] == 0


def test_a_pool_too_small_ends_some_notes_as_ever_and_silences_no_other(
    memory: EngineMemory, slow: OfflineInstrument
) -> None:
    slow._scheduler.parts._most_slots = 6
    chord(slow, 8)
    for _ in range(20):
        slow.render_block(1000)
    assert len(sounding(memory)) == 3
    assert sounding(memory)["part_s"].min() > 5.0
    assert slow.status()["parts_refused"] > 0
    slow.note_on(90, 1.0)
    assert np.abs(slow.render_block(1000)).max() > 1e-4
    assert len(sounding(memory)) == 4


def test_played_in_any_way_no_slot_is_lost(memory: EngineMemory, slow: OfflineInstrument) -> None:
    anchors = list(slow.model.anchors)
    rng = np.random.default_rng(0)
    stand_at(slow, anchors[0])
    for _ in range(600):
        key, channel = int(rng.integers(55, 62)), int(rng.integers(0, 2))
        choice = rng.integers(0, 12)
        if choice < 4:
            slow.note_on(key, 1.0, channel)
        elif choice < 6:
            slow.note_off(key, channel=channel)
        elif choice == 6:
            slow.sustain(float(rng.integers(0, 2)), channel)
        elif choice == 7:
            stand_at(slow, anchors[int(rng.integers(0, 6))])
        elif choice == 8:
            slow.pitch_bend(float(rng.uniform(-12, 12)), channel)
        elif choice == 9 and rng.random() < 0.3:
            slow.panic()
        slow.render_block(int(rng.integers(1, 6000)))
    assert slow.status()["parts_rendered"] > 100
    slow.panic()
    for _ in range(5):
        slow.render_block(2000)
    ledger = slow._scheduler.ledger
    named = set(memory.record["keys"]["slot"].tolist()) - {NO_SLOT}
    assert ledger.count(Owner.LEAVING) == ledger.count(Owner.WORKER) == 0
    assert {slot for slot in range(256) if ledger.owner(slot) is Owner.KERNEL} == named
    assert {int(slot) for slot in np.flatnonzero(memory.record["slots"]["references"])} == named
    assert slow.status()["stray_returns"] == 0


def test_seams_lie_where_the_tests_look() -> None:
    assert all(later - earlier > 3.0 for earlier, later in pairwise(SEAMS_S))
    assert SEAMS_S[-1] < 12.0
