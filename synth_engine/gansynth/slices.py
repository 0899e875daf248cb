"""Keys under which a bundle keeps the parts of a partitioned variable.

Source: TensorFlow, core/util/saved_tensor_slice_util.cc and core/lib/strings/ordered_code.cc.
"""

from __future__ import annotations

from collections.abc import Sequence

FULL_EXTENT = -1  # length of a part that takes a whole axis

Extent = tuple[int, int]


def slice_key(name: str, extents: Sequence[Extent]) -> bytes:
    """Return the key of one part.

    Parameters
    ----------
    name : str
        Name of the whole variable.
    extents : sequence of (start, length)
        Where the part lies along each axis; length -1 is the whole axis.
    """
    key = _increasing(0) + _text(name.encode()) + _increasing(len(extents))
    return key + b"".join(_signed(start) + _signed(length) for start, length in extents)


def _increasing(value: int) -> bytes:
    content = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([len(content)]) + content


def _text(content: bytes) -> bytes:
    escaped = b"".join({0: b"\0\xff", 255: b"\xff\0"}.get(byte, bytes([byte])) for byte in content)
    return escaped + b"\0\1"


def _signed(value: int) -> bytes:
    """The leading ones count the bytes, the sign bit is flipped, so that bytes sort as numbers do."""
    length = (~value if value < 0 else value).bit_length() // 7 + 1
    header = ((1 << length) - 1) << (16 - length)  # within the first two bytes
    content = value.to_bytes(max(length, 2) + 8, "big", signed=True)[-max(length, 2) :]
    if length == 1:
        return bytes([content[-1] ^ (header >> 8)])
    return bytes([content[0] ^ (header >> 8), content[1] ^ (header & 0xFF)]) + content[2:]
