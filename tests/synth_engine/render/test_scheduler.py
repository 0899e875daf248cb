from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from synth_engine.abi import NO_SLOT
from synth_engine.banks.keys import SetKey
from synth_engine.banks.slots import Owner
from synth_engine.render.continuations import AskPart, ExtendSlot, Part
from synth_engine.render.protocol import POINTS_KEPT
from synth_engine.render.scheduler import (
    ATTEMPTS,
    REQUESTS_IN_FLIGHT,
    REQUESTS_WHILE_PLAYED,
    REST_S,
    Instruction,
    Render,
    Scheduler,
    SendPoint,
)
from tests.synth_engine.render.toy_kernel import ToyKernel

PITCHES = range(48, 73)
NONE = np.zeros(0, np.float32)
PLENTY = 1000


def renders(instructions: list[Instruction]) -> list[Render]:
    return [i for i in instructions if isinstance(i, Render)]


def key_changes(instructions: list[Instruction]) -> dict[int, SetKey]:
    return {i.key: i for i in instructions if isinstance(i, SetKey)}


class Desk:
    """A scheduler with time and a worker that answers on demand."""

    def __init__(self, slot_count: int = 256, pitches: range = PITCHES) -> None:
        self.scheduler = Scheduler(pitches, slot_count)
        self.now_s = 100.0
        self.scheduler.worker_ready()

    def point(self, identity: str) -> int:
        return self.scheduler.set_point(identity, NONE, NONE, self.now_s).number

    def advance(self) -> list[Instruction]:
        return self.scheduler.advance(self.now_s, PLENTY)

    def render_all(self) -> list[int]:
        """Answer every request until none comes; returns the pitches in the order asked for."""
        order = []
        waiting = renders(self.advance())
        while waiting:
            request = waiting.pop(0)
            order.extend(request.pitches)
            self.scheduler.rendered(request.request)
            waiting.extend(renders(self.advance()))
        return order

    def rest(self) -> None:
        self.now_s += 2 * REST_S


def test_nothing_is_asked_for_before_there_is_a_point_or_a_worker() -> None:
    desk = Desk()
    assert desk.advance() == []
    scheduler = Scheduler(PITCHES)
    scheduler.set_point("a", NONE, NONE, 0.0)
    scheduler.note_on(60, 0, 0.0)
    assert scheduler.advance(1.0, PLENTY) == []


def test_the_bank_is_rendered_outwards_from_the_middle_when_nobody_plays() -> None:
    desk = Desk()
    desk.point("a")
    desk.rest()
    order = desk.render_all()
    assert sorted(order) == list(PITCHES)
    assert order[0] == 60
    distances = [abs(pitch - 60) for pitch in order]
    assert distances == sorted(distances)


def test_a_point_is_sent_once_and_before_its_first_request() -> None:
    desk = Desk()
    desk.point("a")
    desk.rest()
    instructions = desk.advance()
    assert isinstance(instructions[0], SendPoint)
    assert len(renders(instructions)) == REQUESTS_IN_FLIGHT
    assert sum(isinstance(i, SendPoint) for i in instructions) == 1


def test_held_keys_come_first_newest_first_then_keys_played_lately() -> None:
    desk = Desk()
    for key in (50, 55, 65, 70):
        desk.scheduler.note_on(key, 0, desk.now_s)
    desk.scheduler.note_off(65, 0)
    desk.point("a")
    desk.rest()
    assert desk.render_all()[:4] == [70, 55, 50, 65]


def test_while_the_point_moves_only_played_keys_are_rendered() -> None:
    desk = Desk()
    desk.scheduler.note_on(52, 0, desk.now_s)
    for step in range(5):
        desk.point(f"step {step}")
        desk.now_s += REST_S / 2
        assert desk.render_all() == [52]
    desk.rest()
    assert len(desk.render_all()) == len(PITCHES) - 1


