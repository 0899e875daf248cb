"""LevelDB tables and Protocol Buffers: what is written is read, what is damaged is told in words."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_engine.gansynth.checksum import masked_crc32c
from synth_engine.gansynth.table import TableError, read_table, write_table
from synth_engine.gansynth.wire import (
    WireError,
    bytes_field,
    fields,
    fixed32_field,
    packed_varints,
    read_varint,
    signed,
    varint,
    varint_field,
)

TABLES = st.dictionaries(st.binary(max_size=40), st.binary(max_size=60), max_size=40)


@given(TABLES)
def test_a_table_that_is_written_is_read_in_the_order_of_its_keys(entries: dict[bytes, bytes]) -> None:
    found = read_table(write_table(entries))
    assert found == entries
    assert list(found) == sorted(entries)


def test_a_table_of_several_blocks_is_read() -> None:
    entries = {f"name/{n:05d}".encode(): bytes([n % 256]) * 1000 for n in range(1000)}
    assert read_table(write_table(entries)) == entries


@given(TABLES, st.data())
def test_a_cut_table_is_an_error_in_words(entries: dict[bytes, bytes], data: st.DataObject) -> None:
    content = write_table(entries)
    with pytest.raises(TableError):
        read_table(content[: data.draw(st.integers(0, len(content) - 1))])


@given(TABLES.filter(bool), st.data())
def test_a_damaged_table_is_never_read_as_something_else(
    entries: dict[bytes, bytes], data: st.DataObject
) -> None:
    content = bytearray(write_table(entries))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(TableError):  # the footer's padding and unused handle may change unnoticed
        assert read_table(bytes(content)) == entries


@given(st.binary(max_size=200))
def test_any_bytes_with_a_footer_end_in_an_answer(content: bytes) -> None:
    footer = write_table({})[-8:]
    with contextlib.suppress(TableError):
        read_table(content + footer)


def _table_of_block(block: bytes, compression: int = 0) -> bytes:
    """A table whose only data block has these contents, with right checksums all round."""

    def framed(content: bytes, kind: int = 0) -> bytes:
        return content + bytes([kind]) + masked_crc32c(content, bytes([kind])).to_bytes(4, "little")

    def index_of(size: int) -> bytes:
        handle = varint(0) + varint(size)
        return varint(0) + varint(1) + varint(len(handle)) + b"z" + handle + bytes(4) + b"\1\0\0\0"

    body = framed(block, compression)
    index = index_of(len(block))
    handles = varint(len(body)) + varint(0) + varint(len(body)) + varint(len(index))
    return body + framed(index) + handles.ljust(40, b"\0") + write_table({})[-8:]


@given(st.binary(max_size=60))
def test_blocks_with_a_right_checksum_may_still_hold_anything(block: bytes) -> None:
    with contextlib.suppress(TableError):
        read_table(_table_of_block(block))


def test_a_compressed_block_is_told() -> None:
    with pytest.raises(TableError, match="Snappy"):
        read_table(_table_of_block(b"anything", compression=1))


def test_shared_prefixes_cannot_fill_the_memory() -> None:
    long = bytes(400_000)
    block = varint(0) + varint(len(long)) + varint(0) + long
    for n in range(1, 250):
        key = n.to_bytes(2, "big")
        block += varint(len(long) - 2) + varint(2) + varint(0) + key
    with pytest.raises(TableError, match="more than"):
        read_table(_table_of_block(block + bytes(4) + b"\1\0\0\0"))


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_survive(value: int) -> None:
    found, end = read_varint(memoryview(varint(value)), 0)
    assert signed(found) == value
    assert end == len(varint(value))


def test_the_documentations_example_is_written_and_read() -> None:
    assert varint_field(1, 150) == bytes.fromhex("089601")
    assert bytes_field(2, b"testing") == bytes.fromhex("120774657374696e67")
    message = varint_field(1, 150) + bytes_field(2, b"testing") + fixed32_field(6, 7)
    assert [(n, bytes(v) if isinstance(v, memoryview) else v) for n, v in fields(message)] == [
        (1, 150),
        (2, b"testing"),
        (6, 7),
    ]
    assert packed_varints(memoryview(varint(3) + varint(270))) == [3, 270]


@given(st.binary(max_size=80))
def test_any_bytes_are_a_message_or_an_error_in_words(content: bytes) -> None:
    with contextlib.suppress(WireError):
        assert all(number >= 1 for number, _ in fields(content))


def test_the_checksum_is_leveldbs() -> None:
    """crc32c of 32 zero bytes is 0x8a9136aa (RFC 3720, B.4)."""
    crc = 0x8A9136AA
    assert masked_crc32c(bytes(32)) == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    assert masked_crc32c(bytes(20), bytes(0), bytes(12)) == masked_crc32c(bytes(32))
