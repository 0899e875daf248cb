"""Files of tf.Example records, as NSynth and its users' tools write them, without TensorFlow.

Source: TensorFlow documentation, "TFRecord and tf.train.Example": a record is a length (uint64), its masked
CRC-32C, the bytes and their masked CRC-32C, all little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synth_engine.gansynth.checksum import masked_crc32c
from synth_engine.gansynth.wire import (
    WireError,
    bytes_of,
    fields,
    number_of,
    packed_varints,
    signed,
)

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_LARGEST_RECORD_BYTES = 1 << 30

Feature = list[bytes] | NDArray[np.float32] | list[int]


class RecordError(ValueError):
    """A damaged record; the text says how."""


@dataclass(frozen=True)
class Record:
    """Where one record stands.

    Attributes
    ----------
    path : Path
        The file.
    number : int
        Its number in the file, from 0.
    start, size : int
        Place of its bytes.
    """

    path: Path
    number: int
    start: int
    size: int


def find_records(path: Path) -> Iterator[Record]:
    """Go through the records of a file, reading only their lengths.

    Raises
    ------
    RecordError
        Where the file is cut off or a length is damaged: nothing after it can be found.
    """
    end = path.stat().st_size
    with path.open("rb") as file:
        number, place = 0, 0
        while place < end:
            file.seek(place)
            header = file.read(_HEADER.size)
            if len(header) < _HEADER.size:
                raise RecordError(f"cut off at byte {end}, in the length of record {number}")
            size, crc = _HEADER.unpack(header)
            if masked_crc32c(header[:8]) != crc or size > _LARGEST_RECORD_BYTES:
                raise RecordError(f"the length of record {number}, at byte {place}, is damaged")
            start = place + _HEADER.size
            place = start + size + _FOOTER.size
            if place > end:
                raise RecordError(f"cut off at byte {end}, in record {number}")
            yield Record(path, number, start, size)
            number += 1


def read_record(record: Record) -> bytes:
    """Return the bytes of a record.

    Raises
    ------
    RecordError
        If they do not fit their checksum.
    """
    with record.path.open("rb") as file:
        file.seek(record.start)
        content = file.read(record.size)
        footer = file.read(_FOOTER.size)
    if len(footer) < _FOOTER.size or _FOOTER.unpack(footer)[0] != masked_crc32c(content):
        raise RecordError("does not fit its checksum")
    return content


def parse_example(content: bytes) -> dict[str, Feature]:
    """Return the features of a tf.Example by name: lists of bytes, float arrays or lists of integers.

    Raises
    ------
    RecordError
        If the bytes are no tf.Example.
    """
    features: dict[str, Feature] = {}
    try:
        for number, value in fields(content):
            if number == 1:  # Example.features
                for inner, entry in fields(bytes_of(value)):
                    if inner == 1:  # Features.feature, a map
                        features.update([_map_entry(bytes_of(entry))])
    except (WireError, UnicodeDecodeError) as error:
        raise RecordError(f"no tf.Example: {error}") from None
    return features


def _map_entry(entry: memoryview) -> tuple[str, Feature]:
    name, feature = "", b""
    for number, value in fields(entry):
        if number == 1:
            name = bytes(bytes_of(value)).decode()
        elif number == 2:
            feature = bytes(bytes_of(value))
    return name, _feature(feature)


def _feature(content: bytes) -> Feature:
    for kind, value in fields(content):  # a oneof: bytes_list 1, float_list 2, int64_list 3
        inner = bytes_of(value)
        if kind == 1:
            return [bytes(bytes_of(item)) for _, item in fields(inner)]
        if kind == 2:
            return _floats(inner)
        if kind == 3:
            return _integers(inner)
    return []


def _floats(content: memoryview) -> NDArray[np.float32]:
    parts = []
    for _, value in fields(content):
        if isinstance(value, int):  # not packed
            parts.append(np.frombuffer(struct.pack("<I", value), "<f4"))
        elif len(value) % 4:
            raise WireError("a list of floats that is no multiple of four bytes long")
        else:
            parts.append(np.frombuffer(value, "<f4"))
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _integers(content: memoryview) -> list[int]:
    numbers: list[int] = []
    for _, value in fields(content):
        numbers += [number_of(value)] if isinstance(value, int) else packed_varints(value)
    return [signed(number) for number in numbers]
