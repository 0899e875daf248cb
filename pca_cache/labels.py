"""What a direction does, in words and numbers that travel with the basis."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

MAX_NAME_CHARACTERS = 60


@dataclass(frozen=True)
class DirectionLabel:
    """One direction, as it was measured.

    Attributes
    ----------
    name : str
        What grows with the coordinate, such as "brighter"; unique in a basis.
    lowest_sigma, highest_sigma : float
        The safe range of the coordinate: inside it notes keep their pitch and do not fall silent.
    drift_cents : float
        Largest median change of pitch inside the safe range.
    agreement : float
        Share of points at which the named quality grows, 0..1.
    change_db : float
        Spectral change from -2 to +2 sigma, root mean square, median over points.
    beats_random : bool
        Whether it does so more, and more alike everywhere, than random directions of equal length.
    effects : mapping of str to float
        Median change of every measured quality from -2 to +2 sigma, in its own unit.
    """

    name: str
    lowest_sigma: float = -3.0
    highest_sigma: float = 3.0
    drift_cents: float = 0.0
    agreement: float = 0.0
    change_db: float = 0.0
    beats_random: bool = False
    effects: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        numbers = (
            self.lowest_sigma, self.highest_sigma, self.drift_cents, self.agreement, self.change_db,
            *self.effects.values(),
        )  # fmt: skip
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError("a label of a direction holds a NaN or an infinity")
        if not 0 < len(self.name) <= MAX_NAME_CHARACTERS or not self.name.isprintable():
            raise ValueError(f"the name of a direction is {self.name[:80]!r}, expected 1 to 60 characters")
        if not self.lowest_sigma <= 0.0 <= self.highest_sigma:
            raise ValueError(f"the safe range of {self.name!r} does not hold 0")

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> DirectionLabel:
        """The label of plain values.

        Raises
        ------
        ValueError, TypeError, KeyError
            If a value cannot be what it stands for.
        """
        return cls(
            name=str(document["name"]),
            lowest_sigma=float(document["lowest_sigma"]),
            highest_sigma=float(document["highest_sigma"]),
            drift_cents=float(document["drift_cents"]),
            agreement=float(document["agreement"]),
            change_db=float(document["change_db"]),
            beats_random=bool(document["beats_random"]),
            effects={str(k): float(v) for k, v in dict(document["effects"]).items()},
        )
