"""Who owns which slot of the pool, and which note it holds.

A slot is control's, the worker's or the kernel's. The kernel owns a slot from the first ``SET_KEY``
that names it until its ``SLOT_RETURNED``. Between the moment no key names it any more and that
return it is *leaving*: its note stays valid, but it must not be named again, or the return on its
way would be mistaken for the end of the new use. So every use ends with exactly one return, and
control never has to guess. A part of a held note leaves from the start: only voices name it.

A note stays findable wherever its slot is, until the slot is taken for another note. Coming back to
an earlier latent point therefore needs no rendering as long as its notes are still in the pool.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum

Note = tuple[int, int]  # (number of the latent point, MIDI pitch)


class Owner(Enum):
    """Who may touch a slot. Control may read any slot that holds a note, whoever owns it."""

    CONTROL = "control"
    WORKER = "worker"  # being rendered, or loaded from disk
    KERNEL = "kernel"  # named by at least one key
    LEAVING = "leaving"  # named by none; the kernel has not returned it yet


class SlotError(RuntimeError):
    """A step that the owner of a slot does not allow: a fault in the program, never in its input."""


class SlotLedger:
    """The accounts of ``count`` slots."""

    def __init__(self, count: int) -> None:
        self._owner = [Owner.CONTROL] * count
        self._note: list[Note | None] = [None] * count
        self._names = [0] * count  # keys that name the slot
        self._pins = [0] * count  # readers that need the content to stay
        self._slot_of: dict[Note, int] = {}
        self._points_of: dict[int, dict[int, int]] = {}  # pitch -> {point -> slot}
        self._pitches_of: dict[int, dict[int, int]] = {}  # point -> {pitch -> slot}

    def owner(self, slot: int) -> Owner:
        """Who owns ``slot``."""
        return self._owner[slot]

    def note(self, slot: int) -> Note | None:
        """The finished note in ``slot``, if there is one."""
        return self._note[slot]

    def find(self, note: Note) -> int | None:
        """The slot that holds ``note``."""
        return self._slot_of.get(note)

    def pitches_of(self, point: int) -> dict[int, int]:
        """``{pitch: slot}`` of one latent point; do not change it."""
        return self._pitches_of.get(point, {})

    def points_of(self, pitch: int) -> dict[int, int]:
        """``{point: slot}`` of one pitch; do not change it."""
        return self._points_of.get(pitch, {})

    def points(self) -> Iterable[int]:
        """Latent points with at least one note in the pool."""
        return self._pitches_of.keys()

    def count(self, owner: Owner) -> int:
        """How many slots ``owner`` has."""
        return self._owner.count(owner)

    def notes_held(self) -> int:
        """How many slots hold a note."""
        return len(self._slot_of)

    def take(self, worth: Callable[[int], tuple[int, ...] | None]) -> int | None:
        """A slot for the worker: an empty one, else the one whose point is worth least.

        Parameters
        ----------
        worth : callable
            Latent point -> sort key, or None for a point that must stay.

        Returns
        -------
        int or None
            None if every slot is in use, pinned or must stay.
        """
        best: tuple[tuple[int, ...], int] | None = None
        for slot, owner in enumerate(self._owner):
            if owner is not Owner.CONTROL or self._pins[slot]:
                continue
            note = self._note[slot]
            if note is None:
                best = ((), slot)
                break
            value = worth(note[0])
            if value is not None and (best is None or value < best[0]):
                best = (value, slot)
        if best is None:
            return None
        slot = best[1]
        self._forget(slot)
        self._owner[slot] = Owner.WORKER
        return slot

    def rendered(self, slot: int, note: Note) -> bool:
        """The worker is done with ``slot``. False if the note was there already: the slot is empty again."""
        self._expect(slot, Owner.WORKER)
        self._owner[slot] = Owner.CONTROL
        if note in self._slot_of:
            return False
        self._note[slot] = note
        self._slot_of[note] = slot
        self._pitches_of.setdefault(note[0], {})[note[1]] = slot
        self._points_of.setdefault(note[1], {})[note[0]] = slot
        return True

    def failed(self, slot: int) -> None:
        """The worker gives ``slot`` back without a note."""
        self._expect(slot, Owner.WORKER)
        self._owner[slot] = Owner.CONTROL

    def lend(self, slot: int) -> None:
        """The kernel gets a part of a held note from the worker, until its return; no key names it."""
        self._expect(slot, Owner.WORKER)
        self._owner[slot] = Owner.LEAVING

    def may_name(self, slot: int) -> bool:
        """Whether a key may be told to use ``slot`` now."""
        return self._owner[slot] is Owner.KERNEL or (
            self._owner[slot] is Owner.CONTROL and self._note[slot] is not None
        )

    def name(self, slot: int) -> None:
        """A key has been told to use ``slot``: it is the kernel's now."""
        if not self.may_name(slot):
            raise SlotError(f"slot {slot} is {self._owner[slot].value}, expected a note of control or kernel")
        self._owner[slot] = Owner.KERNEL
        self._names[slot] += 1

    def unname(self, slot: int) -> None:
        """A key that used ``slot`` has been told to use another."""
        self._expect(slot, Owner.KERNEL)
        self._names[slot] -= 1
        if self._names[slot] == 0:
            self._owner[slot] = Owner.LEAVING

    def returned(self, slot: int) -> bool:
        """The kernel said ``SLOT_RETURNED``. False if it had no reason to (nothing changes then)."""
        if not 0 <= slot < len(self._owner) or self._owner[slot] is not Owner.LEAVING:
            return False
        self._owner[slot] = Owner.CONTROL
        return True

    def pin(self, slots: Iterable[int]) -> None:
        """Keep the content of ``slots`` for a reader until :meth:`unpin`."""
        for slot in slots:
            self._pins[slot] += 1

    def unpin(self, slots: Iterable[int]) -> None:
        """The reader is done."""
        for slot in slots:
            if self._pins[slot] == 0:
                raise SlotError(f"slot {slot} is not pinned")
            self._pins[slot] -= 1

    def _expect(self, slot: int, owner: Owner) -> None:
        if self._owner[slot] is not owner:
            raise SlotError(f"slot {slot} is {self._owner[slot].value}, expected {owner.value}")

    def _forget(self, slot: int) -> None:
        note = self._note[slot]
        if note is None:
            return
        self._note[slot] = None
        del self._slot_of[note]
        for index, first, second in (
            (self._pitches_of, note[0], note[1]),
            (self._points_of, note[1], note[0]),
        ):
            del index[first][second]
            if not index[first]:
                del index[first]
