"""Names for JACK servers of tests: few, and each used by one test run at a time.

JACK keeps the entry of a server that was killed until a server of the same name starts, and has room
for eight. New names for every run would leave a machine without JACK after eight killed servers.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAMES = tuple(f"timbred-test-{number}" for number in range(4))


@contextmanager
def jack_server_name() -> Iterator[str]:
    """A name nobody else uses meanwhile.

    Raises
    ------
    RuntimeError
        if all are in use.
    """
    for name in NAMES:
        path = Path(tempfile.gettempdir()) / f"{name}-{os.getuid()}.lock"
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            continue
        try:
            yield name
        finally:
            os.close(lock)
        return
    raise RuntimeError(f"all JACK server names of tests are in use: {', '.join(NAMES)}")
