"""What to render next, and which slot each key sounds from. Pure: events in, instructions out, no I/O.

Held keys come first (newest first), then keys that still sound, then keys played lately, then the
rest of the bank outwards from the played register. While the latent point moves only keys that are
heard are rendered, so that every step of a knob is heard as soon as one note can be made; they take
turns, so that a chord moves as a whole. The parts in which held notes go on come after the keys that
are heard, but before everything if one would come late otherwise: a note that ends is worse than a
timbre that waits. Results for a point that has been left are not thrown away: they are nearer to the
present timbre than anything older.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Union

import numpy as np
from numpy.typing import NDArray

from synth_engine.abi import SLOT_COUNT
from synth_engine.banks.keys import KeyTable, SetKey
from synth_engine.banks.points import Point, PointBook
from synth_engine.banks.slots import SlotLedger
from synth_engine.render.continuations import AskPart, Continuations, ExtendSlot
from synth_engine.render.played import PlayedKeys
from synth_engine.render.protocol import POINTS_KEPT
from synth_engine.render.starts import NoteStarts

REST_S = 0.08  # a point unchanged for this long is where the player wants to be
REQUESTS_IN_FLIGHT = 2  # the second hides the way there and back while nobody plays;
REQUESTS_WHILE_PLAYED = 1  # a key or a knob would have to wait for it
SHARE_FOR_CHANGE = 8  # one in so many slots is not for held notes but for a new timbre
ATTEMPTS = 3  # to render one note of one point


@dataclass(frozen=True, eq=False)
class SendPoint:
    """Tell the worker about a point, before the first request that needs it."""

    point: Point


@dataclass(frozen=True)
class Render:
    """Have ``pitches`` of ``point`` rendered into ``slots``."""

    request: int
    point: int
    pitches: tuple[int, ...]
    slots: tuple[int, ...]


Instruction = Union[SendPoint, Render, AskPart, SetKey, ExtendSlot]


class Scheduler:
    """The render side's decisions.

    Parameters
    ----------
    pitches : sequence of int
        MIDI pitches the model can render.
    slot_count : int
        Slots in the pool.
    fill_banks : bool
        Whether to render what nobody plays: keys played lately, and the rest of the bank.
    """

    def __init__(
        self, pitches: Sequence[int], slot_count: int = SLOT_COUNT, *, fill_banks: bool = True
    ) -> None:
        self.ledger = SlotLedger(slot_count)
        self.points = PointBook()
        self.keys = KeyTable(self.ledger, self.points, pitches)
        self.played = PlayedKeys() if fill_banks else PlayedKeys(lately_s=0.0)
        self.starts = NoteStarts()
        # A whole bank and the way to the next timbre have their places, however many notes are held.
        spare = slot_count - len(set(pitches)) - slot_count // SHARE_FOR_CHANGE
        self.parts = Continuations(self.ledger, self.points, min(slot_count // 2, spare))
        self.rendered_notes = 0
        self.failed_notes = 0
        self.stray_returns = 0
        self._pitches = tuple(sorted(set(pitches)))
        self._fill_banks = fill_banks
        self._changed_s = 0.0
        self._in_flight: dict[int, Render] = {}
        self._loading: dict[int, frozenset[int]] = {}  # point -> pitches that are being read from disk
        self._next_request = 1
        self._worker_points: dict[int, None] = {}  # what the worker still knows, oldest first
        self._worker_ready = False

    # ---- events

    def note_on(self, key: int, channel: int, now_s: float) -> None:
        """A key went down."""
        self.played.note_on(key, channel, now_s)
        self.starts.note_on(key, self.keys.slot(key), self.keys.is_own(key), now_s)

    def note_off(self, key: int, channel: int) -> None:
        """A key came up."""
        self.played.note_off(key, channel)

    def set_point(
        self, identity: str, latent: NDArray[np.float32], offset: NDArray[np.float32], now_s: float
    ) -> Point:
        """The instrument stands at another latent point now; the same identity again changes nothing."""
        before = self.points.current
        point = self.points.set_current(identity, latent, offset)
        if point is not before:
            self._changed_s = now_s
            self.keys.dirty = True
            in_use = {request.point for request in self._in_flight.values()}
            banks = frozenset(self.ledger.points())
            self.points.forget_all_but(banks, in_use, self._loading, self.parts.points())
            self.parts.forget_all_but((point.number, *banks, *self.parts.points()))
        return point

    def worker_ready(self) -> None:
        """The worker answers; it knows no points yet."""
        self._worker_ready = True
        self._worker_points.clear()

    def worker_lost(self) -> None:
        """The worker's process has ended: what it was given is control's again."""
        self._worker_ready = False
        self._worker_points.clear()
        for request in list(self._in_flight):
            self.failed(request)
        self.parts.worker_lost()

    def rendered(self, request: int) -> bool:
        """The slots of ``request`` hold sound. False if no such request is in flight."""
        done = self._in_flight.pop(request, None)
        if done is None:
            return False
        self.rendered_notes += len(done.slots)
        self._store(done.point, dict(zip(done.pitches, done.slots, strict=True)))
        return True

    def failed(self, request: int) -> bool:
        """``request`` will not be answered with sound. False if no such request is in flight."""
        lost = self._in_flight.pop(request, None)
        if lost is None:
            return self.parts.failed(request)
        self.failed_notes += len(lost.slots)
        point = self.points.get(lost.point)
        for pitch, slot in zip(lost.pitches, lost.slots, strict=True):
            self.ledger.failed(slot)
            if point is not None:
                point.failures[pitch] = point.failures.get(pitch, 0) + 1
        return True

    def returned(self, slot: int) -> None:
        """The kernel said ``SLOT_RETURNED``."""
        if self.ledger.returned(slot):
            self.keys.dirty |= not self.parts.returned(slot)
        else:
            self.stray_returns += 1

    def begin_load(self, point: Point, pitches: Sequence[int]) -> dict[int, int]:
        """Slots for notes that come from disk: ``{pitch: slot}``, without those that are there already.

        Only one load per point at a time; :meth:`end_load` ends it.
        """
        slots: dict[int, int] = {}
        for pitch in pitches:
            if pitch in self._pitches and self.ledger.find((point.number, pitch)) is None:
                slot = self.ledger.take(self.points.worth)
                if slot is None:
                    break
                slots[pitch] = slot
        self._loading[point.number] = frozenset(slots)
        return slots

    def end_load(self, point: Point, slots: dict[int, int], loaded: bool) -> None:
        """What :meth:`begin_load` gave is filled, or could not be."""
        self._loading.pop(point.number, None)
        if loaded:
            self._store(point.number, slots)
        else:
            for slot in slots.values():
                self.ledger.failed(slot)

    # ---- instructions

    def advance(self, now_s: float, key_places: int) -> list[Instruction]:
        """Everything that can be done now, in the order in which it must be done.

        Parameters
        ----------
        now_s : float
            The same clock as in the events.
        key_places : int
            How many ``SetKey`` and ``ExtendSlot`` the way to the kernel takes; the rest comes next time.
        """
        instructions: list[Instruction] = []
        if self.keys.dirty:
            held = self.played.held()
            sounding = self.played.sounding.union(held)
            for change in self.keys.changes(held, sounding, key_places):
                instructions.append(change)
                if self.keys.is_own(change.key):
                    self.starts.arrived(change.key, now_s)
        instructions.extend(self.parts.extensions(now_s, key_places - len(instructions)))
        point = self.points.current
        if point is not None and now_s - self._changed_s >= REST_S:
            point.rested = True
        played = self.played.heard() or self.played.lately(now_s)
        limit = REQUESTS_WHILE_PLAYED if played else REQUESTS_IN_FLIGHT
        while self._worker_ready and point is not None and len(self._in_flight) + len(self.parts) < limit:
            request = (
                (self._ask_part(now_s) if self.parts.in_danger() else [])
                or self._ask_note(point, self._heard_pitches())
                or self._ask_part(now_s)
                or self._ask_note(point, self._other_pitches(point, now_s))
            )
            if not request:
                break
            instructions.extend(request)
        return instructions

    def bank_complete(self, point: Point) -> bool:
        """Whether every pitch of ``point`` is rendered, or has failed for good."""
        there = self.ledger.pitches_of(point.number)
        return all(p in there or point.failures.get(p, 0) >= ATTEMPTS for p in self._pitches)

    def bank_share(self) -> float:
        """Rendered share of the current bank, 0..1."""
        point = self.points.current
        return 0.0 if point is None else len(self.ledger.pitches_of(point.number)) / len(self._pitches)

    # ---- inside

    def _store(self, point: int, slots: dict[int, int]) -> None:
        for pitch, slot in slots.items():
            self.ledger.rendered(slot, (point, pitch))
        self.keys.dirty = True

    def _ask_note(self, point: Point, pitches: Iterable[int]) -> list[Instruction]:
        pitch = self._next_pitch(point, pitches)
        slot = None if pitch is None else self.ledger.take(self.points.worth)
        if pitch is None or slot is None:
            return []
        request = Render(self._next_request, point.number, (pitch,), (slot,))
        self._next_request += 1
        self._in_flight[request.request] = request
        return [*self._send(point), request]

    def _ask_part(self, now_s: float) -> list[Instruction]:
        request = self.parts.ask(self._next_request, now_s)
        if request is None:
            return []
        self._next_request += 1
        point = self.points.get(request.part.point)
        assert point is not None  # what is asked for is known
        return [*self._send(point), request]

    def _send(self, point: Point) -> Iterator[SendPoint]:
        if point.number not in self._worker_points:
            self._worker_points[point.number] = None
            if len(self._worker_points) > POINTS_KEPT:
                del self._worker_points[next(iter(self._worker_points))]
            yield SendPoint(point)

    def _next_pitch(self, point: Point, pitches: Iterable[int]) -> int | None:
        busy = set(self._loading.get(point.number, ()))
        busy.update(p for r in self._in_flight.values() if r.point == point.number for p in r.pitches)
        there = self.ledger.pitches_of(point.number)
        for pitch in pitches:
            if pitch not in there and pitch not in busy and point.failures.get(pitch, 0) < ATTEMPTS:
                return pitch
        return None

    def _heard_pitches(self) -> Iterator[int]:
        yield from (self.keys.own_pitch[key] for key in sorted(self.played.heard(), key=self.keys.age))

    def _other_pitches(self, point: Point, now_s: float) -> Iterator[int]:
        """Pitches of nobody's voice in the order in which they are missed; some twice."""
        rests = point.rested and now_s - self._changed_s >= REST_S
        if rests or not self.played.heard():
            yield from (self.keys.own_pitch[key] for key in self.played.lately(now_s))
        if rests and self._fill_banks:
            register = self.played.register
            yield from sorted(self._pitches, key=lambda pitch: abs(pitch - register))
