"""Exit statuses, after sysexits.h."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What the shell and systemd see."""

    CLEAN = 0
    USAGE = 64
    UNAVAILABLE = 69  # a device, port or service
    SOFTWARE = 70
    IO = 74
    CONFIG = 78


class Unavailable(Exception):
    """A device, port or service that the daemon cannot start without."""
