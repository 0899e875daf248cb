"""One daemon an instance: the second would take the first one's shared memory away."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from daemon.exits import Unavailable


class InstanceLock:
    """Held from start to end; the system lets go of it however the process ends.

    Raises
    ------
    Unavailable
        If another daemon of this instance runs.
    """

    def __init__(self, runtime_dir: Path) -> None:
        path = runtime_dir / "lock"
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise Unavailable(
                f"another timbred of this instance is running (it holds {path}); "
                "stop it, or start this one with --instance NAME --osc-port NUMBER"
            ) from None

    def release(self) -> None:
        """Let another daemon start."""
        os.close(self._file)
