"""OSC arguments, one reader for each type tag.

Every reader takes the message's bytes and a position, and returns the value and the position after it. It
raises :class:`OscError` for what cannot be used and ``struct.error`` where the message ends too early.

Source: Open Sound Control 1.0 specification, "Atomic Data Types" and "OSC Type Tag String".
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, TypeAlias


class OscError(ValueError):
    """What could not be read, in words.

    Attributes
    ----------
    address : str
        the message's address where it was readable, else "".
    """

    def __init__(self, text: str, address: str = "") -> None:
        super().__init__(text)
        self.address = address


class TimeTag(NamedTuple):
    """A time tag sent as an argument (``t``), in 2**-32 s since 1900."""

    ticks: int


class Impulse(Enum):
    """The argument without a value that ``I`` stands for."""

    BANG = "I"


Value: TypeAlias = "int | float | str | bool | bytes | TimeTag | Impulse | tuple[Value, ...] | None"


Reader: TypeAlias = Callable[[bytes, int], tuple[Value, int]]
_INT, _LONG, _FLOAT, _DOUBLE = (struct.Struct(form) for form in (">i", ">q", ">f", ">d"))


def _read_int(data: bytes, offset: int) -> tuple[Value, int]:
    return _INT.unpack_from(data, offset)[0], offset + 4


def _read_long(data: bytes, offset: int) -> tuple[Value, int]:
    return _LONG.unpack_from(data, offset)[0], offset + 8


def _read_float(data: bytes, offset: int) -> tuple[Value, int]:
    return _finite(_FLOAT.unpack_from(data, offset)[0]), offset + 4


def _read_double(data: bytes, offset: int) -> tuple[Value, int]:
    return _finite(_DOUBLE.unpack_from(data, offset)[0]), offset + 8


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise OscError(f"{value} is not a number that can be used")
    return value


def read_text(data: bytes, offset: int) -> tuple[str, int]:
    """NUL-ended UTF-8 text, padded to a multiple of 4 bytes."""
    end = data.find(b"\0", offset)
    if end < 0:
        raise OscError("text without an end")
    try:
        return data[offset:end].decode(), (end + 4) & ~3
    except UnicodeDecodeError:
        raise OscError(f"text that is not UTF-8: {data[offset : min(end, offset + 32)]!r}") from None


def _read_blob(data: bytes, offset: int) -> tuple[Value, int]:
    (size,) = _INT.unpack_from(data, offset)
    start = offset + 4
    if not 0 <= size <= len(data) - start:
        raise OscError(f"a blob of {size} bytes where {len(data) - start} are left")
    return data[start : start + size], (start + size + 3) & ~3


def _read_time_tag(data: bytes, offset: int) -> tuple[Value, int]:
    return TimeTag(int.from_bytes(_four_bytes(data, offset) + _four_bytes(data, offset + 4))), offset + 8


def _read_character(data: bytes, offset: int) -> tuple[Value, int]:
    code = int.from_bytes(_four_bytes(data, offset))
    if not 0 < code < 0xD800:
        raise OscError(f"{code:#x} is not a character")
    return chr(code), offset + 4


def _read_four_bytes(data: bytes, offset: int) -> tuple[Value, int]:
    return _four_bytes(data, offset), offset + 4


def _four_bytes(data: bytes, offset: int) -> bytes:
    if offset + 4 > len(data):
        raise struct.error
    return data[offset : offset + 4]


READERS: dict[str, Reader] = {
    "i": _read_int,
    "f": _read_float,
    "s": read_text,
    "b": _read_blob,
    "h": _read_long,
    "d": _read_double,
    "t": _read_time_tag,
    "S": read_text,
    "c": _read_character,
    "r": _read_four_bytes,
    "m": _read_four_bytes,
    "T": lambda _, offset: (True, offset),
    "F": lambda _, offset: (False, offset),
    "N": lambda _, offset: (None, offset),
    "I": lambda _, offset: (Impulse.BANG, offset),
}
