from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from synth_engine.abi import SLOT_FRAMES, SLOT_GUARD_FRAMES, EventKind, KernelParameter, VoiceStage
from synth_engine.banks.disk import BankStore
from synth_engine.banks.slots import Owner
from synth_engine.generator.entry import Entry
from synth_engine.generator.model_folder import load_model
from synth_engine.generator.random_model import make_random_model
from synth_engine.generator.runtime import NoteRenderer
from synth_engine.hosts.offline import OfflineHost
from synth_engine.instrument import Instrument
from synth_engine.render.upsampling import upsample
from synth_engine.render.worker import levelled
from synth_engine.shared_memory import EngineMemory

SOUND = slice(SLOT_GUARD_FRAMES, SLOT_GUARD_FRAMES + SLOT_FRAMES)
SHORT_NOTES = (8, 8, 8, 8, 4, 4)  # six blocks: notes of one second, a quarter of the work
PATIENCE_S = 60.0
POLL_S = 0.005


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    make_random_model(path, seed=1, channels=SHORT_NOTES)
    return path


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled networks, shared by the tests of this file."""
    return tmp_path_factory.mktemp("networks")


@pytest.fixture
def cache_dir(tmp_path: Path, networks: Path) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "networks").symlink_to(networks)
    return folder


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[EngineMemory]:
    folder = tmp_path / "run"
    folder.mkdir()
    memory = EngineMemory.create(folder)
    yield memory
    memory.close()


class RingEnd:
    """Reads control's ring as the kernel would, and keeps what the keys were told."""

    def __init__(self, memory: EngineMemory) -> None:
        self._ring = memory.record["events"][0]
        self.slots: dict[int, int] = {}
        self.kinds: list[EventKind] = []

    def read(self) -> None:
        for index in range(int(self._ring["read_index"]), int(self._ring["write_index"])):
            event = self._ring["records"][index % len(self._ring["records"])]
            self.kinds.append(EventKind(int(event["kind"])))
            if event["kind"] == EventKind.SET_KEY:
                self.slots[int(event["key"])] = int(event["slot"])
        self._ring["read_index"] = self._ring["write_index"]


