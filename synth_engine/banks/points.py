"""The latent points the pool knows, and which of them are worth keeping."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(eq=False)
class Point:
    """One latent point.

    Attributes
    ----------
    number : int
        Its number on the wire to the worker; never used twice.
    identity : str
        The caller's name for it: equal identities are the same point.
    latent : float32 (latent_size,)
    offset : float32 (frames, bins, channels) or empty
        What is added to the hook.
    turn : int
        Grows each time some point becomes the current one; the highest is the most recent.
    rested : bool
        Whether it stayed current long enough for its bank to be wanted.
    failures : dict
        pitch -> how often its rendering failed.
    """

    number: int
    identity: str
    latent: NDArray[np.float32]
    offset: NDArray[np.float32]
    turn: int = 0
    rested: bool = False
    failures: dict[int, int] = field(default_factory=dict)


class PointBook:
    """Points by number and identity; one of them is current."""

    def __init__(self) -> None:
        self._by_number: dict[int, Point] = {}
        self._by_identity: dict[str, Point] = {}
        self._turn = 0
        self._next_number = 1
        self.current: Point | None = None

    def __len__(self) -> int:
        return len(self._by_number)

    def set_current(self, identity: str, latent: NDArray[np.float32], offset: NDArray[np.float32]) -> Point:
        """Make a point current; a known identity comes back with its number and its notes."""
        point = self._by_identity.get(identity)
        if point is None:
            point = Point(self._next_number, identity, latent, offset)
            self._next_number += 1
            self._by_number[point.number] = self._by_identity[identity] = point
        if point is not self.current:
            self._turn += 1
            point.turn = self._turn
            point.failures.clear()
        self.current = point
        return point

    def get(self, number: int) -> Point | None:
        """The point of that number, unless it was forgotten."""
        return self._by_number.get(number)

    def turn(self, number: int) -> int:
        """How recently the point was current; 0 for a forgotten one."""
        point = self._by_number.get(number)
        return 0 if point is None else point.turn

    def worth(self, number: int) -> tuple[int, ...] | None:
        """Sort key for taking slots away: passing points first, then the least recent; None: never."""
        point = self._by_number.get(number)
        if point is None:
            return (0, 0)
        if point is self.current:
            return None
        return (int(point.rested), point.turn)

    def forget_all_but(self, *wanted: Container[int]) -> None:
        """Drop every point that is neither current nor in one of ``wanted`` (numbers)."""
        for number, point in list(self._by_number.items()):
            if point is not self.current and not any(number in some for some in wanted):
                del self._by_number[number], self._by_identity[point.identity]
