"""What an entry of the configuration may be: a check takes what TOML gave and answers with what is meant."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

Check = Callable[[object], Any]
MOST_THREADS = 4  # more were not measured; the network's early layers are small


def by(check: Check) -> dict[str, Check]:
    """Metadata of a dataclass field whose entry goes through a check."""
    return {"check": check}


def whole(low: int, high: int) -> Check:
    """A whole number, both ends included."""

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"is {value!r}, expected a whole number from {low} to {high}")
        return value

    return check


def one_of(*words: str) -> Check:
    """One of a few words."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"is {value!r}, expected one of {', '.join(words)}")
        return value

    return check


def switch(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError(f"is {value!r}, expected true or false")
    return value


def text(value: object) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"is {value!r}, expected text in quotes")
    return value


def texts(value: object) -> tuple[str, ...]:
    """A list of texts; one alone will do."""
    entries = [value] if isinstance(value, str) else value
    if not isinstance(entries, list | tuple) or not all(
        isinstance(entry, str) and entry for entry in entries
    ):
        raise ValueError(f'is {value!r}, expected a list of texts, for example ["Keystation*"]')
    return tuple(entries)


def path(value: object) -> Path:
    """An absolute path; ~ is the player's home."""
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError(f"is {value!r}, expected a path in quotes")
    expanded = Path(value).expanduser()
    if not expanded.is_absolute():
        raise ValueError(f"is {str(value)!r}, expected a path that begins with / or ~")
    return expanded


def spare_cores() -> int:
    """Threads for the network: one core is left to the sound."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 2)
    return max(1, min(MOST_THREADS, usable - 1))
