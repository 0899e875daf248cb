"""Which slot each key sounds from: its own note, or the best stand-in until that is there."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass

from synth_engine.abi import KEY_COUNT, NO_SLOT
from synth_engine.banks.points import PointBook
from synth_engine.banks.slots import SlotLedger

NEAR_SEMITONES = 4  # a stand-in of the new timbre this close beats the old timbre at the right pitch


@dataclass(frozen=True)
class SetKey:
    """Tell the kernel: ``key`` sounds from ``slot``, which was rendered at ``source_pitch``."""

    key: int
    slot: int
    source_pitch: float


class KeyTable:
    """What the kernel has been told about every key, and what it should be told.

    A key's own note is the one of the current point at the nearest pitch the model has. Until it is
    there, a silent key stands by with a near pitch of the current point, else with its own pitch of the
    most recent point that has it, else with the nearest pitch of any. A key that sounds keeps its own
    pitch before it takes a neighbour's: its true note is rendered first anyway, and two changes of
    timbre within a tenth of a second are one too many.
    """

    def __init__(self, ledger: SlotLedger, points: PointBook, pitches: Sequence[int]) -> None:
        self._ledger = ledger
        self._points = points
        self._slots = [NO_SLOT] * KEY_COUNT
        self.own_pitch = tuple(min(pitches, key=lambda p: (abs(p - key), p)) for key in range(KEY_COUNT))
        self.dirty = False

    def slot(self, key: int) -> int:
        """The slot the kernel was last told for ``key``, or NO_SLOT."""
        return self._slots[key]

    def is_own(self, key: int) -> bool:
        """Whether ``key`` sounds from its own note of the current point."""
        current = self._points.current
        slot = self._slots[key]
        return (
            current is not None
            and slot != NO_SLOT
            and self._ledger.note(slot) == (current.number, self.own_pitch[key])
        )

    def age(self, key: int) -> int:
        """Sort key: keys on another pitch than their own first, then those with the oldest timbre."""
        slot = self._slots[key]
        note = None if slot == NO_SLOT else self._ledger.note(slot)
        return 0 if note is None or note[1] != self.own_pitch[key] else self._points.turn(note[0])

    def changes(self, first: Sequence[int], sounding: Container[int], limit: int) -> Iterator[SetKey]:
        """Every change that is due, accounted for as it is yielded; keys of ``first`` come first.

        A wanted slot on its way back from the kernel is waited for; the table stays dirty if
        ``limit`` cut the list short, and a returning slot makes it dirty again.
        """
        left = limit
        self.dirty = False
        for key in dict.fromkeys((*first, *range(KEY_COUNT))):
            slot = self._best(key, key in sounding)
            if slot is None or slot == self._slots[key] or not self._ledger.may_name(slot):
                continue
            if left <= 0:
                self.dirty = True
                return
            left -= 1
            yield self._set(key, slot)

    def _set(self, key: int, slot: int) -> SetKey:
        note = self._ledger.note(slot)
        assert note is not None  # may_name said so
        self._ledger.name(slot)  # before unname: a slot must not leave and come in one step
        if self._slots[key] != NO_SLOT:
            self._ledger.unname(self._slots[key])
        self._slots[key] = slot
        return SetKey(key, slot, float(note[1]))

    def _best(self, key: int, sounding: bool) -> int | None:
        current = self._points.current
        if current is None:
            return None
        pitch = self.own_pitch[key]
        own = self._ledger.find((current.number, pitch))
        if own is not None:
            return own
        near: Callable[[], int | None] = lambda: self._near(current.number, pitch)  # noqa: E731
        older: Callable[[], int | None] = lambda: self._older(pitch)  # noqa: E731
        for choice in (older, near) if sounding else (near, older):
            slot = choice()
            if slot is not None:
                return slot
        return self._anywhere(pitch)

    def _near(self, point: int, pitch: int) -> int | None:
        pitches = self._ledger.pitches_of(point)
        if pitches:
            for distance in range(1, NEAR_SEMITONES + 1):
                for other in (pitch - distance, pitch + distance):
                    if other in pitches:
                        return pitches[other]
        return None

    def _older(self, pitch: int) -> int | None:
        points = self._ledger.points_of(pitch)
        return points[max(points, key=self._points.turn)] if points else None

    def _anywhere(self, pitch: int) -> int | None:
        for distance in range(1, KEY_COUNT):
            for other in (pitch - distance, pitch + distance):
                slot = self._older(other)
                if slot is not None:
                    return slot
        return None