def test_while_the_point_moves_held_keys_take_turns() -> None:
    desk = Desk()
    chord = (60, 64, 67)
    for key in chord:
        desk.scheduler.note_on(key, 0, desk.now_s)
    desk.point("start")
    desk.render_all()
    order = []
    for step in range(9):
        desk.point(f"step {step}")
        desk.now_s += 0.04
        request = renders(desk.advance())[0]
        order.extend(request.pitches)
        desk.point(f"half {step}")  # the knob has moved on before the note is there
        desk.scheduler.rendered(request.request)
        desk.scheduler.failed(renders(desk.advance())[0].request)
    assert order[:3] == [67, 64, 60]
    assert all(order.count(key) == 3 for key in chord)


def test_while_the_point_moves_keys_that_are_not_heard_wait() -> None:
    desk = Desk()
    desk.scheduler.note_on(64, 0, desk.now_s)
    desk.scheduler.note_off(64, 0)
    desk.scheduler.note_on(60, 0, desk.now_s)
    desk.point("a")
    assert desk.render_all() == [60]
    desk.rest()
    assert desk.render_all()[0] == 64


def test_a_key_that_still_sounds_is_as_good_as_held() -> None:
    desk = Desk()
    desk.scheduler.note_on(64, 0, desk.now_s)
    desk.scheduler.note_off(64, 0)
    desk.scheduler.played.sounding = frozenset((64,))
    desk.now_s += 100.0
    desk.point("a")
    assert desk.render_all() == [64]


def test_a_new_key_waits_for_no_more_than_what_is_in_flight() -> None:
    desk = Desk()
    desk.point("a")
    desk.rest()
    waiting = renders(desk.advance())
    assert len(waiting) == REQUESTS_IN_FLIGHT
    desk.scheduler.note_on(72, 0, desk.now_s)
    for request in waiting:
        assert not renders(desk.advance())
        desk.scheduler.rendered(request.request)
    assert [r.pitches for r in renders(desk.advance())] == [(72,)]


def test_while_somebody_plays_only_one_request_is_under_way() -> None:
    desk = Desk()
    for key in (50, 60):
        desk.scheduler.note_on(key, 0, desk.now_s)
    desk.point("a")
    desk.rest()
    assert len(renders(desk.advance())) == REQUESTS_WHILE_PLAYED


def test_a_key_outside_the_models_pitches_sounds_from_the_nearest() -> None:
    desk = Desk()
    desk.scheduler.note_on(100, 0, desk.now_s)
    desk.point("a")
    waiting = renders(desk.advance())
    assert waiting[0].pitches == (72,)
    desk.scheduler.rendered(waiting[0].request)
    assert key_changes(desk.advance())[100].source_pitch == 72.0


def test_until_its_own_note_is_there_a_silent_key_has_a_near_one_of_the_new_point() -> None:
    desk = Desk()
    desk.point("a")
    desk.rest()
    desk.render_all()
    desk.point("b")
    desk.scheduler.note_on(60, 0, desk.now_s)
    waiting = renders(desk.advance())
    desk.scheduler.rendered(waiting[0].request)
    changes = key_changes(desk.advance())
    assert {key for key, change in changes.items() if change.source_pitch == 60.0} == set(range(56, 65))
    assert not any(key < 56 or key > 64 for key in changes)  # the old timbre at the right pitch stays


def test_a_sounding_key_keeps_its_own_pitch_until_its_true_note_comes() -> None:
    desk = Desk()
    desk.point("a")
    desk.rest()
    desk.render_all()
    for key in (62, 60):
        desk.scheduler.note_on(key, 0, desk.now_s)
    desk.point("b")
    desk.scheduler.rendered(renders(desk.advance())[0].request)
    instructions = desk.advance()
    assert 62 not in key_changes(instructions)
    desk.scheduler.rendered(renders(instructions)[0].request)
    assert key_changes(desk.advance())[62].source_pitch == 62.0


def test_a_note_of_a_point_just_left_is_nearer_than_an_older_one() -> None:
    desk = Desk()
    desk.scheduler.note_on(60, 0, desk.now_s)
    desk.point("a")
    desk.render_all()
    desk.point("b")
    late = renders(desk.advance())[0]
    desk.point("c")
    desk.scheduler.rendered(late.request)
    assert key_changes(desk.advance())[60].slot == late.slots[0]


def test_every_key_has_some_sound_once_one_note_is_there() -> None:
    desk = Desk()
    desk.scheduler.note_on(60, 0, desk.now_s)
    desk.point("a")
    first = renders(desk.advance())[0]
    desk.scheduler.rendered(first.request)
    assert set(key_changes(desk.advance())) == set(range(128))


