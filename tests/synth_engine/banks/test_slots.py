from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from synth_engine.banks.slots import Owner, SlotError, SlotLedger

COUNT = 6


def anything_goes(_: int) -> tuple[int, ...]:
    return (0,)


def ledger_with_note(point: int = 1, pitch: int = 60) -> tuple[SlotLedger, int]:
    ledger = SlotLedger(COUNT)
    slot = ledger.take(anything_goes)
    assert slot is not None
    assert ledger.rendered(slot, (point, pitch))
    return ledger, slot


def test_empty_slots_are_taken_before_notes() -> None:
    ledger, slot = ledger_with_note()
    others = {ledger.take(anything_goes) for _ in range(COUNT - 1)}
    assert slot not in others
    assert ledger.find((1, 60)) == slot


def test_the_point_worth_least_goes_first() -> None:
    ledger = SlotLedger(3)
    for point in (5, 7, 6):
        slot = ledger.take(anything_goes)
        assert slot is not None
        ledger.rendered(slot, (point, 60))
    assert ledger.take(lambda point: (point,)) == 0
    assert ledger.find((5, 60)) is None
    assert ledger.take(lambda point: None if point == 6 else (point,)) == 1
    assert ledger.take(lambda point: None if point == 6 else (point,)) is None


def test_a_note_stays_findable_while_its_slot_is_away() -> None:
    ledger, slot = ledger_with_note()
    ledger.name(slot)
    assert ledger.find((1, 60)) == slot
    ledger.unname(slot)
    assert ledger.find((1, 60)) == slot
    assert not ledger.may_name(slot)
    assert ledger.returned(slot)
    assert ledger.may_name(slot)
    assert ledger.find((1, 60)) == slot


def test_a_slot_named_by_two_keys_leaves_with_the_second() -> None:
    ledger, slot = ledger_with_note()
    ledger.name(slot)
    ledger.name(slot)
    ledger.unname(slot)
    assert ledger.owner(slot) is Owner.KERNEL
    ledger.unname(slot)
    assert ledger.owner(slot) is Owner.LEAVING


def test_a_part_leaves_from_the_start_and_comes_back_empty() -> None:
    ledger = SlotLedger(COUNT)
    slot = ledger.take(anything_goes)
    assert slot is not None
    ledger.lend(slot)
    assert ledger.owner(slot) is Owner.LEAVING
    assert not ledger.may_name(slot)
    assert ledger.returned(slot)
    assert ledger.take(anything_goes) == slot
    with pytest.raises(SlotError):
        SlotLedger(COUNT).lend(0)


def test_a_return_without_reason_changes_nothing() -> None:
    ledger, slot = ledger_with_note()
    assert not ledger.returned(slot)
    ledger.name(slot)
    assert not ledger.returned(slot)
    assert not ledger.returned(COUNT)
    assert not ledger.returned(-1)
    assert ledger.owner(slot) is Owner.KERNEL


def test_a_note_rendered_twice_is_kept_once() -> None:
    ledger, _ = ledger_with_note()
    slot = ledger.take(anything_goes)
    assert slot is not None
    assert not ledger.rendered(slot, (1, 60))
    assert ledger.owner(slot) is Owner.CONTROL
    assert ledger.note(slot) is None


def test_steps_that_the_owner_does_not_allow_are_refused() -> None:
    ledger, slot = ledger_with_note()
    for step in (
        ledger.failed,
        ledger.unname,
        lambda s: ledger.rendered(s, (1, 61)),
        lambda s: ledger.unpin([s]),
    ):
        with pytest.raises(SlotError):
            step(slot)
    with pytest.raises(SlotError):
        ledger.name(slot + 1)


class LedgerMachine(RuleBasedStateMachine):
    """The ledger against a plain model of who may do what."""

    at_worker: Bundle[int] = Bundle("at_worker")
    named: Bundle[int] = Bundle("named")
    leaving: Bundle[int] = Bundle("leaving")

    def __init__(self) -> None:
        super().__init__()
        self.ledger = SlotLedger(COUNT)
        self.content: dict[int, tuple[int, int]] = {}
        self.busy: dict[int, int] = {}  # slot -> uses outside control

    @rule(target=at_worker)
    def take(self) -> object:
        slot = self.ledger.take(lambda point: (point,))
        if slot is None:
            assert len(self.busy) == COUNT
            return multiple()
        assert slot not in self.busy
        self.content.pop(slot, None)
        self.busy[slot] = 1
        return slot

    @rule(slot=consumes(at_worker), point=st.integers(1, 3), pitch=st.integers(60, 62))
    def rendered(self, slot: int, point: int, pitch: int) -> None:
        new = (point, pitch) not in self.content.values()
        assert self.ledger.rendered(slot, (point, pitch)) == new
        del self.busy[slot]
        if new:
            self.content[slot] = (point, pitch)

    @rule(target=leaving, slot=consumes(at_worker))
    def lend(self, slot: int) -> int:
        self.ledger.lend(slot)
        assert not self.ledger.may_name(slot)
        return slot

    @rule(slot=consumes(at_worker))
    def failed(self, slot: int) -> None:
        self.ledger.failed(slot)
        del self.busy[slot]

    @rule(target=named, slot=st.integers(0, COUNT - 1))
    def name(self, slot: int) -> object:
        if not self.ledger.may_name(slot):
            return multiple()
        assert slot in self.content
        self.ledger.name(slot)
        self.busy[slot] = self.busy.get(slot, 0) + 1
        return slot

    @rule(target=leaving, slot=consumes(named))
    def unname(self, slot: int) -> object:
        self.ledger.unname(slot)
        if self.busy[slot] > 1:
            self.busy[slot] -= 1
            return multiple()
        assert not self.ledger.may_name(slot)
        return slot

    @rule(slot=consumes(leaving))
    def returned(self, slot: int) -> None:
        assert self.ledger.returned(slot)
        del self.busy[slot]

    @invariant()
    def notes_are_where_they_were_put(self) -> None:
        for slot in range(COUNT):
            assert self.ledger.note(slot) == self.content.get(slot)
        for slot, note in self.content.items():
            assert self.ledger.find(note) == slot
            assert self.ledger.pitches_of(note[0])[note[1]] == slot
            assert self.ledger.points_of(note[1])[note[0]] == slot
        assert self.ledger.notes_held() == len(self.content)
        assert sum(self.ledger.count(owner) for owner in Owner) == COUNT


TestLedger = LedgerMachine.TestCase


def test_a_pinned_slot_is_not_taken() -> None:
    ledger, slot = ledger_with_note()
    ledger.pin([slot])
    assert slot not in {ledger.take(anything_goes) for _ in range(COUNT)}
    ledger.unpin([slot])
    assert ledger.take(anything_goes) == slot
