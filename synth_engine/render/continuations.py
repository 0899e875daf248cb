"""Held notes that will run out: which part each needs, what is on its way, and what never comes.

Pure: pictures of the voices in, requests and events out. A part's slot is taken from the ledger, goes to
the worker, then to the kernel until that returns it; then it is empty, and so the first to be used again.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth_engine.abi import NO_SLOT, VoiceStage
from synth_engine.banks.points import PointBook
from synth_engine.banks.slots import SlotLedger
from synth_engine.render.part_times import PART_LEAVE_S

_SPARE_S = 0.3  # by which a part should come before it is needed
_NEWEST_SHARE = 0.3  # in the running mean of how long a part takes
_ASK_SHARE = 0.5  # of the way through a slot: from here on its next part is wanted
_TOLD_S = 0.25  # the kernel may take this long to act on an event
_ATTEMPTS = 3
_SLOTS_OF_A_NOTE = 2  # the part that sounds and the next
_SILENT_DB = -90.0  # where the kernel ends a release
_DB_IN_RELEASE_S = 60.0


@dataclass(frozen=True)
class Part:
    """Part ``number`` of a note of latent point ``point``; 0 is the note itself."""

    point: int
    pitch: int
    number: int


@dataclass(frozen=True)
class AskPart:
    """Have ``part`` rendered into ``slot``, for voices in the slot ``after``."""

    request: int
    part: Part
    slot: int
    after: int


@dataclass(frozen=True)
class ExtendSlot:
    """Tell the kernel: voices in ``slot`` go on in ``next_slot``, from ``leave_s`` to ``enter_s``."""

    slot: int
    next_slot: int
    leave_s: float
    enter_s: float


def slots_running_out(voices: NDArray[np.void], first_leave_s: float, release_s: float) -> dict[int, float]:
    """Slots that some voice will want to go on from, with the seconds until the first of them must.

    Parameters
    ----------
    voices : VOICE records
        A picture, perhaps taken while the kernel writes.
    first_leave_s : float
        Position at which a note is left for its first part.
    release_s : float
        Time in which a release falls by 60 dB: a released voice that is silent before does not count.
    """
    heard = (voices["stage"] != VoiceStage.FREE) & (voices["fading"] == 0)
    wanted = heard & (voices["next_slot"] == NO_SLOT) & (voices["slot"] != NO_SLOT)
    leave_s = np.where(voices["part_s"] > 0.0, PART_LEAVE_S, first_leave_s)
    wanted &= voices["position"] > _ASK_SHARE * leave_s
    found: dict[int, float] = {}
    for voice, left_s in zip(voices[wanted], (leave_s - voices["position"])[wanted].tolist(), strict=True):
        if voice["stage"] == VoiceStage.RELEASE and _silent_in_s(voice, release_s) < left_s:
            continue
        slot = int(voice["slot"])
        found[slot] = min(left_s, found.get(slot, math.inf))
    return found


def _silent_in_s(voice: Any, release_s: float) -> float:
    level_db = 20.0 * math.log10(max(float(voice["envelope_gain"]), 1e-9))
    return (level_db - _SILENT_DB) / _DB_IN_RELEASE_S * release_s


class Continuations:
    """The parts of all notes.

    Parameters
    ----------
    ledger : SlotLedger
        Gives the slots.
    points : PointBook
        Says what slots are worth, and which points are still known.
    most_slots : int
        That parts may take up.

    Attributes
    ----------
    rendered : int
        Parts made.
    late : int
        Parts that came after a voice had begun to leave the held sound.
    refused : int
        Times that there was no slot for a part.
    """

    def __init__(self, ledger: SlotLedger, points: PointBook, most_slots: int) -> None:
        self._ledger = ledger
        self._points = points
        self._most_slots = most_slots
        self._wanted: dict[int, float] = {}  # slot -> seconds left
        self._parts: dict[int, Part] = {}  # by slot: what the kernel has been told to go on in
        self._ready: list[tuple[AskPart, ExtendSlot]] = []
        self._in_flight: dict[int, AskPart] = {}
        self._followed: set[int] = set()  # slots of parts whose next part the kernel has been told
        self._asked_s: dict[int, float] = {}  # by request
        self._takes_s = 0.0  # from asking for a part to having it
        self._told_s: dict[int, float] = {}  # slot -> when the kernel was told how it goes on
        self._over: set[Part] = set()  # died away before
        self._failures: Counter[Part] = Counter()
        self.rendered = 0
        self.late = 0
        self.refused = 0

    def __len__(self) -> int:
        """Requests under way."""
        return len(self._in_flight)

    def points(self) -> set[int]:
        """Latent points that are still asked for."""
        return {part.point for part in self._parts.values()} | {
            ask.part.point for ask in (*self._in_flight.values(), *(ask for ask, _ in self._ready))
        }

    def look(self, running_out: Mapping[int, float]) -> None:
        """What `slots_running_out` has found now."""
        self._wanted = dict(sorted(running_out.items(), key=lambda item: item[1]))

    def in_danger(self) -> bool:
        """Whether some part would come late if all were made one after the other, beginning now."""
        before_s = _SPARE_S
        for slot, left_s in self._wanted.items():
            if self._next(slot) is not None:
                before_s += self._takes_s
                if left_s < before_s:
                    return True
        return False

    def ask(self, request: int, now_s: float) -> AskPart | None:
        """The part that is missed first; its slot is taken."""
        busy = {ask.after for ask in self._in_flight.values()} | {ask.after for ask, _ in self._ready}
        for slot in self._wanted:
            part = self._next(slot)
            told = now_s - self._told_s.get(slot, -math.inf) < _TOLD_S
            if slot in busy or told or part is None:
                continue
            taken = self._ledger.take(self._points.worth) if self._may_take(part) else None
            if taken is None:
                self.refused += 1
                self._told_s[slot] = now_s  # not at every look
                continue
            self._asked_s[request] = now_s
            self._in_flight[request] = AskPart(request, part, taken, slot)
            return self._in_flight[request]
        return None

    def done(self, request: int, leave_s: float, enter_s: float, peak: float) -> bool:
        """``request`` is answered. False if no such request is in flight."""
        ask = self._in_flight.pop(request, None)
        if ask is None:
            return False
        if peak > 0.0:
            self.rendered += 1
            self._ready.append((ask, ExtendSlot(ask.after, ask.slot, leave_s, enter_s)))
        else:
            self._over.add(ask.part)
            self._give_up(ask)
        return True

    def failed(self, request: int) -> bool:
        """``request`` will not be answered with sound. False if no such request is in flight."""
        ask = self._in_flight.pop(request, None)
        if ask is None:
            return False
        self._failures[ask.part] += 1
        self._give_up(ask)
        return True

    def worker_lost(self) -> None:
        """Nothing that is in flight will be answered; that is nobody's fault."""
        for ask in self._in_flight.values():
            self._give_up(ask)
        self._in_flight.clear()

    def extensions(self, now_s: float, places: int) -> Iterator[ExtendSlot]:
        """At most ``places`` events for the kernel, accounted for as they are yielded."""
        while self._ready and places > 0:
            ask, extend = self._ready.pop(0)
            took_s = now_s - self._asked_s.pop(ask.request)
            self._takes_s += _NEWEST_SHARE * (took_s - self._takes_s)
            if ask.after not in self._wanted or self._next(ask.after) != ask.part:
                self._ledger.failed(ask.slot)  # let go of meanwhile
                continue
            places -= 1
            self.late += self._wanted[ask.after] < 0.0
            self._told_s[ask.after] = now_s
            self._ledger.lend(ask.slot)
            if ask.part.number > 1:
                self._followed.add(ask.after)
            self._parts[ask.slot] = ask.part
            yield extend

    def returned(self, slot: int) -> bool:
        """The kernel has done with ``slot``. True if that was a part."""
        self._told_s.pop(slot, None)
        self._followed.discard(slot)
        return self._parts.pop(slot, None) is not None

    def forget_all_but(self, points: Iterable[int]) -> None:
        """Latent points that are not among these are gone for good."""
        known = set(points)
        self._over = {part for part in self._over if part.point in known}
        self._failures = Counter({part: n for part, n in self._failures.items() if part.point in known})

    def _give_up(self, ask: AskPart) -> None:
        del self._asked_s[ask.request]
        self._ledger.failed(ask.slot)

    def _may_take(self, part: Part) -> bool:
        """Whether there is a slot to be had: a note that goes on already can be sure of its two."""
        asks = [*self._in_flight.values(), *(ask for ask, _ in self._ready)]
        if part.number > 1:
            return len(self._parts) + len(asks) < self._most_slots
        going_on = len(self._parts) - len(self._followed) + sum(ask.part.number == 1 for ask in asks)
        return _SLOTS_OF_A_NOTE * (going_on + 1) <= self._most_slots

    def _next(self, slot: int) -> Part | None:
        """The part that follows on a slot, unless it cannot be had."""
        here = self._parts.get(slot)
        if here is None:
            note = self._ledger.note(slot)
            if note is None:
                return None
            here = Part(note[0], note[1], 0)
        part = Part(here.point, here.pitch, here.number + 1)
        if part in self._over or self._failures[part] >= _ATTEMPTS or self._points.get(part.point) is None:
            return None
        return part