def test_going_back_to_a_point_in_the_pool_renders_nothing() -> None:
    desk = Desk()
    kernel = ToyKernel()
    first = desk.point("a")
    desk.rest()
    feed(desk, kernel)
    desk.point("b")
    desk.rest()
    feed(desk, kernel)
    assert desk.point("a") == first
    before = desk.scheduler.rendered_notes
    desk.rest()
    feed(desk, kernel)
    assert desk.scheduler.rendered_notes == before
    assert all(desk.scheduler.keys.is_own(key) for key in range(128))


def test_key_changes_stop_at_the_places_there_are_and_go_on_next_time() -> None:
    desk = Desk()
    desk.point("a")
    desk.scheduler.note_on(60, 0, desk.now_s)
    desk.scheduler.rendered(renders(desk.advance())[0].request)
    first = key_changes(desk.scheduler.advance(desk.now_s, 10))
    second = key_changes(desk.scheduler.advance(desk.now_s, PLENTY))
    assert len(first) == 10
    assert 60 in first  # held keys first
    assert len(second) == 118
    assert not set(first) & set(second)


def test_a_failing_note_is_tried_a_few_times_and_again_when_the_point_returns() -> None:
    desk = Desk()

    def attempts() -> int:
        count = 0
        while waiting := renders(desk.advance()):
            count += 1
            desk.scheduler.failed(waiting[0].request)
        return count

    desk.scheduler.note_on(60, 0, desk.now_s)
    desk.point("a")
    assert attempts() == ATTEMPTS
    desk.point("b")
    desk.point("a")
    assert attempts() == ATTEMPTS
    assert desk.scheduler.ledger.count(Owner.CONTROL) == 256


def test_a_dead_worker_leaves_no_slot_behind_and_a_new_one_is_told_everything() -> None:
    desk = Desk()
    desk.point("a")
    desk.rest()
    lost = renders(desk.advance())
    desk.scheduler.worker_lost()
    assert desk.scheduler.ledger.count(Owner.WORKER) == 0
    assert desk.advance() == []
    desk.scheduler.worker_ready()
    again = desk.advance()
    assert isinstance(again[0], SendPoint)
    assert [r.pitches for r in renders(again)] == [r.pitches for r in lost]
    assert not desk.scheduler.rendered(lost[0].request)


def test_a_point_whose_notes_are_in_the_pool_is_not_sent_again() -> None:
    desk = Desk()
    desk.scheduler.note_on(60, 0, desk.now_s)
    sent: list[int] = []
    for step in [0, *range(POINTS_KEPT), 0]:
        desk.point(f"step {step}")
        instructions = desk.advance()
        sent.extend(i.point.number for i in instructions if isinstance(i, SendPoint))
        for request in renders(instructions):
            desk.scheduler.rendered(request.request)
    assert len(sent) == POINTS_KEPT  # step 0 was in the pool still


def test_a_point_pushed_out_of_the_workers_memory_is_sent_again() -> None:
    desk = Desk()
    first = desk.point("first")
    desk.scheduler.note_on(60, 0, desk.now_s)
    desk.render_all()
    for step in range(POINTS_KEPT):
        desk.point(f"step {step}")
        desk.render_all()
    assert desk.point("first") == first
    desk.scheduler.note_on(61, 0, desk.now_s)
    assert [i.point.number for i in desk.advance() if isinstance(i, SendPoint)] == [first]


def test_points_without_notes_are_forgotten() -> None:
    desk = Desk()
    for step in range(1000):
        desk.point(f"step {step}")
    assert len(desk.scheduler.points) <= 2


def test_passing_points_lose_their_slots_before_a_bank_that_was_wanted() -> None:
    desk = Desk(slot_count=4 * len(PITCHES))
    kernel = ToyKernel()
    wanted = desk.point("wanted")
    desk.rest()
    feed(desk, kernel)
    desk.scheduler.note_on(60, 0, desk.now_s)
    for step in range(10 * len(PITCHES)):
        desk.point(f"step {step}")
        feed(desk, kernel)
    assert len(desk.scheduler.ledger.pitches_of(wanted)) == len(PITCHES)


