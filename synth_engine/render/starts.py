"""Counts how notes begin: with their own sound, with a stand-in that is soon replaced, or late."""

from __future__ import annotations

from synth_engine.abi import NO_SLOT

LATE_S = 0.1  # a stand-in that lasts longer than this is heard as one


class NoteStarts:
    """Every note-on ends up in exactly one count.

    Attributes
    ----------
    cached : int
        The key's own note was there.
    rendered : int
        A stand-in began; the own note came within :data:`LATE_S`.
    late : int
        It came later, or not before the key was played again.
    silent : int
        No slot at all.
    """

    def __init__(self) -> None:
        self.cached = 0
        self.rendered = 0
        self.late = 0
        self.silent = 0
        self._waiting_s: dict[int, float] = {}

    def note_on(self, key: int, slot: int, own: bool, now_s: float) -> None:
        """A note begins on ``key`` from ``slot``, which is (``own``) or is not its own."""
        if self._waiting_s.pop(key, None) is not None:
            self.late += 1
        if own:
            self.cached += 1
        elif slot == NO_SLOT:
            self.silent += 1
        else:
            self._waiting_s[key] = now_s

    def arrived(self, key: int, now_s: float) -> None:
        """The own note of ``key`` is there now."""
        began_s = self._waiting_s.pop(key, None)
        if began_s is None:
            return
        if now_s - began_s <= LATE_S:
            self.rendered += 1
        else:
            self.late += 1
