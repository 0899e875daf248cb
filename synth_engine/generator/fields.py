"""Typed values out of a JSON object that may hold anything."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth_engine.generator.model import ModelError

_LARGEST_NUMBER = 1e30  # inside float32
_LARGEST_COORDINATE = 1e3  # far outside N(0, 1), far inside float32


class FieldReader:
    """Takes typed values out of a JSON object, or tells in a `ModelError` what is wrong with them.

    Parameters
    ----------
    values : dict
        The object.
    where : str
        File (and place in it) for messages.
    """

    def __init__(self, values: dict[str, Any], where: str) -> None:
        self._values = values
        self.where = where

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def fail(self, key: str, expected: str) -> ModelError:
        """The error of a key: what was expected, and what was found."""
        found = str(self._values.get(key, "nothing"))[:80]
        return ModelError(f"{self.where}: {key}: expected {expected}, found {found}")

    def text(self, key: str) -> str:
        """A text."""
        value = self._values.get(key)
        if not isinstance(value, str):
            raise self.fail(key, "a text")
        return value

    def choice(self, key: str, known: tuple[str, ...]) -> str:
        """One of the known texts."""
        value = self._values.get(key)
        if not isinstance(value, str) or value not in known:
            raise self.fail(key, f"one of {', '.join(known)}")
        return value

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._values.get(key)
        if not isinstance(value, bool):
            raise self.fail(key, "true or false")
        return value

    def integer(self, key: str, low: int, high: int) -> int:
        """A whole number in low..high."""
        value = self._values.get(key)
        if type(value) is not int or not low <= value <= high:
            raise self.fail(key, f"an integer in {low}..{high}")
        return value

    def integers(self, key: str, low: int, high: int) -> tuple[int, ...]:
        """A list of whole numbers in low..high, at least one."""
        value = self._values.get(key)
        if not isinstance(value, list) or not value:
            raise self.fail(key, f"a list of integers in {low}..{high}")
        if not all(type(v) is int and low <= v <= high for v in value):
            raise self.fail(key, f"a list of integers in {low}..{high}")
        return tuple(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._values.get(key)
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.fail(key, "a list of texts")
        return tuple(value)

    def numbers(self, key: str, count: int | None = None) -> tuple[float, ...]:
        """A list of numbers, exactly `count` of them if given."""
        value = self._values.get(key)
        expected = "a list of numbers" if count is None else f"a list of {count} numbers"
        if not isinstance(value, list) or (count is not None and len(value) != count):
            raise self.fail(key, expected)
        if not all(type(v) in (int, float) and abs(v) < _LARGEST_NUMBER for v in value):
            raise self.fail(key, expected)
        return tuple(map(float, value))

    def coordinates(self, key: str, size: int) -> NDArray[np.float32]:
        """A latent point, float32 (size,)."""
        value = self._values.get(key)
        expected = f"{size} numbers within +-{_LARGEST_COORDINATE:g}"
        if not isinstance(value, list) or len(value) != size:
            raise self.fail(key, expected)
        if not all(type(v) in (int, float) and abs(v) <= _LARGEST_COORDINATE for v in value):
            raise self.fail(key, expected)
        return np.array(value, np.float32)

    def reader(self, key: str) -> FieldReader:
        """A reader of an object inside."""
        value = self._values.get(key)
        if not isinstance(value, dict):
            raise self.fail(key, "an object")
        return FieldReader(value, f"{self.where}: {key}")

    def readers(self, key: str) -> list[FieldReader]:
        """Readers of a list of objects."""
        value = self._values.get(key)
        if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
            raise self.fail(key, "a list of objects")
        return [FieldReader(v, f"{self.where}: {key}[{i}]") for i, v in enumerate(value)]

    def items(self) -> dict[str, Any]:
        """The object itself, as it came."""
        return self._values
