"""OSC 1.0 packets to messages and back, with a bound on everything a packet may ask for.

The parser ends in time linear in the packet, whatever the bytes are, and raises nothing but
:class:`OscError`. One unreadable element of a bundle does not lose its neighbours as long as the element's
size says where the next one begins.

Source: Open Sound Control 1.0 specification (packets, type tags, bundles).
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from daemon.osc.atoms import READERS, Impulse, OscError, TimeTag, Value, read_text
from daemon.surface import Argument, Reply

__all__ = [
    "Impulse",
    "Message",
    "OscError",
    "TimeTag",
    "Value",
    "encode_bundle",
    "encode_message",
    "encode_replies",
    "parse_packet",
    "read_packet",
]

MAX_PACKET_BYTES = 65_536
MAX_BUNDLE_DEPTH = 8  # bundles in bundles, and arrays in arrays
MAX_ELEMENTS = 1024  # messages and unreadable elements of one packet
MAX_ADDRESS_BYTES = 256
MAX_ARGUMENTS = 256
_MAX_TAGS = 1 + 3 * MAX_ARGUMENTS  # with the brackets of arrays
MAX_DATAGRAM_BYTES = 1400  # what we send: fits one Wi-Fi frame

IMMEDIATELY = 1  # the time tag that means "now"
_BUNDLE = b"#bundle\0"
_INT, _FLOAT = struct.Struct(">i"), struct.Struct(">f")
_ADDRESS = re.compile(rb"/[!-\"$-~]*")  # printable ASCII without space and '#'
_INT32_LIMIT = 1 << 31


class Message(NamedTuple):
    """One message. ``r`` and ``m`` arguments arrive as 4 bytes, arrays as tuples.

    Attributes
    ----------
    address : printable ASCII, begins with "/".
    arguments : finite numbers, text, truth values, ``None`` for ``N``, ...
    time_tag : 2**-32 s since 1900 (NTP), None for "at once".
    """

    address: str
    arguments: tuple[Value, ...]
    time_tag: int | None


def parse_packet(data: bytes, faults: list[OscError] | None = None) -> list[Message]:
    """All readable messages of a packet, in their order.

    Parameters
    ----------
    data : one datagram.
    faults : receives what was unreadable while other messages were good.

    Raises
    ------
    OscError
        if something was unreadable and no message was left.
    """
    noted: list[OscError] = []
    messages: list[Message] = []
    for element in read_packet(data):
        if isinstance(element, OscError):
            noted.append(element)
        else:
            messages.append(element)
    if noted and not messages:
        raise noted[0]
    if faults is not None:
        faults.extend(noted)
    return messages


def read_packet(data: bytes) -> Iterator[Message | OscError]:
    """The packet's messages and faults one by one, so that a full packet need not be read in one go."""
    if not 0 < len(data) <= MAX_PACKET_BYTES:
        yield OscError(f"a packet of {len(data)} bytes; expected 4 to {MAX_PACKET_BYTES}")
    elif len(data) % 4:
        yield OscError(f"a packet of {len(data)} bytes; the size must be a multiple of 4")
    else:
        elements = _read_element(data, 0, len(data), None, 0)
        yield from islice(elements, MAX_ELEMENTS)
        if next(elements, None) is not None:
            yield OscError(f"more than {MAX_ELEMENTS} elements in a packet; the rest is left out")


def _read_element(
    data: bytes, start: int, end: int, time_tag: int | None, depth: int
) -> Iterator[Message | OscError]:
    """A message or a bundle between two positions; positions instead of copies keep nesting linear."""
    try:
        if data.startswith(_BUNDLE, start, end):
            yield from _read_bundle(data, start + 8, end, time_tag, depth)
        else:
            yield _read_message(data[start:end], time_tag)
    except OscError as fault:
        yield fault


def _read_bundle(
    data: bytes, start: int, end: int, outer_tag: int | None, depth: int
) -> Iterator[Message | OscError]:
    if depth >= MAX_BUNDLE_DEPTH:
        raise OscError(f"bundles nested deeper than {MAX_BUNDLE_DEPTH}")
    if start + 8 > end:
        raise OscError("a bundle without a time tag")
    tag = int.from_bytes(data[start : start + 8])
    inner_tag = None if tag <= IMMEDIATELY else tag
    if inner_tag is None or (outer_tag is not None and inner_tag < outer_tag):
        inner_tag = outer_tag  # the inner bundle may not be due before the outer one
    position = start + 8
    while position < end:
        size = _INT.unpack_from(data, position)[0]
        position += 4
        if size <= 0 or size % 4 or size > end - position:
            raise OscError(f"a bundle element of {size} bytes where {end - position} are left")
        yield from _read_element(data, position, position + size, inner_tag, depth + 1)
        position += size


