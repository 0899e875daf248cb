"""Where a checkpoint's files lie: a folder, or a zip archive that is read without unpacking it."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol, cast

from synth_engine.generator.model import ModelError

LARGEST_FILE_BYTES = 1 << 33
_MOST_FILES = 10_000
_ENCRYPTED = 0x1  # flag bit of a zip entry


class CheckpointError(ModelError):
    """A checkpoint that cannot be used; the message names file and variable, what was expected and found."""


class Source(Protocol):
    """Files by their names, relative to a root, with / between folders."""

    def names(self) -> list[str]:
        """All files, sorted."""

    def where(self, name: str) -> str:
        """How to call a file in a message."""

    def size(self, name: str) -> int:
        """Bytes of a file. Raises CheckpointError if it is not there."""

    def open(self, name: str) -> BinaryIO:
        """Open for reading; best read forwards. Raises CheckpointError if it is not there."""


@contextmanager
def reading_of(source: Source, name: str) -> Iterator[BinaryIO]:
    """Open a file of a source and turn what can go wrong while reading into CheckpointError."""
    try:
        with source.open(name) as file:
            yield file
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise CheckpointError(f"{source.where(name)}: cannot be unpacked: {error}") from None
    except OSError as error:
        raise CheckpointError(f"{source.where(name)}: cannot be read: {error.strerror or error}") from None


def read_whole(source: Source, name: str, largest_bytes: int) -> bytes:
    """Read a small file. Raises CheckpointError if it is absent, unreadable or larger than allowed."""
    size = source.size(name)
    if size > largest_bytes:
        raise CheckpointError(f"{source.where(name)}: expected at most {largest_bytes} bytes, found {size}")
    with reading_of(source, name) as file:
        return file.read(largest_bytes)


class FolderSource:
    """A folder on disk, or those files of it that match the patterns."""

    def __init__(self, root: Path, patterns: Iterable[str] = ("*",)) -> None:
        self.root = root
        self._patterns = tuple(patterns)

    def names(self) -> list[str]:
        """The files that match."""
        found = [path for pattern in self._patterns for path in self.root.glob(pattern) if path.is_file()]
        return sorted({path.relative_to(self.root).as_posix() for path in found})

    def where(self, name: str) -> str:
        """How to call a file in a message."""
        return str(self.root / name)

    def size(self, name: str) -> int:
        """Bytes of a file. Raises CheckpointError if it is not there."""
        try:
            return (self.root / name).stat().st_size
        except OSError as error:
            raise CheckpointError(f"{self.where(name)}: cannot be read: {error.strerror}") from None

    def open(self, name: str) -> BinaryIO:
        """Open for reading. Raises CheckpointError if it cannot be."""
        try:
            return (self.root / name).open("rb")
        except OSError as error:
            raise CheckpointError(f"{self.where(name)}: cannot be read: {error.strerror}") from None


class ZipSource:
    """A zip archive; nothing of it is written to disk, so no name in it can lead anywhere."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except OSError as error:
            raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from None
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise CheckpointError(f"{path}: no readable zip archive: {error}") from None
        self._entries = {info.filename: info for info in self._archive.infolist() if not info.is_dir()}
        self._check()

    def _check(self) -> None:
        """Refuse what no honest archive of a checkpoint has."""
        if len(self._entries) > _MOST_FILES:
            raise CheckpointError(f"{self._path}: {len(self._entries)} files, expected at most {_MOST_FILES}")
        for name, info in self._entries.items():
            if name.startswith("/") or "\\" in name or ".." in PurePosixPath(name).parts:
                raise CheckpointError(f"{self._path}: the name {name!r} leads out of the archive")
            if info.file_size > LARGEST_FILE_BYTES:
                raise CheckpointError(f"{self.where(name)}: unpacks to {info.file_size} bytes")
            if info.flag_bits & _ENCRYPTED:
                raise CheckpointError(f"{self.where(name)}: is encrypted")

    def names(self) -> list[str]:
        """All files of the archive."""
        return sorted(self._entries)

    def where(self, name: str) -> str:
        """How to call a file in a message."""
        return f"{self._path}: {name}"

    def size(self, name: str) -> int:
        """Bytes of a file, unpacked. Raises CheckpointError if it is not there."""
        if name not in self._entries:
            raise CheckpointError(f"{self.where(name)}: not in the archive")
        return self._entries[name].file_size

    def open(self, name: str) -> BinaryIO:
        """Open for reading. Raises CheckpointError if it is not there."""
        self.size(name)
        return cast(BinaryIO, self._archive.open(name))
