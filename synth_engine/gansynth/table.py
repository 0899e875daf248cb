"""LevelDB's sorted table: the format of a checkpoint's index file.

Blocks of prefix-compressed entries, each followed by its kind of compression and a checksum; an index block
of where they lie; a footer of 48 bytes.

Source: LevelDB, doc/table_format.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from synth_engine.gansynth.checksum import masked_crc32c
from synth_engine.gansynth.wire import WireError, read_varint, varint

_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_FOOTER_BYTES = 48
_TRAILER_BYTES = 5  # kind of compression, checksum
_BLOCK_BYTES = 1 << 18  # what TensorFlow writes
_RESTART_INTERVAL = 16
_MOST_DECODED_BYTES = 1 << 26  # shared prefixes could make a small file huge; a real one has 0.1 MB
_COMPRESSIONS = {1: "Snappy", 2: "Zstandard"}


class TableError(ValueError):
    """Bytes that are no readable table; the message says what was expected."""


def read_table(content: bytes | memoryview) -> dict[bytes, bytes]:
    """Read all entries of a table.

    Parameters
    ----------
    content : bytes or memoryview
        The whole file.

    Returns
    -------
    dict of bytes to bytes
        In the order of the file, which is that of the keys.

    Raises
    ------
    TableError
        If the file is no table, is cut off, compressed, or damaged: every block's checksum is looked at.
    """
    buffer = memoryview(content)
    if len(buffer) < _FOOTER_BYTES or buffer[-8:] != _MAGIC:
        raise TableError("the end of the file is not that of an index; it is cut off or something else")
    try:
        return dict(_entries(buffer))
    except WireError as error:
        raise TableError(str(error)) from None


def _entries(buffer: memoryview) -> Iterator[tuple[bytes, bytes]]:
    footer = buffer[-_FOOTER_BYTES:-8]
    _, at = _read_handle(footer, 0)  # of the metaindex block, which holds filters: none here
    handle, _ = _read_handle(footer, at)
    body_bytes = len(buffer) - _FOOTER_BYTES
    end, decoded_bytes = 0, 0
    last: bytes | None = None
    for _, place in _block_entries(_block(buffer[:body_bytes], handle)):
        handle, _ = _read_handle(memoryview(place), 0)
        if handle[0] < end:  # otherwise a small file could name one block a million times
            raise TableError(f"blocks overlap at byte {handle[0]}")
        end = sum(handle)
        for key, value in _block_entries(_block(buffer[:body_bytes], handle)):
            if last is not None and key <= last:
                raise TableError(f"key {key!r} is out of order")
            decoded_bytes += len(key) + len(value)
            if decoded_bytes > _MOST_DECODED_BYTES:
                raise TableError(f"the entries take more than {_MOST_DECODED_BYTES} bytes")
            last = key
            yield key, value


def _read_handle(buffer: memoryview, at: int) -> tuple[tuple[int, int], int]:
    offset, at = read_varint(buffer, at)
    size, at = read_varint(buffer, at)
    return (offset, size), at


def _block(buffer: memoryview, handle: tuple[int, int]) -> memoryview:
    """The contents of a block, without its trailer."""
    offset, size = handle
    if offset + size + _TRAILER_BYTES > len(buffer):
        raise TableError(f"a block of {size} bytes at byte {offset} lies outside the file")
    compression = buffer[offset + size]
    stored = int.from_bytes(buffer[offset + size + 1 : offset + size + _TRAILER_BYTES], "little")
    found = masked_crc32c(buffer[offset : offset + size + 1])
    if found != stored:
        raise TableError(
            f"the block at byte {offset} is damaged: checksum expected {stored:08x}, found {found:08x}"
        )
    if compression:
        name = _COMPRESSIONS.get(compression, f"kind {compression}")
        raise TableError(
            f"the block at byte {offset} is compressed ({name}); TensorFlow writes no such index"
        )
    return buffer[offset : offset + size]


def _block_entries(block: memoryview) -> Iterator[tuple[bytes, bytes]]:
    if len(block) < 4:
        raise TableError("a block has no list of restarts")
    restarts_bytes = 4 * int.from_bytes(block[-4:], "little") + 4
    if restarts_bytes > len(block):
        raise TableError(
            f"a block's list of restarts takes {restarts_bytes} bytes, the block has {len(block)}"
        )
    entries = block[: len(block) - restarts_bytes]
    key, at = b"", 0
    while at < len(entries):
        shared, at = read_varint(entries, at)
        fresh, at = read_varint(entries, at)
        size, at = read_varint(entries, at)
        if shared > len(key) or fresh + size > len(entries) - at:
            raise TableError(f"an entry at byte {at} of its block runs over the block")
        key = key[:shared] + bytes(entries[at : at + fresh])
        at += fresh
        yield key, bytes(entries[at : at + size])
        at += size


def write_table(entries: Mapping[bytes, bytes]) -> bytes:
    """Write a table as TensorFlow would: uncompressed, with checksums.

    Parameters
    ----------
    entries : mapping of bytes to bytes
        In any order.

    Returns
    -------
    bytes
        The whole file.
    """
    file = bytearray()
    index: list[tuple[bytes, bytes]] = []
    for block in _split(sorted(entries.items())):
        place = _append_block(file, _block_content(block))
        index.append((block[-1][0], place))
    metaindex = _append_block(file, _block_content([]))
    # every entry of the index block has to be a restart: readers search it by halving
    handles = metaindex + _append_block(file, _block_content(index, restart_interval=1))
    return bytes(file + handles.ljust(_FOOTER_BYTES - 8, b"\0") + _MAGIC)


def _split(entries: list[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    block: list[tuple[bytes, bytes]] = []
    size = 0
    for key, value in entries:
        block.append((key, value))
        size += len(key) + len(value)
        if size >= _BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def _block_content(entries: list[tuple[bytes, bytes]], restart_interval: int = _RESTART_INTERVAL) -> bytes:
    content = bytearray()
    restarts = [] if entries else [0]  # an empty block still has one restart
    previous = b""
    for number, (key, value) in enumerate(entries):
        shared = 0
        if number % restart_interval == 0:
            restarts.append(len(content))
        else:
            shared = _shared_bytes(previous, key)
        content += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        previous = key
    for restart in (*restarts, len(restarts)):
        content += restart.to_bytes(4, "little")
    return bytes(content)


def _shared_bytes(one: bytes, other: bytes) -> int:
    shared = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        shared += 1
    return shared


def _append_block(file: bytearray, content: bytes) -> bytes:
    """Append a block and its trailer; returns its handle."""
    handle = varint(len(file)) + varint(len(content))
    uncompressed = b"\0"
    file += content + uncompressed + masked_crc32c(content, uncompressed).to_bytes(4, "little")
    return handle