def _read_message(data: bytes, time_tag: int | None) -> Message:
    address, offset = _read_address(data)
    if offset == len(data):  # old senders leave the type string out
        return Message(address, (), time_tag)
    try:
        if data[offset] != ord(","):
            raise OscError(f"{len(data) - offset} bytes of arguments without a type string")
        tags, offset = read_text(data, offset)
        return Message(address, _read_arguments(data, offset, tags), time_tag)
    except OscError as fault:
        raise OscError(str(fault), address) from None


def _read_address(data: bytes) -> tuple[str, int]:
    end = data.find(b"\0", 0, MAX_ADDRESS_BYTES + 1)
    if end < 0 and data.startswith(b"/"):
        raise OscError(
            f"an address without an end, or longer than {MAX_ADDRESS_BYTES} bytes: {data[:32]!r}..."
        )
    if end < 0 or not _ADDRESS.fullmatch(data, 0, end):
        raise OscError(f"an address must begin with '/' and be printable ASCII, got {data[: min(end, 32)]!r}")
    return data[:end].decode("ascii"), (end + 4) & ~3


def _read_arguments(data: bytes, offset: int, tags: str) -> tuple[Value, ...]:
    if len(tags) - 1 - tags.count("[") - tags.count("]") > MAX_ARGUMENTS or len(tags) > _MAX_TAGS:
        raise OscError(f"more than {MAX_ARGUMENTS} arguments")
    stack: list[list[Value]] = [[]]
    for tag in tags[1:]:
        reader = READERS.get(tag)
        if reader is not None:
            try:
                value, offset = reader(data, offset)
            except struct.error:
                raise OscError(f"the message ends inside argument {len(stack[-1]) + 1} ({tag!r})") from None
            stack[-1].append(value)
        elif tag == "[" and len(stack) <= MAX_BUNDLE_DEPTH:
            stack.append([])
        elif tag == "]" and len(stack) > 1:
            array = tuple(stack.pop())
            stack[-1].append(array)
        else:
            raise OscError(f"type tag {tag!r} is unknown or out of place; known: {''.join(READERS)}[]")
    if len(stack) > 1:
        raise OscError("an array without an end")
    return tuple(stack[0])


def encode_message(address: str, arguments: Sequence[Argument] = ()) -> bytes:
    """A message with ``i``, ``f`` and ``s`` arguments only: every peer understands those.

    Whole numbers outside 32 bits go as ``f``. Text goes as UTF-8, so that a name comes back as it was given.

    Raises
    ------
    OscError
        for a number that is not finite in 32 bits.
    """
    tags = ","
    body = b""
    for argument in arguments:
        if isinstance(argument, str):
            tags += "s"
            body += _encode_text(argument)
        elif isinstance(argument, int) and -_INT32_LIMIT <= argument < _INT32_LIMIT:
            tags += "i"
            body += _INT.pack(argument)
        else:
            tags += "f"
            body += _encode_float(argument, address)
    return _encode_text(address) + _encode_text(tags) + body


def _encode_float(value: float, address: str) -> bytes:
    try:
        if math.isfinite(value):
            return _FLOAT.pack(value)
    except OverflowError:
        pass
    raise OscError(f"{value!r} cannot be sent as a 32-bit number", address)


def _encode_text(text: str) -> bytes:
    data = text.replace("\0", " ").encode("utf-8", "replace")
    return data + b"\0" * (4 - len(data) % 4)


def encode_bundle(elements: Iterable[bytes], time_tag: int = IMMEDIATELY) -> bytes:
    """A bundle of encoded elements."""
    parts = [_BUNDLE, time_tag.to_bytes(8)]
    for element in elements:
        parts += (_INT.pack(len(element)), element)
    return b"".join(parts)


def encode_replies(replies: Iterable[Reply], limit_bytes: int = MAX_DATAGRAM_BYTES) -> Iterator[bytes]:
    """Datagrams for a row of replies: alone as a message, several as bundles below the limit."""
    waiting: list[bytes] = []
    size_bytes = 16
    for address, arguments in replies:
        element = encode_message(address, arguments)
        if waiting and size_bytes + 4 + len(element) >= limit_bytes:
            yield waiting[0] if len(waiting) == 1 else encode_bundle(waiting)
            waiting, size_bytes = [], 16
        waiting.append(element)
        size_bytes += 4 + len(element)
    if waiting:
        yield waiting[0] if len(waiting) == 1 else encode_bundle(waiting)
