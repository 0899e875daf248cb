"""The whole chain in one thread: latent point, network, slots, kernel, sound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from synth_engine.abi import BANK_RATE_HZ, SLOT_FRAMES, KernelParameter, VoiceStage
from synth_engine.banks.slots import Owner
from synth_engine.generator.random_model import make_random_model
from synth_engine.instrument import OfflineInstrument
from synth_engine.render.worker import NoteMaker
from synth_engine.shared_memory import EngineMemory

RATE_HZ = 48_000
CHORD = (40, 47, 52, 56, 59, 64, 68, 71)


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    make_random_model(path, seed=1)
    return path


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[EngineMemory]:
    memory = EngineMemory.create(tmp_path)
    yield memory
    memory.close()


@pytest.fixture
def instrument(memory: EngineMemory, model_path: Path) -> OfflineInstrument:
    instrument = OfflineInstrument(memory, model_path, rate_hz=RATE_HZ)
    instrument.set_kernel_parameter(KernelParameter.MASTER_GAIN, 0.005)  # random weights are loud
    return instrument


def stand_at(instrument: OfflineInstrument, seed: int) -> None:
    rng = np.random.default_rng(seed)
    latent = rng.standard_normal(instrument.model.latent_size).astype(np.float32)
    instrument.set_point(latent, None, f"point {seed}")


def test_a_key_sounds_from_its_first_block_and_ends(instrument: OfflineInstrument) -> None:
    stand_at(instrument, 0)
    instrument.note_on(60, 1.0)
    sound = instrument.render_block(RATE_HZ)
    assert sound.shape == (RATE_HZ, 2)
    assert np.abs(sound[:2400]).max() > 1e-3
    instrument.note_off(60)
    instrument.render_block(RATE_HZ)
    assert not instrument.render_block(1000).any()
    assert instrument.status()["rendered_notes"] == 1


def test_nothing_sounds_before_there_is_a_point_and_the_key_is_not_lost(
    instrument: OfflineInstrument,
) -> None:
    instrument.note_on(60, 1.0)
    assert not instrument.render_block(4800).any()
    assert instrument.status()["starts_silent"] == 1


def test_the_kernel_and_the_ledger_agree_about_every_slot(
    memory: EngineMemory, instrument: OfflineInstrument
) -> None:
    for seed in range(3):
        stand_at(instrument, seed)
        for key in CHORD[:3]:
            instrument.note_on(key, 0.5)
        instrument.render_block(4800)
    for key in CHORD[:3]:
        instrument.note_off(key)
    for _ in range(20):
        instrument.render_block(4800)
    ledger = instrument._scheduler.ledger
    named = set(memory.record["keys"]["slot"].tolist())
    assert ledger.count(Owner.LEAVING) == 0
    assert ledger.count(Owner.WORKER) == 0
    assert {slot for slot in range(256) if ledger.owner(slot) is Owner.KERNEL} == named
    assert {int(slot) for slot in np.flatnonzero(memory.record["slots"]["references"])} == named
    assert instrument.status()["stray_returns"] == 0


def sine_note(
    _: NoteMaker, latent: NDArray[np.float32], offset: NDArray[np.float32], pitch: float
) -> NDArray[np.float32]:
    """A note that is smooth after its beginning; level and phase depend on the point."""
    hz = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
    seconds = np.arange(SLOT_FRAMES) / BANK_RATE_HZ
    phase = 10.0 * float(latent.sum())
    return (0.2 * (1.5 + np.sin(phase)) * np.sin(2 * np.pi * hz * seconds + phase)).astype(np.float32)


def steps(sound: NDArray[np.float32]) -> float:
    """Height of the largest step: its fifth difference is six times that, a low sine's next to nothing."""
    return float(np.abs(np.diff(sound.mean(axis=1, dtype=np.float64), 5)).max() / 6.0)


def test_new_timbres_under_eight_held_voices_do_not_click(
    memory: EngineMemory, instrument: OfflineInstrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synth_engine.render.worker.NoteMaker.note", sine_note)
    instrument.set_kernel_parameter(KernelParameter.MASTER_GAIN, 0.1)
    stand_at(instrument, 0)
    for key in CHORD:
        instrument.note_on(key, 0.8)
    instrument.render_block(RATE_HZ // 4)
    for seed in range(1, 8):
        stand_at(instrument, seed)
        sound = instrument.render_block(RATE_HZ // (10 * seed))  # later ones interrupt a cross-fade
        level = float(np.abs(sound).max())
        assert level > 0.01
        assert steps(sound) < 1e-3 * level
    assert (memory.record["voices"]["stage"] != VoiceStage.FREE).sum() == len(CHORD)
    instrument.render_block(RATE_HZ // 10)
    ledger = instrument._scheduler.ledger
    assert ledger.count(Owner.LEAVING) == 0


def test_five_hundred_points_leave_no_slot_behind(
    memory: EngineMemory, instrument: OfflineInstrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = np.zeros(128_000, np.float32)
    monkeypatch.setattr("synth_engine.render.worker.NoteMaker.note", lambda *_: quiet)
    instrument.set_kernel_parameter(KernelParameter.RELEASE_S, 0.01)
    rng = np.random.default_rng(0)
    for step in range(500):
        stand_at(instrument, int(rng.integers(0, 200)))
        key = int(rng.integers(30, 90))
        instrument.note_on(key, 0.5)
        instrument.render_block(int(rng.integers(1, 200)))
        if step % 100:
            instrument.note_off(key)
    instrument.all_sound_off()
    for _ in range(10):
        instrument.render_block(4800)
    ledger = instrument._scheduler.ledger
    assert ledger.count(Owner.LEAVING) == 0
    assert ledger.count(Owner.WORKER) == 0
    assert ledger.count(Owner.KERNEL) == len(set(memory.record["keys"]["slot"].tolist()))
    assert instrument.status()["stray_returns"] == 0
    assert instrument.status()["failed_notes"] == 0
    assert len(instrument._scheduler.points) <= 257
