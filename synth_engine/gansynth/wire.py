"""Protocol Buffers' wire format, without generated code: enough for the small messages around tensors.

Source: Protocol Buffers documentation, "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types
_LONGEST_VARINT = 10
_MASK_64 = (1 << 64) - 1

Value = int | memoryview


class WireError(ValueError):
    """Bytes that are no such message; the message says where."""


def read_varint(buffer: memoryview, at: int) -> tuple[int, int]:
    """Read one variable-length integer.

    Parameters
    ----------
    buffer : memoryview of bytes
        Where to read.
    at : int
        Offset of its first byte.

    Returns
    -------
    value, end : int
        An integer in 0..2**64 - 1, and the offset after it.

    Raises
    ------
    WireError
        If it is cut off or longer than ten bytes.
    """
    value = 0
    for count in range(_LONGEST_VARINT):
        if at + count >= len(buffer):
            raise WireError(f"an integer is cut off at byte {len(buffer)}")
        byte = buffer[at + count]
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value & _MASK_64, at + count + 1
    raise WireError(f"an integer of more than {_LONGEST_VARINT} bytes at byte {at}")


def fields(content: bytes | memoryview) -> Iterator[tuple[int, Value]]:
    """Go through the fields of a message in the order they are written.

    Parameters
    ----------
    content : bytes or memoryview
        One message.

    Yields
    ------
    number : int
        Field number, 1 or more.
    value : int or memoryview
        Varints and fixed-width fields as unsigned integers (see :func:`signed`); texts, bytes, messages and
        packed numbers as a view of their bytes.

    Raises
    ------
    WireError
        If the bytes are no message.
    """
    buffer = memoryview(content)
    at = 0
    while at < len(buffer):
        key, at = read_varint(buffer, at)
        number, wire_type = key >> 3, key & 7
        if number == 0:
            raise WireError(f"field number 0 before byte {at}")
        if wire_type == VARINT:
            value, at = read_varint(buffer, at)
            yield number, value
            continue
        if wire_type == BYTES:
            size, at = read_varint(buffer, at)
        elif wire_type in (FIXED32, FIXED64):
            size = 4 if wire_type == FIXED32 else 8
        else:
            raise WireError(f"field {number} has wire type {wire_type}, expected 0, 1, 2 or 5")
        if size > len(buffer) - at:
            raise WireError(f"field {number} wants {size} bytes, {len(buffer) - at} are left")
        view = buffer[at : at + size]
        at += size
        yield number, view if wire_type == BYTES else int.from_bytes(view, "little")


def packed_varints(content: memoryview) -> list[int]:
    """Unpack a packed field of integers. Raises WireError."""
    values, at = [], 0
    while at < len(content):
        value, at = read_varint(content, at)
        values.append(value)
    return values


def signed(value: int) -> int:
    """The int32 or int64 that an unsigned 64-bit varint stands for."""
    return value - (1 << 64) if value >> 63 else value


def number_of(value: Value) -> int:
    """The value, which has to be a number. Raises WireError."""
    if not isinstance(value, int):
        raise WireError(f"expected a number, found {len(value)} bytes")
    return value


def bytes_of(value: Value) -> memoryview:
    """The value, which has to be bytes. Raises WireError."""
    if isinstance(value, int):
        raise WireError(f"expected bytes, found the number {value}")
    return value


def varint(value: int) -> bytes:
    """Write one integer, -2**63..2**64 - 1, at variable length."""
    value &= _MASK_64
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def varint_field(number: int, value: int) -> bytes:
    """Write a field holding an integer."""
    return varint(number << 3 | VARINT) + varint(value)


def bytes_field(number: int, content: bytes) -> bytes:
    """Write a field holding bytes, a text in UTF-8, or a message."""
    return varint(number << 3 | BYTES) + varint(len(content)) + content


def fixed32_field(number: int, value: int) -> bytes:
    """Write a field holding an unsigned integer in four bytes."""
    return varint(number << 3 | FIXED32) + value.to_bytes(4, "little")


def message(parts: Iterable[bytes]) -> bytes:
    """Join written fields to a message."""
    return b"".join(parts)
