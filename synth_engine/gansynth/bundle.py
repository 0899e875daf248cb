"""TensorFlow's V2 checkpoints (tensor bundles), read and written without TensorFlow.

`PREFIX.index` is a table from names to where the bytes lie in `PREFIX.data-00000-of-00001` (or more shards).
Only the bytes of the tensors asked for are read.

Source: TensorFlow, core/util/tensor_bundle and core/protobuf/tensor_bundle.proto.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from synth_engine.gansynth.bundle_entry import (
    DTYPES,
    Entry,
    parse_entry,
    parse_header,
    write_entry,
    write_header,
)
from synth_engine.gansynth.checksum import masked_crc32c
from synth_engine.gansynth.slices import FULL_EXTENT, Extent, slice_key
from synth_engine.gansynth.sources import CheckpointError, FolderSource, Source, read_whole, reading_of
from synth_engine.gansynth.table import TableError, read_table, write_table
from synth_engine.gansynth.wire import WireError

_LARGEST_INDEX_BYTES = 1 << 24
_SLICE_MARK = b"\0"  # how the keys of parts begin


@dataclass(frozen=True)
class Variable:
    """What an index says of one tensor.

    Attributes
    ----------
    shape : tuple of int
    dtype : str
        NumPy's name, or TensorFlow's number where NumPy has no such numbers.
    """

    shape: tuple[int, ...]
    dtype: str


class BundleReader:
    """One checkpoint, open for reading.

    Parameters
    ----------
    prefix : Path or str
        Path without `.index`.
    source : Source, optional
        Where the files lie, if not on disk; `prefix` is then a name in it.

    Raises
    ------
    CheckpointError
        If the index is missing, cut off, damaged, or not an index.
    """

    def __init__(self, prefix: Path | str, source: Source | None = None) -> None:
        if source is None:
            source, prefix = FolderSource(Path(prefix).parent), Path(prefix).name
        self._source = source
        self.prefix = str(prefix)
        self._index = f"{self.prefix}.index"
        content = read_whole(source, self._index, _LARGEST_INDEX_BYTES)
        try:
            table = read_table(content)
            self._shards = parse_header(table.pop(b"", b""))
            self._parts = {key: parse_entry(v) for key, v in table.items() if key.startswith(_SLICE_MARK)}
            whole = {key: value for key, value in table.items() if not key.startswith(_SLICE_MARK)}
            self._entries = {str(key, "utf-8"): parse_entry(value) for key, value in whole.items()}
        except (TableError, WireError, UnicodeDecodeError) as error:
            raise CheckpointError(f"{self.where}: no readable index: {error}") from None

    @property
    def where(self) -> str:
        """The index file, for messages."""
        return self._source.where(self._index)

    @property
    def variables(self) -> dict[str, Variable]:
        """Everything the checkpoint holds, by name."""
        return {name: Variable(entry.shape, entry.dtype_name) for name, entry in self._entries.items()}

    def read(self, name: str) -> NDArray[Any]:
        """Read one tensor; see :meth:`read_many`."""
        return self.read_many([name])[name]

    def read_many(self, names: Iterable[str]) -> dict[str, NDArray[Any]]:
        """Read tensors, in the order in which they lie on disk.

        Returns
        -------
        dict of str to NDArray
            Shapes and dtypes as written.

        Raises
        ------
        CheckpointError
            If one is missing, its bytes are cut off, damaged (by their checksum), or no numbers.
        """
        pieces = [piece for name in dict.fromkeys(names) for piece in self._pieces(name)]
        arrays: dict[str, NDArray[Any]] = {}
        for shard in sorted({piece.entry.shard for piece in pieces}):
            mine = sorted((p for p in pieces if p.entry.shard == shard), key=lambda p: p.entry.offset)
            self._read_shard(self._shard_name(shard), mine, arrays)
        return arrays

    def _shard_name(self, shard: int) -> str:
        return f"{self.prefix}.data-{shard:05d}-of-{self._shards:05d}"

    def _pieces(self, name: str) -> Iterator[_Piece]:
        if name not in self._entries:
            raise CheckpointError(f"{self.where}: {name}: not in the checkpoint")
        entry = self._entries[name]
        if not entry.slices:
            yield _Piece(name, entry, entry, ())
            return
        pieces = [_Piece(name, entry, self._part(name, extents), extents) for extents in entry.slices]
        if sum(math.prod(piece.entry.shape) for piece in pieces) != math.prod(entry.shape):
            raise CheckpointError(f"{self.where}: {name}: its parts do not make up the shape {entry.shape}")
        yield from pieces

    def _part(self, name: str, extents: tuple[Extent, ...]) -> Entry:
        part = self._parts.get(slice_key(name, extents))
        if part is None:
            raise CheckpointError(f"{self.where}: {name}: its part {extents} is not in the checkpoint")
        return part

    def _read_shard(self, file_name: str, pieces: list[_Piece], arrays: dict[str, NDArray[Any]]) -> None:
        where = self._source.where(file_name)
        _check_places(pieces, self._source.size(file_name), where)
        with reading_of(self._source, file_name) as file:
            for piece in pieces:
                array = _read_piece(file, piece, where)
                if not piece.extents:
                    arrays[piece.name] = array
                    continue
                whole = arrays.setdefault(piece.name, np.zeros(piece.whole.shape, array.dtype))
                whole[piece.region(where)] = array


@dataclass(frozen=True)
class _Piece:
    """Bytes to read: a whole tensor, or one part of it."""

    name: str
    whole: Entry
    entry: Entry
    extents: tuple[Extent, ...]

    def region(self, where: str) -> tuple[slice, ...]:
        """Where in the whole it lies."""
        shape = self.whole.shape
        lengths = [
            n if length == FULL_EXTENT else length
            for (_, length), n in zip(self.extents, shape, strict=False)
        ]
        ends = [start + length for (start, _), length in zip(self.extents, lengths, strict=True)]
        fits = len(ends) == len(shape) and all(end <= n for end, n in zip(ends, shape, strict=True))
        if not fits or tuple(lengths) != self.entry.shape:
            raise CheckpointError(
                f"{where}: {self.name}: the part {self.extents} has shape {self.entry.shape}, "
                f"which does not fit {shape}"
            )
        return tuple(slice(start, end) for (start, _), end in zip(self.extents, ends, strict=True))


def _check_places(pieces: list[_Piece], file_bytes: int, where: str) -> None:
    """Refuse, before memory is taken for it, what a file of that size cannot hold."""
    end = 0
    for piece in pieces:
        entry = piece.entry
        expected = math.prod(entry.shape) * _dtype(piece, where).itemsize
        if entry.size != expected:
            raise CheckpointError(
                f"{where}: {piece.name}: shape {entry.shape} of {entry.dtype_name} takes {expected} bytes, "
                f"the index says {entry.size}"
            )
        if entry.offset + entry.size > file_bytes:
            raise CheckpointError(
                f"{where}: {piece.name}: expected {entry.size} bytes at byte {entry.offset}; "
                f"the file ends at byte {file_bytes}: it is cut off"
            )
        if entry.size and entry.offset < end:
            raise CheckpointError(f"{where}: {piece.name}: overlaps another variable at byte {entry.offset}")
        end = max(end, entry.offset + entry.size)


def _dtype(piece: _Piece, where: str) -> np.dtype[Any]:
    if piece.entry.dtype not in DTYPES:
        raise CheckpointError(f"{where}: {piece.name}: expected numbers, found {piece.entry.dtype_name}")
    return np.dtype(DTYPES[piece.entry.dtype])


def _read_piece(file: BinaryIO, piece: _Piece, where: str) -> NDArray[Any]:
    entry = piece.entry
    content = np.empty(entry.size, np.uint8)
    file.seek(entry.offset)
    _fill(file, content)
    found = masked_crc32c(content)
    if found != entry.crc32c:
        raise CheckpointError(
            f"{where}: {piece.name}: damaged: checksum expected {entry.crc32c:08x}, found {found:08x}"
        )
    return content.view(_dtype(piece, where)).reshape(entry.shape)


def _fill(file: BinaryIO, content: NDArray[np.uint8]) -> None:
    """Read until the array is full; archives hand out their bytes in bits and pieces."""
    view, filled = content.data, 0
    while filled < len(view):
        count = file.readinto(view[filled:])  # type: ignore[attr-defined]  # files and zip entries both have it
        if not count:
            raise EOFError("the file ends too early")
        filled += count


def write_bundle(prefix: Path, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Write a checkpoint of one data file: the data first, then the index; each appears whole or not at all.

    Parameters
    ----------
    prefix : Path
        Path without `.index`; its folder is made if missing.
    tensors : mapping of str to NDArray
        By name. TensorFlow wants every name to be unique and not empty.

    Raises
    ------
    ValueError
        If a name is empty or NumPy's type is none of TensorFlow's.
    OSError
        If the files cannot be written.
    """
    prefix.parent.mkdir(parents=True, exist_ok=True)
    table = {b"": write_header()}
    data = prefix.with_name(f"{prefix.name}.data-00000-of-00001")
    with _fresh_file(data) as file:
        for name, array in sorted((name.encode(), array) for name, array in tensors.items()):
            offset = file.tell()
            dtype, content = _tensor_bytes(name, array)
            file.write(content.data)
            entry = Entry(dtype, array.shape, 0, offset, len(content), masked_crc32c(content))
            table[name] = write_entry(entry)
    with _fresh_file(prefix.with_name(f"{prefix.name}.index")) as file:
        file.write(write_table(table))


def _tensor_bytes(name: bytes, array: NDArray[Any]) -> tuple[int, NDArray[np.uint8]]:
    """TensorFlow's number of the type, and the bytes."""
    numbers = {np.dtype(dtype): number for number, dtype in DTYPES.items()}
    number = numbers.get(array.dtype.newbyteorder("<"))
    if not name or number is None:
        raise ValueError(f"{name!r}: expected a name and a type TensorFlow has, found {array.dtype}")
    flat = np.ascontiguousarray(array, DTYPES[number]).reshape(-1)
    return number, flat.view(np.uint8)


@contextmanager
def _fresh_file(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its name when it is whole and on disk."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with fresh.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