def test_what_disk_gives_is_not_rendered_again() -> None:
    desk = Desk()
    point = desk.scheduler.set_point("a", NONE, NONE, desk.now_s)
    slots = desk.scheduler.begin_load(point, [60, 61, 99])
    assert set(slots) == {60, 61}
    desk.rest()
    waiting = renders(desk.advance())
    assert not {60, 61} & {pitch for r in waiting for pitch in r.pitches}
    desk.scheduler.end_load(point, slots, loaded=True)
    changes = key_changes(desk.advance())
    assert changes[60].slot == slots[60]


def test_a_failed_load_gives_its_slots_back() -> None:
    desk = Desk()
    point = desk.scheduler.set_point("a", NONE, NONE, desk.now_s)
    slots = desk.scheduler.begin_load(point, list(PITCHES))
    desk.scheduler.end_load(point, slots, loaded=False)
    assert desk.scheduler.ledger.count(Owner.CONTROL) == 256
    desk.rest()
    assert len(desk.render_all()) == len(PITCHES)


def feed(desk: Desk, kernel: ToyKernel) -> None:
    """Let worker, kernel and control run until nothing moves any more."""
    waiting: list[Render] = []
    for _ in range(10_000):
        while kernel.returns:
            desk.scheduler.returned(kernel.returns.popleft())
        instructions = desk.advance()
        kernel.ring.extend(("set", i) for i in instructions if isinstance(i, SetKey))
        waiting.extend(renders(instructions))
        if waiting:
            desk.scheduler.rendered(waiting.pop(0).request)
        elif not (instructions or kernel.busy() or desk.scheduler.keys.dirty):
            return
        kernel.step(PLENTY)
    pytest.fail("scheduler and kernel never came to rest")


def held(desk: Desk, key: int = 60) -> int:
    """A key is held and has its own note; returns the slot."""
    desk.scheduler.note_on(key, 0, desk.now_s)
    desk.point("a")
    desk.render_all()
    return desk.scheduler.keys.slot(key)


def parts(instructions: list[Instruction]) -> list[AskPart]:
    return [i for i in instructions if isinstance(i, AskPart)]


def extends(instructions: list[Instruction]) -> list[ExtendSlot]:
    return [i for i in instructions if isinstance(i, ExtendSlot)]


def test_a_note_that_runs_out_is_given_its_next_part_and_that_the_one_after() -> None:
    desk = Desk()
    slot = held(desk)
    point = desk.scheduler.points.current
    assert point is not None
    for number in (1, 2, 3):
        desk.scheduler.parts.look({slot: 1.0})
        (ask,) = parts(desk.advance())
        assert ask.part == Part(point.number, 60, number)
        assert desk.scheduler.parts.done(ask.request, 2.7, 0.05, 0.5)
        (extend,) = extends(desk.advance())
        assert extend == ExtendSlot(slot, ask.slot, 2.7, 0.05)
        slot = ask.slot
    assert desk.scheduler.ledger.note(slot) is None  # no key is ever told of a part
    assert desk.scheduler.parts.rendered == 3


def test_the_kernel_is_told_once_and_asked_again_if_it_did_not_take_it() -> None:
    desk = Desk()
    slot = held(desk)
    desk.scheduler.parts.look({slot: 1.0})
    desk.scheduler.parts.done(parts(desk.advance())[0].request, 2.7, 0.05, 0.5)
    assert len(extends(desk.advance())) == 1
    assert not parts(desk.advance())
    desk.now_s += 1.0
    assert len(parts(desk.advance())) == 1


def test_what_has_died_away_or_fails_for_ever_is_not_asked_for_again() -> None:
    desk = Desk()
    slot = held(desk)
    desk.scheduler.parts.look({slot: 1.0})
    desk.scheduler.parts.done(parts(desk.advance())[0].request, 0.0, 0.0, 0.0)
    assert not parts(desk.advance())
    other = held(desk, 62)
    desk.scheduler.parts.look({other: 1.0})
    for _ in range(ATTEMPTS):
        assert desk.scheduler.failed(parts(desk.advance())[0].request)
    assert not parts(desk.advance())
    assert desk.scheduler.ledger.count(Owner.WORKER) == 0


