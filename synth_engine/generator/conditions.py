"""What a conditional model is told beside noise and pitch, such as an instrument's family.

Conditions are the last numbers of a latent point, so anchors, mixes and PCA need not know of them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MOST_ROWS = 20_000  # combinations of conditions that a model keeps

FloatArray = NDArray[np.float32]
Chosen = Mapping[str, str | Sequence[str]]


class ConditionError(ValueError):
    """A condition or value that a model does not have; the text is for the player."""


@dataclass(frozen=True)
class Condition:
    """One group of numbers in the latent point, each 0 or 1.

    Attributes
    ----------
    name : str
        Such as "family".
    values : tuple of str
        What each number stands for, in order.
    exclusive : bool
        One-hot: at most one number is 1 (a family, a source); otherwise they are independent (qualities).

    Raises
    ------
    ValueError
        If there are no values, a text is empty, or two values are the same.
    """

    name: str
    values: tuple[str, ...]
    exclusive: bool

    def __post_init__(self) -> None:
        if not self.values or not all((self.name, *self.values)):
            raise ValueError(f"condition {self.name!r}: expected a name and values that are not empty")
        if len(set(self.values)) < len(self.values):
            raise ValueError(f"condition {self.name!r}: expected values that differ, found {self.values}")


@dataclass(frozen=True, eq=False)
class ConditionRows:
    """The joint distribution of conditions in the data a model was trained on.

    Attributes
    ----------
    vectors : NDArray[np.float32], shape (rows, condition_size)
        Rows that occur, 0 or 1.
    counts : NDArray[np.int64], shape (rows,)
        How often each does, 1 or more.
    """

    vectors: FloatArray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.counts)

    @classmethod
    def of(cls, vectors: FloatArray) -> ConditionRows:
        """Count equal rows, float32 (notes, condition_size), one a note of the data."""
        rows, counts = np.unique(np.asarray(vectors, np.float32), axis=0, return_counts=True)
        return cls(rows, counts.astype(np.int64))

    def draw(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Rows as frequent as in the data, float32 (count, condition_size)."""
        drawn: FloatArray = self.vectors[rng.choice(len(self), count, p=self.counts / self.counts.sum())]
        return drawn

    def at_word(self, word: int) -> FloatArray:
        """The row a random 64-bit word stands for, float32 (condition_size,): the same one for ever."""
        cumulated = np.cumsum(self.counts)
        row: FloatArray = self.vectors[np.searchsorted(cumulated, word % int(cumulated[-1]), side="right")]
        return row


def vector_of(conditions: Iterable[Condition], chosen: Chosen) -> FloatArray:
    """Return the condition numbers of named values; a condition that is not named stays zero.

    Parameters
    ----------
    conditions : iterable of Condition
        The model's, in order.
    chosen : mapping
        Condition's name to one value's name or several.

    Returns
    -------
    NDArray[np.float32], shape (condition_size,)

    Raises
    ------
    ConditionError
        If a name is unknown ("did you mean ..."), or an exclusive condition is given two values.
    """
    conditions = tuple(conditions)
    for name in chosen:
        _check_known(name, [c.name for c in conditions], "condition")
    parts = [_bits(condition, _values(chosen.get(condition.name, ()))) for condition in conditions]
    return np.concatenate([np.zeros(0, np.float32), *parts])


def names_of(conditions: Iterable[Condition], vector: FloatArray) -> dict[str, list[str]]:
    """Return which values of each condition are set (above one half): the reverse of `vector_of`."""
    named: dict[str, list[str]] = {}
    start = 0
    for condition in conditions:
        bits = vector[start : start + len(condition.values)]
        named[condition.name] = [v for v, bit in zip(condition.values, bits, strict=True) if bit > 0.5]
        start += len(condition.values)
    return named


def _values(given: str | Sequence[str]) -> Sequence[str]:
    return (given,) if isinstance(given, str) else given


def _bits(condition: Condition, values: Sequence[str]) -> FloatArray:
    for value in values:
        _check_known(value, condition.values, f"value of {condition.name}")
    if condition.exclusive and len(set(values)) > 1:
        raise ConditionError(f"{condition.name}: expected one value, found {', '.join(values)}")
    return np.array([value in values for value in condition.values], np.float32)


def _check_known(name: str, known: Sequence[str], what: str) -> None:
    if name not in known:
        close = difflib.get_close_matches(str(name), known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"expected one of: {', '.join(known) or 'none'}"
        raise ConditionError(f"no {what} is called {name!r}, {hint}")
