"""A description of a latent point that outlives the process: how it came about, not which numbers it has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

Kind = Literal["seed", "anchors", "vector"]
LARGEST_SEED = 2**63 - 1


class LatentError(ValueError):
    """A latent point that cannot be; the text is for the player."""


@dataclass(frozen=True)
class LatentPoint:
    """A base point and the PCA coordinates on top of it.

    Attributes
    ----------
    kind : {"seed", "anchors", "vector"}
        Which of the next three says where the base point is.
    seed : int
        0 .. 2**63 - 1.
    weights : tuple of (str, float)
        Anchors and their weights.
    vector : tuple of float
        The latent numbers themselves.
    coordinates : tuple of float
        Standard deviations along directions 1, 2, ...

    Raises
    ------
    LatentError
        If what ``kind`` calls for is absent, or a number is out of range or not finite.
    """

    kind: Kind = "seed"
    seed: int = 0
    weights: tuple[tuple[str, float], ...] = ()
    vector: tuple[float, ...] = ()
    coordinates: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise LatentError(
                f"kind of latent point is {self.kind!r}, expected one of {', '.join(get_args(Kind))}"
            )
        if not 0 <= self.seed <= LARGEST_SEED:
            raise LatentError(f"seed is {self.seed}, expected 0 to {LARGEST_SEED}")
        if self.kind == "anchors" and not self.weights:
            raise LatentError("a mix of anchors names no anchor")
        if self.kind == "vector" and not self.vector:
            raise LatentError("a latent vector has no numbers")
        if not all(map(math.isfinite, (*self.vector, *self.coordinates, *(w for _, w in self.weights)))):
            raise LatentError("a latent point holds a NaN or an infinity")

    @classmethod
    def from_seed(cls, seed: int) -> LatentPoint:
        """The random point of a seed."""
        return cls("seed", seed=seed)

    @classmethod
    def from_anchors(cls, weights: Mapping[str, float] | tuple[tuple[str, float], ...]) -> LatentPoint:
        """A mix of anchors."""
        pairs = weights.items() if isinstance(weights, Mapping) else weights
        return cls("anchors", weights=tuple((name, float(weight)) for name, weight in pairs))

    def moved(self, coordinates: tuple[float, ...]) -> LatentPoint:
        """The same base point with other coordinates."""
        return replace(self, coordinates=coordinates)

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON: the kind, what it calls for, and the coordinates if there are any."""
        base: dict[str, Any] = {"kind": self.kind}
        if self.kind == "seed":
            base["seed"] = self.seed
        elif self.kind == "anchors":
            names = dict(self.weights)  # an anchor named twice is one with both weights
            base["weights"] = {name: math.fsum(w for n, w in self.weights if n == name) for name in names}
        else:
            base["vector"] = list(self.vector)
        if self.coordinates:
            base["coordinates"] = list(self.coordinates)
        return base

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> LatentPoint:
        """The point :meth:`to_json` wrote.

        Raises
        ------
        LatentError
            If something is absent or has a wrong type; unknown keys are passed over.
        """
        kind = plain.get("kind")
        if kind not in get_args(Kind):
            raise LatentError(
                f"kind of latent point is {kind!r}, expected one of {', '.join(get_args(Kind))}"
            )
        seed = plain.get("seed", 0)
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise LatentError(f"seed is {seed!r}, expected a whole number")
        return cls(
            kind=cast(Kind, kind),
            seed=seed,
            weights=_weights(plain.get("weights", {})),
            vector=_numbers(plain, "vector"),
            coordinates=_numbers(plain, "coordinates"),
        )


def _weights(plain: object) -> tuple[tuple[str, float], ...]:
    if not isinstance(plain, Mapping):
        raise LatentError(f"weights are {plain!r}, expected anchors with numbers")
    return tuple((str(name), _number(weight, f"the weight of {name!r}")) for name, weight in plain.items())


def _numbers(plain: Mapping[str, Any], key: str) -> tuple[float, ...]:
    values = plain.get(key, [])
    if not isinstance(values, list | tuple):
        raise LatentError(f"{key} is {values!r}, expected numbers")
    return tuple(_number(value, f"an entry of {key}") for value in values)


def _number(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise LatentError(f"{what} is {value!r}, expected a number")
    try:
        return float(value)
    except OverflowError:
        raise LatentError(f"{what} is too large a number") from None