def test_an_urgent_part_comes_first_others_after_the_held_keys_and_before_the_bank() -> None:
    desk = Desk()
    slot = held(desk)
    desk.rest()
    desk.scheduler.parts.look({slot: 1.0})
    desk.scheduler.note_on(64, 0, desk.now_s)
    (first,) = renders(desk.advance())
    assert first.pitches == (64,)
    desk.scheduler.rendered(first.request)
    (second,) = parts(desk.advance())
    desk.scheduler.failed(second.request)
    desk.scheduler.note_on(65, 0, desk.now_s)
    desk.scheduler.parts.look({slot: 0.1})
    assert len(parts(desk.advance())) == 1


def test_the_voice_nearest_to_its_end_is_looked_after_first() -> None:
    desk = Desk()
    slots = {held(desk, key): left_s for key, left_s in ((60, 1.0), (64, 0.5), (67, 0.8))}
    order = []
    for _ in slots:
        desk.scheduler.parts.look(slots)
        (ask,) = parts(desk.advance())
        order.append(ask.part.pitch)
        desk.scheduler.parts.done(ask.request, 2.7, 0.05, 0.5)
    assert order == [64, 67, 60]


def test_notes_that_go_on_can_be_sure_of_their_slots_and_leave_some_to_a_change_of_timbre() -> None:
    desk = Desk(slot_count=57)  # 25 notes, two parts each of 12 of them, 7 for the change, 1 over
    desk.point("a")
    for key in PITCHES:
        desk.scheduler.note_on(key, 0, desk.now_s)
    desk.render_all()
    running = {desk.scheduler.keys.slot(key): 1.0 for key in PITCHES}
    for _ in range(8 * len(PITCHES)):
        desk.scheduler.parts.look(running)
        instructions = desk.advance()
        for extend in extends(instructions):
            del running[extend.slot]
            running[extend.next_slot] = 1.0
            if desk.scheduler.ledger.note(extend.slot) is None:
                desk.scheduler.returned(extend.slot)  # the voice has stepped out of it
        for ask in parts(instructions):
            desk.scheduler.parts.done(ask.request, 2.7, 0.05, 0.5)
    assert desk.scheduler.ledger.count(Owner.LEAVING) == 12
    assert desk.scheduler.parts.rendered > 100
    assert desk.scheduler.parts.refused > 0
    desk.point("b")
    assert len(desk.render_all()) == 19  # a part is on its way


def test_a_dead_worker_gives_the_slots_of_parts_back_and_is_asked_again() -> None:
    desk = Desk()
    slot = held(desk)
    desk.scheduler.parts.look({slot: 1.0})
    assert parts(desk.advance())
    desk.scheduler.worker_lost()
    assert desk.scheduler.ledger.count(Owner.WORKER) == 0
    desk.scheduler.worker_ready()
    again = desk.advance()
    assert isinstance(again[0], SendPoint)
    assert len(parts(again)) == 1


def test_a_part_nobody_waits_for_any_more_is_let_go() -> None:
    desk = Desk()
    slot = held(desk)
    desk.scheduler.parts.look({slot: 1.0})
    (ask,) = parts(desk.advance())
    desk.scheduler.parts.look({})
    desk.scheduler.parts.done(ask.request, 2.7, 0.05, 0.5)
    assert not extends(desk.advance())
    assert desk.scheduler.ledger.owner(ask.slot) is Owner.CONTROL


def test_many_parts_are_begun_early_enough_for_the_last_of_them() -> None:
    desk = Desk(pitches=range(60, 64))
    slots = [held(desk, key) for key in range(60, 64)]
    for slot in slots[:2]:  # on an overloaded machine
        desk.scheduler.parts.look({slot: 1.0})
        (ask,) = parts(desk.advance())
        desk.now_s += 0.8
        desk.scheduler.parts.done(ask.request, 2.7, 0.05, 0.5)
        desk.advance()
    desk.now_s += 1.0
    desk.point("b")
    desk.scheduler.parts.look(dict.fromkeys(slots, 2.5))
    (note,) = renders(desk.advance())  # there is time for a new timbre,
    desk.scheduler.rendered(note.request)
    desk.scheduler.parts.look(dict.fromkeys(slots, 1.5))
    assert len(parts(desk.advance())) == 1  # and now there is none


