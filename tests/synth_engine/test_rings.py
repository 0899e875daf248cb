from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from mappings.catalogue import CATALOGUE
from synth_engine import abi
from synth_engine.abi import EventKind, ReturnKind
from synth_engine.rings import EventWriter, Return, ReturnReader
from synth_engine.shared_memory import ENGINE_NAME, POOL_NAME, EngineMemory, EngineMemoryError


@pytest.fixture
def memory(tmp_path: Path) -> EngineMemory:
    return EngineMemory.create(tmp_path)


def test_an_event_arrives_as_it_was_pushed(memory: EngineMemory) -> None:
    writer = EventWriter(memory, 8)
    assert writer.push(
        EventKind.SET_KEY, key=61, channel=3, slot=200, value=0.25, source_pitch=60.5, stamp_ns=2**60 + 1
    )
    ring = memory.record["events"][8]
    assert ring["write_index"] == 1
    assert ring["records"][0].tolist() == (2**60 + 1, 0.25, 60.5, EventKind.SET_KEY, 61, 3, 200)
    assert not memory.record["events"][:8]["write_index"].any()


def test_a_new_writer_goes_on_where_the_last_one_stopped(memory: EngineMemory) -> None:
    EventWriter(memory, 2).push(EventKind.NOTE_ON, key=1)
    EventWriter(memory, 2).push(EventKind.NOTE_ON, key=2)
    assert memory.record["events"][2]["records"]["key"][:2].tolist() == [1, 2]


@pytest.mark.parametrize("ring", [-1, abi.RING_COUNT])
def test_a_ring_that_does_not_exist_is_refused(memory: EngineMemory, ring: int) -> None:
    with pytest.raises(ValueError, match=f"ring {ring}, expected 0..8"):
        EventWriter(memory, ring)


class EventRing(RuleBasedStateMachine):
    """One writer against a list; the reading end is the kernel's rule written out."""

    def __init__(self) -> None:
        super().__init__()
        with tempfile.TemporaryDirectory() as folder:
            self.memory = EngineMemory.create(Path(folder))
        self.ring = self.memory.record["events"][3]
        start = 2**40  # indices only grow: begin far out
        self.ring["write_index"] = self.ring["read_index"] = start
        self.writer = EventWriter(self.memory, 3)
        self.model: list[int] = []
        self.pushed = 0

    def teardown(self) -> None:
        del self.ring
        self.memory.close()

    @rule(count=st.integers(1, 700))
    def push(self, count: int) -> None:
        for _ in range(count):
            self.pushed += 1
            taken = self.writer.push(EventKind.NOTE_ON, key=self.pushed)
            assert taken == (len(self.model) < abi.RING_EVENTS)
            if taken:
                self.model.append(self.pushed)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(1, len(self.model)))
        for _ in range(count):
            index = int(self.ring["read_index"])
            assert self.ring["records"][index % abi.RING_EVENTS]["key"] == self.model.pop(0)
            self.ring["read_index"] = index + 1
        assert self.ring["write_index"] - self.ring["read_index"] == len(self.model)


TestEventRing = EventRing.TestCase
TestEventRing.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)


def test_returns_are_read_in_order_across_the_end_of_the_ring(memory: EngineMemory) -> None:
    ring = memory.record["returns"]
    ring["write_index"] = ring["read_index"] = 2040
    reader = ReturnReader(memory)
    assert reader.drain() == []
    for index in range(2040, 2060):
        ring["records"][index % abi.RETURN_RING_EVENTS] = (
            index, 7, ReturnKind.NOTE_STARTED, 60, 1, index % 256,
        )  # fmt: skip
    ring["write_index"] = 2060
    messages = reader.drain()
    assert messages[0] == Return(ReturnKind.NOTE_STARTED, 60, 1, 2040 % 256, 2040, 7)
    assert [m.stamp_ns for m in messages] == list(range(2040, 2060))
    assert ring["read_index"] == 2060
    assert reader.drain() == []


def test_many_threads_with_a_ring_each_do_not_disturb_one_another(memory: EngineMemory) -> None:
    def play(ring: int) -> None:
        writer = EventWriter(memory, ring)
        for key in range(1000):
            assert writer.push(EventKind.NOTE_ON, key=key, channel=ring)

    threads = [threading.Thread(target=play, args=(ring,)) for ring in range(abi.RING_COUNT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, ring in enumerate(memory.record["events"]):
        assert ring["records"]["key"][:1000].tolist() == list(range(1000))
        assert (ring["records"]["channel"][:1000] == number).all()


def test_both_sides_see_the_same_memory(memory: EngineMemory, tmp_path: Path) -> None:
    other = EngineMemory.open(tmp_path)
    memory.pool[5, 77] = 0.5
    memory.record["panic"] += 1
    assert other.pool[5, 77] == 0.5
    assert other.record["panic"] == 1
    assert memory.pool.shape == (abi.SLOT_COUNT, abi.SLOT_STRIDE_FRAMES)
    assert memory.engine_address % 64 == 0
    other.close()
    memory.close()


def test_new_files_are_private_and_start_with_the_catalogue_s_values(
    memory: EngineMemory, tmp_path: Path
) -> None:
    for name in (ENGINE_NAME, POOL_NAME):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert (memory.record["keys"]["slot"] == abi.NO_SLOT).all()
    assert memory.record["parameters"][abi.KernelParameter.RELEASE_S] == 0.25
    gain = 10 ** (CATALOGUE["/gain"].default / 20)
    assert memory.record["parameters"][abi.KernelParameter.MASTER_GAIN] == pytest.approx(gain)


def test_making_files_anew_leaves_the_old_maps_alone(memory: EngineMemory, tmp_path: Path) -> None:
    memory.record["panic"] = 5
    assert EngineMemory.create(tmp_path).record["panic"] == 0
    assert memory.record["panic"] == 5


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda folder: (folder / ENGINE_NAME).unlink(), "cannot be opened"),
        (lambda folder: (folder / POOL_NAME).unlink(), "cannot be opened"),
        (lambda folder: (folder / ENGINE_NAME).write_bytes(b"x" * 100), "100 bytes, expected"),
        (lambda folder: (folder / POOL_NAME).write_bytes(b""), "0 bytes, expected"),
        (lambda folder: (folder / ENGINE_NAME).write_bytes(b"\0" * abi.ENGINE.itemsize), "magic 0x0"),
    ],
)
def test_files_that_do_not_fit_are_refused(
    memory: EngineMemory, tmp_path: Path, damage, complaint: str
) -> None:
    memory.close()
    damage(tmp_path)
    with pytest.raises(EngineMemoryError, match=complaint):
        EngineMemory.open(tmp_path)


def test_another_version_is_refused(memory: EngineMemory, tmp_path: Path) -> None:
    memory.record["version"] = 99
    with pytest.raises(EngineMemoryError, match="version 99, expected 2"):
        EngineMemory.open(tmp_path)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineMemoryError, match="nowhere"):
        EngineMemory.create(tmp_path / "nowhere")