def latent_of(instrument: Instrument, seed: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal(instrument.model.latent_size).astype(np.float32)


async def until(instrument: Instrument, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            instrument.poll()
            await asyncio.sleep(POLL_S)


def run_live(instrument: Instrument, play: Callable[[], Awaitable[None]]) -> None:
    async def live() -> None:
        await instrument.start()
        try:
            await play()
        finally:
            await instrument.stop()

    asyncio.run(live())


def test_a_held_note_goes_on_in_parts_of_the_worker(
    memory: EngineMemory, model_path: Path, cache_dir: Path
) -> None:
    instrument = Instrument(memory, model_path, cache_dir)
    host = OfflineHost(memory, 48_000, 128)
    voices = memory.record["voices"]

    def in_second_part() -> bool:
        if instrument.status()["rendered_notes"] != 0:
            host.render(960)
        return bool(voices["part_s"][voices["stage"] != VoiceStage.FREE].max(initial=0.0) > 4.0)

    async def play() -> None:
        instrument.set_point(latent_of(instrument, 0), None, "here")
        instrument.note_on(64, 0.5)
        await until(instrument, in_second_part)

    run_live(instrument, play)
    status = instrument.status()
    assert status["parts_rendered"] >= 2
    assert status["stray_returns"] == 0


def test_a_played_key_gets_the_note_the_network_makes(
    memory: EngineMemory, model_path: Path, cache_dir: Path
) -> None:
    instrument = Instrument(memory, model_path, cache_dir)
    ring = RingEnd(memory)
    latent = latent_of(instrument, 0)
    offset = np.random.default_rng(1).standard_normal(instrument.entry.hook_shape).astype(np.float32)

    async def play() -> None:
        instrument.set_point(latent, offset, "here")
        instrument.note_on(64, 0.5)
        await until(instrument, lambda: instrument.status()["rendered_notes"] != 0)
        ring.read()

    run_live(instrument, play)
    model = load_model(model_path)
    pitches = np.array([64.0])
    hooks = Entry(model).activate(latent[None], pitches) + offset
    expected = levelled(upsample(NoteRenderer(model).waves(hooks, pitches))[0])
    expected = np.pad(expected, (0, SLOT_FRAMES - len(expected)))
    row = memory.pool[ring.slots[64]]
    peak = np.abs(expected).max()
    assert peak > 1e-4
    assert np.abs(row[SOUND] - expected).max() < 1e-3 * peak  # two compilations may round differently
    assert not row[:SLOT_GUARD_FRAMES].any()
    assert not row[-SLOT_GUARD_FRAMES:].any()
    assert ring.kinds[0] is EventKind.NOTE_ON


def test_notes_still_come_after_the_worker_was_killed(
    memory: EngineMemory, model_path: Path, cache_dir: Path
) -> None:
    instrument = Instrument(memory, model_path, cache_dir)

    async def play() -> None:
        instrument.set_point(latent_of(instrument, 0), None, "here")
        await until(instrument, lambda: instrument.status()["rendered_notes"] >= 3)
        os.kill(int(instrument.status()["worker_pid"]), signal.SIGKILL)
        await until(instrument, lambda: instrument.status()["worker_restarts"] == 1)
        assert instrument.status()["pool_worker_slots"] == 0
        done = instrument.status()["rendered_notes"]
        await until(instrument, lambda: instrument.status()["rendered_notes"] >= int(done) + 3)

    run_live(instrument, play)
    assert instrument.status()["worker"] == "stopped"
    assert instrument.status()["pool_worker_slots"] == 0


def test_a_complete_bank_is_on_disk_and_sounds_before_the_worker_is_there(
    tmp_path: Path, memory: EngineMemory, model_path: Path, cache_dir: Path
) -> None:
    first = Instrument(memory, model_path, cache_dir)
    latent = latent_of(first, 0)

    async def play() -> None:
        first.set_point(latent, None, "here")
        await until(first, lambda: first.status()["bank_share"] == 1.0)

    run_live(first, play)
    folder = tmp_path / "second"
    folder.mkdir()
    again = EngineMemory.create(folder)
    second = Instrument(again, model_path, cache_dir)
    second.set_point(latent, None, "here")
    ring = RingEnd(again)
    ring.read()
    assert second.status()["bank_share"] == 1.0
    assert set(ring.slots) == set(range(128))
    slot = ring.slots[60]
    old = first._scheduler.ledger.find((1, 60))
    assert old is not None
    step = float(np.abs(memory.pool[old]).max()) / 32767
    assert again.pool[slot, SOUND] == pytest.approx(memory.pool[old, SOUND], abs=step)


def test_a_bank_left_unfinished_is_finished_and_saved_again(
    memory: EngineMemory, model_path: Path, cache_dir: Path
) -> None:
    notes: list[int] = []
    for share in (0.1, 0.2):
        instrument = Instrument(memory, model_path, cache_dir)

        async def play(instrument: Instrument = instrument, share: float = share) -> None:
            instrument.set_point(latent_of(instrument, 0), None, "here")
            await until(instrument, lambda: float(instrument.status()["bank_share"]) > share)

        run_live(instrument, play)
        store = BankStore(cache_dir / "banks", instrument.model.digest)
        notes.append(len(store.pitches("here")))
    assert 0 < notes[0] < notes[1]


def test_a_damaged_bank_is_not_heard(memory: EngineMemory, model_path: Path, cache_dir: Path) -> None:
    first = Instrument(memory, model_path, cache_dir)

    async def play() -> None:
        first.set_point(latent_of(first, 0), None, "here")
        await until(first, lambda: int(first.status()["rendered_notes"]) >= 5)

    run_live(first, play)
    (path,) = (cache_dir / "banks").glob("*.bank")
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)
    second = Instrument(memory, model_path, cache_dir)
    second.set_point(latent_of(second, 0), None, "here")
    assert second.status()["bank_share"] == 0.0
    assert second.status()["pool_worker_slots"] == 0
    assert not path.exists()


def test_a_cached_point_met_while_playing_is_loaded_beside_the_loop(
    memory: EngineMemory, model_path: Path, cache_dir: Path
) -> None:
    first = Instrument(memory, model_path, cache_dir)
    latent = latent_of(first, 0)

    async def fill() -> None:
        first.set_point(latent, None, "here")
        await until(first, lambda: first.status()["bank_share"] == 1.0)

    run_live(first, fill)
    second = Instrument(memory, model_path, cache_dir)

    async def play() -> None:
        second.set_point(latent_of(second, 7), None, "there")
        second.set_point(latent, None, "here")
        await until(second, lambda: second.status()["bank_share"] == 1.0)

    run_live(second, play)
    assert int(second.status()["rendered_notes"]) < 10


def test_a_model_that_the_worker_cannot_load_is_said_in_the_status(
    memory: EngineMemory, tmp_path: Path, cache_dir: Path
) -> None:
    path = tmp_path / "model"
    make_random_model(path, seed=2)
    instrument = Instrument(memory, path, cache_dir)
    (path / "model.safetensors").write_bytes(b"no weights")

    details: list[str] = []

    async def play() -> None:
        await until(instrument, lambda: instrument.status()["worker"] == "failed")
        details.append(str(instrument.status()["worker_detail"]))

    run_live(instrument, play)
    assert "model.safetensors" in details[0]


@pytest.mark.parametrize(
    ("latent", "offset"),
    [
        (np.zeros(3, np.float32), None),
        (np.full(8, np.nan, np.float32), None),
        (np.zeros(8, np.float32), np.zeros((1, 2, 3), np.float32)),
        (np.zeros(8, np.float32), np.full((2, 16, 8), np.inf, np.float32)),
    ],
)
def test_a_point_that_cannot_be_is_refused(
    memory: EngineMemory,
    model_path: Path,
    cache_dir: Path,
    latent: NDArray[np.float32],
    offset: NDArray[np.float32] | None,
) -> None:
    instrument = Instrument(memory, model_path, cache_dir)
    with pytest.raises(ValueError, match="expected"):
        instrument.set_point(latent, offset, "nowhere")


def test_parameters_and_panic_reach_the_record(
    memory: EngineMemory, model_path: Path, cache_dir: Path
) -> None:
    instrument = Instrument(memory, model_path, cache_dir)
    instrument.set_kernel_parameter(KernelParameter.ATTACK_S, 0.25)
    instrument.panic()
    assert memory.record["parameters"][KernelParameter.ATTACK_S] == 0.25
    assert memory.record["panic"] == 1


def test_a_release_that_found_the_ring_full_is_sent_later(
    memory: EngineMemory, model_path: Path, cache_dir: Path
) -> None:
    instrument = Instrument(memory, model_path, cache_dir)
    for _ in range(600):
        instrument.note_on(60, 1.0)
        instrument.note_off(60)
    assert int(instrument.status()["events_refused"]) > 0
    ring = RingEnd(memory)
    ring.read()
    instrument.poll()
    ring.read()
    assert ring.kinds[-1] is EventKind.NOTE_OFF


def test_events_already_delivered_are_not_delivered_again(
    memory: EngineMemory, model_path: Path, cache_dir: Path
) -> None:
    instrument = Instrument(memory, model_path, cache_dir)
    instrument.note_on(60, 1.0, 3, 123, delivered=True)
    instrument.sustain(1.0, 3, delivered=True)
    instrument.pitch_bend(2.0, 3, delivered=True)
    instrument.note_off(60, 0.0, 3, 123, delivered=True)
    instrument.all_notes_off(3, delivered=True)
    instrument.all_sound_off(3, delivered=True)
    instrument.reset_controllers(3, delivered=True)
    assert memory.record["events"][0]["write_index"] == 0
    assert instrument._scheduler.played.heard() == []
    assert 60 in instrument._scheduler.played.lately(instrument._clock())


def test_importing_the_instrument_loads_no_network_runtime() -> None:
    code = (
        "import sys, synth_engine.instrument;"
        "print([m for m in ('openvino', 'tensorflow', 'keras', 'numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_ledger_is_whole_after_a_session(memory: EngineMemory, model_path: Path, cache_dir: Path) -> None:
    instrument = Instrument(memory, model_path, cache_dir)

    async def play() -> None:
        for step in range(40):
            instrument.set_point(latent_of(instrument, step), None, f"step {step}")
            instrument.note_on(40 + step, 0.5)
            instrument.poll()
            await asyncio.sleep(POLL_S)

    run_live(instrument, play)
    assert instrument._scheduler.ledger.count(Owner.WORKER) == 0