def test_late_parts_are_counted() -> None:
    desk = Desk()
    slot = held(desk)
    desk.scheduler.parts.look({slot: 0.2})
    (ask,) = parts(desk.advance())
    desk.scheduler.parts.look({slot: -0.1})
    desk.scheduler.parts.done(ask.request, 2.7, 0.05, 0.5)
    assert len(extends(desk.advance())) == 1
    assert desk.scheduler.parts.late == 1


class SchedulerMachine(RuleBasedStateMachine):
    """Players, worker, kernel and disk in any order: no slot is ever in two hands, and none is lost."""

    SLOTS = 14
    PITCHES = range(58, 62)

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(self.SLOTS, self.PITCHES)
        self.kernel = ToyKernel()
        self.waiting: list[Render | AskPart] = []
        self.content: dict[int, tuple[int, ...]] = {}  # what the worker has really put there
        self.load: tuple[object, dict[int, int]] | None = None
        self.pinned: list[int] = []

    @property
    def scheduler(self) -> Scheduler:
        return self.desk.scheduler

    @rule(key=st.sampled_from((40, 58, 60, 61, 90)), channel=st.integers(0, 1))
    def note_on(self, key: int, channel: int) -> None:
        self.scheduler.note_on(key, channel, self.desk.now_s)
        self.kernel.ring.append(("on", key))

    @rule(key=st.sampled_from((40, 58, 60, 61, 90)), channel=st.integers(0, 1))
    def note_off(self, key: int, channel: int) -> None:
        self.scheduler.note_off(key, channel)
        self.kernel.ring.append(("off", key))

    @rule(identity=st.sampled_from("abc"))
    def set_point(self, identity: str) -> None:
        self.desk.point(identity)

    @rule(seconds=st.sampled_from((0.0, 0.01, 0.2, 20.0)))
    def wait(self, seconds: float) -> None:
        self.desk.now_s += seconds

    @rule(places=st.sampled_from((0, 3, PLENTY)))
    def advance(self, places: int) -> None:
        for instruction in self.scheduler.advance(self.desk.now_s, places):
            if isinstance(instruction, Render):
                for slot in instruction.slots:
                    assert slot not in self.kernel.referenced()
                    assert slot not in self.pinned
                    self.content.pop(slot, None)  # the worker may write from now on
                self.waiting.append(instruction)
            elif isinstance(instruction, AskPart):
                assert instruction.slot not in self.kernel.referenced()
                assert instruction.slot not in self.pinned
                self.content.pop(instruction.slot, None)
                self.waiting.append(instruction)
            elif isinstance(instruction, ExtendSlot):
                number = self.part_number(instruction.slot)
                assert self.content[instruction.next_slot] == (
                    *self.content[instruction.slot][:2],
                    number + 1,
                )
                self.kernel.ring.append(("extend", instruction))
            elif isinstance(instruction, SetKey):
                assert self.content[instruction.slot][1] == instruction.source_pitch
                self.kernel.ring.append(("set", instruction))
        assert len(self.waiting) <= REQUESTS_IN_FLIGHT

    def part_number(self, slot: int) -> int:
        return self.content[slot][2] if len(self.content[slot]) == 3 else 0

    @rule(left_s=st.floats(-1.0, 2.0))
    def look(self, left_s: float) -> None:
        self.scheduler.parts.look(dict.fromkeys(self.kernel.running_out(), left_s))

    @rule()
    def move_on(self) -> None:
        self.kernel.move_on()

    @rule(key=st.sampled_from((58, 60)), parts=st.integers(1, 3), left_s=st.sampled_from((0.1, 1.0)))
    def hold(self, key: int, parts: int, left_s: float) -> None:
        """A key goes down and stays down for some parts."""
        if self.scheduler.points.current is None:
            self.set_point("a")
        self.note_on(key, 0)
        for _ in range(parts + 1):
            self.work(3, PLENTY)
            self.move_on()
            self.look(left_s)

    @precondition(lambda self: self.waiting)
    @rule(peak=st.sampled_from((0.0, 0.5, 0.5)))
    def rendered(self, peak: float = 0.5) -> None:
        done = self.waiting.pop(0)
        if isinstance(done, AskPart):
            self.content[done.slot] = (done.part.point, done.part.pitch, done.part.number)
            assert self.scheduler.parts.done(done.request, 2.7, 0.05, peak)
            return
        for pitch, slot in zip(done.pitches, done.slots, strict=True):
            self.content[slot] = (done.point, pitch)
        assert self.scheduler.rendered(done.request)

    @rule(notes=st.integers(1, 5), events=st.sampled_from((0, 3, PLENTY)))
    def work(self, notes: int, events: int) -> None:
        """Some ordinary progress, so that long histories are not rare."""
        self.wait(0.2)
        for _ in range(notes):
            self.advance(PLENTY)
            if self.waiting:
                self.rendered()
            self.kernel_block(events)

    @precondition(lambda self: self.waiting)
    @rule()
    def failed(self) -> None:
        assert self.scheduler.failed(self.waiting.pop(0).request)

    @rule()
    def worker_dies(self) -> None:
        self.waiting.clear()
        self.scheduler.worker_lost()
        self.scheduler.worker_ready()

    @rule(events=st.integers(0, 300))
    def kernel_block(self, events: int) -> None:
        self.kernel.step(events)

    @rule(count=st.integers(1, 50))
    def take_returns(self, count: int) -> None:
        for _ in range(min(count, len(self.kernel.returns))):
            self.scheduler.returned(self.kernel.returns.popleft())

    @precondition(lambda self: self.load is None and self.scheduler.points.current)
    @rule(pitches=st.sets(st.sampled_from(range(58, 62)), max_size=4))
    def begin_load(self, pitches: set[int]) -> None:
        point = self.scheduler.points.current
        assert point is not None
        slots = self.scheduler.begin_load(point, sorted(pitches))
        for slot in slots.values():
            assert slot not in self.kernel.referenced()
            assert slot not in self.pinned
            self.content.pop(slot, None)
        self.load = (point, slots)

    @precondition(lambda self: self.load is not None)
    @rule(loaded=st.booleans())
    def end_load(self, loaded: bool) -> None:
        assert self.load is not None
        point, slots = self.load
        self.load = None
        if loaded:
            self.content.update({slot: (point.number, pitch) for pitch, slot in slots.items()})  # type: ignore[attr-defined]
        self.scheduler.end_load(point, slots, loaded)  # type: ignore[arg-type]

    @precondition(lambda self: not self.pinned and self.scheduler.points.current)
    @rule()
    def begin_save(self) -> None:
        assert self.scheduler.points.current is not None
        self.pinned = list(self.scheduler.ledger.pitches_of(self.scheduler.points.current.number).values())
        self.scheduler.ledger.pin(self.pinned)

    @precondition(lambda self: self.pinned)
    @rule()
    def end_save(self) -> None:
        self.scheduler.ledger.unpin(self.pinned)
        self.pinned = []

    @invariant()
    def what_the_kernel_uses_holds_a_note(self) -> None:
        assert self.kernel.referenced() <= self.content.keys()

    @invariant()
    def what_the_ledger_says_is_there_is_there(self) -> None:
        for slot in range(self.SLOTS):
            note = self.scheduler.ledger.note(slot)
            assert note is None or self.content.get(slot) == note

    @invariant()
    def no_return_comes_without_reason(self) -> None:
        assert self.scheduler.stray_returns == 0

    def teardown(self) -> None:
        if self.load is not None:
            self.end_load(loaded=False)
        if self.pinned:
            self.end_save()
        self.scheduler.parts.look({})
        while self.waiting:
            self.rendered()
        self.kernel.ring.extend(("off", key) for key in self.kernel.voices)
        feed(self.desk, self.kernel)
        ledger = self.scheduler.ledger
        assert ledger.count(Owner.WORKER) == 0
        assert ledger.count(Owner.LEAVING) == 0
        assert ledger.count(Owner.KERNEL) == len({slot for slot in self.kernel.keys if slot != NO_SLOT})
        for key in range(128):
            assert self.kernel.keys[key] == self.scheduler.keys.slot(key)


SchedulerMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
TestScheduler = SchedulerMachine.TestCase
