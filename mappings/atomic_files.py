"""The one way files are written here: temporary file, fsync, rename, fsync of the directory.

At every moment, and after a crash or a power cut, the name holds either all of the old contents or
all of the new. The two contents before the present one stay beside it as ``NAME.1`` and ``NAME.2``.

**Thread** any, but one writer at a time for one file.
"""

from __future__ import annotations

import contextlib
import glob
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

GENERATIONS = 2  # kept beside the present contents
LEFTOVER_AGE_S = 60.0  # a temporary file this old belongs to a writer that was killed

T = TypeVar("T")


@dataclass(frozen=True)
class Reading(Generic[T]):
    """What :func:`read_newest` found.

    Attributes
    ----------
    value : object or None
        The newest contents that could be parsed; None if there were none.
    path : Path or None
        The file it came from.
    warnings : tuple of str
        One sentence for every generation that could not be used.
    """

    value: T | None
    path: Path | None
    warnings: tuple[str, ...] = ()


def generation_path(path: Path, generation: int) -> Path:
    """Where the contents ``generation`` writes ago are kept; generation 0 is the file itself."""
    return path if generation == 0 else path.with_name(f"{path.name}.{generation}")


def write_atomic(path: Path, data: bytes, generations: int = GENERATIONS) -> None:
    """Replace the contents of a file, keeping earlier contents as generations.

    Parameters
    ----------
    path : Path
        File to write; its directory is made if need be.
    data : bytes
        The new contents.
    generations : int
        How many earlier contents to keep, 0 for none.

    Raises
    ------
    OSError
        If the disk is full or the directory not writable; the file is then as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        _write_through(fresh, data)
        _keep_generations(path, generations)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)
    _remove_leftovers(path)


def read_newest(path: Path, parse: Callable[[bytes], T], generations: int = GENERATIONS) -> Reading[T]:
    """Read the newest generation that parses; set aside newer ones that do not, as ``NAME.broken``.

    Parameters
    ----------
    path : Path
        The file as given to :func:`write_atomic`.
    parse : callable
        Turns the contents into a value and raises ValueError, in words, if it cannot.
    generations : int
        How many earlier contents to try.
    """
    warnings: list[str] = []
    for generation in range(generations + 1):
        candidate = generation_path(path, generation)
        try:
            return Reading(parse(candidate.read_bytes()), candidate, tuple(warnings))
        except FileNotFoundError:
            continue
        except OSError as error:
            warnings.append(f"{candidate} cannot be read: {error.strerror}")
        except ValueError as error:
            warnings.append(f"{candidate} is not usable and was set aside: {error}")
            _set_aside(candidate, path.with_name(f"{path.name}.broken"))
    return Reading(None, None, tuple(warnings))


def _write_through(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _keep_generations(path: Path, generations: int) -> None:
    """Move the contents one generation back without the name ever being absent."""
    for generation in range(generations, 1, -1):
        with contextlib.suppress(FileNotFoundError):
            generation_path(path, generation - 1).replace(generation_path(path, generation))
    if generations < 1 or not path.exists():
        return
    first = generation_path(path, 1)
    try:
        first.hardlink_to(path)
    except OSError:  # no hard links on FAT: the name is then absent until the rename that follows
        path.replace(first)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_leftovers(path: Path) -> None:
    oldest_s = time.time() - LEFTOVER_AGE_S
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.new"):
        with contextlib.suppress(OSError):
            if leftover.stat().st_mtime < oldest_s:
                leftover.unlink()


def _set_aside(broken: Path, aside: Path) -> None:
    with contextlib.suppress(OSError):  # a read-only directory must not keep the instrument from starting
        broken.replace(aside)
