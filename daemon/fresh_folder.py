"""A folder that is built beside its place and takes it whole: the place never holds half of one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def fresh_folder(place: Path, replace: bool) -> Iterator[Path]:
    """Give an empty folder to build in; when the block ends without an error it gets its place.

    Parameters
    ----------
    place : Path
        Where the folder goes in the end.
    replace : bool
        Whether what is there may be replaced.

    Raises
    ------
    FileExistsError
        If something is there that may not be replaced; nothing has been built then.
    OSError
        If the folder cannot be made or moved.
    """
    if place.exists() and not replace:
        raise FileExistsError(f"{place} is there already; --force replaces it")
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh, old = (place.with_name(f".{place.name}.{os.getpid()}.{end}") for end in ("new", "old"))
    try:
        fresh.mkdir()
        yield fresh
        if place.exists():
            place.replace(old)
        fresh.replace(place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
