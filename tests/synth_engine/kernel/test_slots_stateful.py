"""Slots against a plain model: never lost, never returned twice, never returned while in use."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from synth_engine.abi import NO_SLOT, SLOT_COUNT, VOICE_SLOTS, EventKind, ReturnKind, VoiceStage
from synth_engine.hosts.recovery import recover
from tests.synth_engine.kernel.player import Player

KEYS = st.integers(0, 5)
SLOTS = st.integers(0, 9)


class SlotLife(RuleBasedStateMachine):
    """Control's side of the contract: a slot is given only while it is ours or named by a key."""

    def __init__(self) -> None:
        super().__init__()
        self.player = Player(block_frames=64)
        self.player.set(CROSSFADE_S=0.004, RELEASE_S=0.003)
        self.ours = set(range(SLOT_COUNT))
        self.named: dict[int, int] = {}

    def teardown(self) -> None:
        for key in list(self.named):
            self.player.set_key(key, NO_SLOT)
            del self.named[key]
        self.player.send(EventKind.ALL_SOUND_OFF, channel=-1)
        self.player.render(4096)
        self.collect()
        assert self.ours == set(range(SLOT_COUNT))  # none lost
        self.player.close()

    def collect(self) -> None:
        for told in self.player.drain():
            if told.kind == ReturnKind.SLOT_RETURNED:
                assert told.slot not in self.ours  # none twice
                assert told.slot not in self.named.values()
                assert told.slot not in self.in_voices()
                self.ours.add(told.slot)

    def in_voices(self) -> set[int]:
        voices = self.player.voices
        sounding = voices[voices["stage"] != VoiceStage.FREE]
        return {int(s) for name in VOICE_SLOTS for s in sounding[name]} - {NO_SLOT}

    @rule(key=KEYS, slot=SLOTS)
    def give(self, key: int, slot: int) -> None:
        if slot not in self.ours and slot not in self.named.values():
            return  # on its way back: the contract forbids to name it
        self.ours.discard(slot)
        self.named[key] = slot
        self.player.set_key(key, slot, 60.0)

    @rule(key=KEYS)
    def take(self, key: int) -> None:
        self.named.pop(key, None)
        self.player.set_key(key, NO_SLOT)

    @rule(slot=SLOTS, part=st.integers(10, 19), leave_s=st.floats(0.0, 0.05), share=st.floats(0.0, 1.0))
    def extend(self, slot: int, part: int, leave_s: float, share: float) -> None:
        if part not in self.ours:
            return
        self.ours.discard(part)
        self.player.extend(slot, part, leave_s, share * leave_s)

    @rule(slot=st.integers(10, 19), part=st.integers(20, 24), leave_s=st.floats(0.0, 0.05))
    def extend_further(self, slot: int, part: int, leave_s: float) -> None:
        self.extend(slot, part, leave_s, 0.5)

    @rule(key=KEYS, frame=st.integers(0, 300))
    def play(self, key: int, frame: int) -> None:
        self.player.note_on(key, frame=frame)

    @rule(key=KEYS, frame=st.integers(0, 300))
    def lift(self, key: int, frame: int) -> None:
        self.player.note_off(key, frame=frame)

    @rule(down=st.booleans())
    def pedal(self, down: bool) -> None:
        self.player.send(EventKind.SUSTAIN, channel=0, value=float(down))

    @rule()
    def cut(self) -> None:
        self.player.send(EventKind.ALL_SOUND_OFF, channel=-1)

    @rule()
    def panic(self) -> None:
        self.player.memory.record["panic"] += 1

    @rule(blocks=st.integers(1, 8))
    def run(self, blocks: int) -> None:
        self.player.render(64 * blocks)
        self.collect()

    @rule()
    def die_and_recover(self) -> None:
        assert recover(self.player.memory) == 0

    @invariant()
    def references_are_what_names_the_slot(self) -> None:
        record = self.player.memory.record
        expected = [0] * SLOT_COUNT
        voices = record["voices"]
        for name in VOICE_SLOTS:
            for slot in voices[name].tolist():
                if slot != NO_SLOT:
                    expected[slot] += 1
        for slot in record["keys"]["slot"].tolist():
            if slot != NO_SLOT:
                expected[slot] += 1
        assert record["slots"]["references"].tolist() == expected


TestSlotLife = SlotLife.TestCase
TestSlotLife.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def test_a_full_return_ring_delays_slots_but_loses_none() -> None:
    player = Player()
    record = player.memory.record
    record["returns"]["write_index"] = 5000  # nobody reads: the ring is full
    record["returns"]["read_index"] = 5000 - 2048
    for slot in range(20):
        player.set_key(60, slot)
    player.set_key(60, NO_SLOT)
    player.render(1280)
    assert record["slots"]["owed"].sum() == 20
    record["returns"]["read_index"] = 5000 - 2048 + 7
    player.render(128)
    assert record["slots"]["owed"].sum() == 13
    record["returns"]["read_index"] = 5000
    player.render(128)
    assert record["slots"]["owed"].sum() == 0
    assert int(record["returns"]["write_index"]) == 5020
    player.close()


def test_notes_leave_room_for_slots_in_the_return_ring() -> None:
    player = Player()
    player.set_key(60, 0)
    for _ in range(3000):
        player.note_on(60)
        player.render(16)
    returns = player.memory.record["returns"]
    assert int(returns["write_index"] - returns["read_index"]) <= 2048 - 512
    player.set_key(60, NO_SLOT)
    player.send(EventKind.ALL_SOUND_OFF, channel=-1)
    player.render(4096)
    assert player.drain()[-1].kind == ReturnKind.SLOT_RETURNED
    player.close()
