"""The records of a tensor bundle's index: the header, and one entry a tensor.

Source: TensorFlow, core/protobuf/tensor_bundle.proto and core/framework/types.proto.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth_engine.gansynth.slices import FULL_EXTENT, Extent
from synth_engine.gansynth.wire import (
    WireError,
    bytes_field,
    bytes_of,
    fields,
    fixed32_field,
    message,
    number_of,
    signed,
    varint_field,
)

DTYPES = {
    1: "<f4", 2: "<f8", 3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 8: "<c8", 9: "<i8", 10: "?", 17: "<u2",
    18: "<c16", 19: "<f2", 22: "<u4", 23: "<u8",
}  # fmt: skip
_UNREADABLE = {7: "texts (string)", 14: "bfloat16", 20: "resource", 21: "variant"}
_MOST_SHARDS = 99_999
_MOST_AXES = 8
_LARGEST_SIDE = 1 << 40


@dataclass(frozen=True)
class Entry:
    """Where a tensor lies.

    Attributes
    ----------
    dtype : int
        TensorFlow's number of the type; see `DTYPES`.
    shape : tuple of int
    shard, offset, size : int
        Data file, first byte in it, bytes.
    crc32c : int
        Masked checksum of the bytes.
    slices : tuple of extents
        Parts of a partitioned tensor, each kept under a key of its own; empty for a whole one.
    """

    dtype: int
    shape: tuple[int, ...]
    shard: int = 0
    offset: int = 0
    size: int = 0
    crc32c: int = 0
    slices: tuple[tuple[Extent, ...], ...] = ()

    @property
    def dtype_name(self) -> str:
        """The type in words."""
        if self.dtype in DTYPES:
            return np.dtype(DTYPES[self.dtype]).name
        return _UNREADABLE.get(self.dtype, f"type {self.dtype} of TensorFlow")


def parse_header(content: bytes) -> int:
    """Read the header; returns the number of data files. Raises WireError."""
    if not content:
        raise WireError("it has no header; a checkpoint of TensorFlow's first format has none")
    shards = 1
    for number, value in fields(content):
        if number == 1:
            shards = number_of(value)
        if number == 2 and value:
            raise WireError("it was written on a big-endian machine")
    if not 1 <= shards <= _MOST_SHARDS:
        raise WireError(f"{shards} data files, expected 1 to {_MOST_SHARDS}")
    return shards


def parse_entry(content: bytes) -> Entry:
    """Read the entry of a tensor. Raises WireError."""
    numbers = dict.fromkeys(range(1, 7), 0)
    shape: tuple[int, ...] = ()
    slices = []
    for number, value in fields(content):
        if number == 2:
            shape = _shape(bytes_of(value))
        elif number == 7:
            slices.append(_extents(bytes_of(value)))
        elif number in numbers:
            numbers[number] = signed(number_of(value))
    if min(numbers.values()) < 0:
        raise WireError("an entry has a negative place or size")
    return Entry(numbers[1], shape, numbers[3], numbers[4], numbers[5], numbers[6], tuple(slices))


def _shape(content: memoryview) -> tuple[int, ...]:
    sides = []
    for number, value in fields(content):
        if number == 2:
            side = next((signed(number_of(v)) for n, v in fields(bytes_of(value)) if n == 1), 0)
            if not 0 <= side <= _LARGEST_SIDE:
                raise WireError(f"a shape has the side {side}")
            sides.append(side)
    if len(sides) > _MOST_AXES:
        raise WireError(f"a shape has {len(sides)} axes, expected at most {_MOST_AXES}")
    return tuple(sides)


def _extents(content: memoryview) -> tuple[Extent, ...]:
    return tuple(_extent(bytes_of(value)) for number, value in fields(content) if number == 1)


def _extent(content: memoryview) -> Extent:
    values = {number: signed(number_of(value)) for number, value in fields(content)}
    start, length = values.get(1, 0), values.get(2, FULL_EXTENT)
    if start < 0 or length < FULL_EXTENT:
        raise WireError(f"a part begins at {start} and is {length} long")
    return start, length


def write_header() -> bytes:
    """Write the header of a checkpoint of one data file."""
    version = varint_field(1, 1)
    return message((varint_field(1, 1), bytes_field(3, version)))


def write_entry(entry: Entry) -> bytes:
    """Write the entry of a whole tensor."""
    sides = message(bytes_field(2, varint_field(1, side)) for side in entry.shape)
    parts = [varint_field(1, entry.dtype), bytes_field(2, sides)]
    parts += [varint_field(n, v) for n, v in ((4, entry.offset), (5, entry.size)) if v]
    return message((*parts, fixed32_field(6, entry.crc32c)))
