"""Where things are kept: XDG directories, and a runtime directory in memory for the shared maps."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import platformdirs

from mappings.documents import DocumentError

APP_NAME = "timbred"
DEFAULT_INSTANCE = "default"
RUNTIME_BYTES = 200 * 1024 * 1024  # engine and pool maps are 135 MB; the rest is left to others
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 the directory made in it is private and checked to be ours


class ConfigError(DocumentError):
    """A configuration the daemon cannot start with; the text says where and what was wrong."""


@dataclass(frozen=True)
class Paths:
    """Directories of one daemon.

    Attributes
    ----------
    config : Path
        ``timbred.toml``, and the player's ``presets/`` and ``maps/``.
    state : Path
        The last state; each instance has its own.
    cache : Path
        What can be made again: bases, banks, compiled networks.
    data : Path
        ``models/`` the player has installed or trained.
    runtime : Path
        Shared maps while the daemon runs; each instance has its own, on a file system in memory if there
        is room, and nobody else may enter.
    """

    config: Path
    state: Path
    cache: Path
    data: Path
    runtime: Path

    @classmethod
    def default(cls, instance: str = DEFAULT_INSTANCE) -> Paths:
        """The directories of this user on this system; none is made yet.

        Raises
        ------
        ConfigError
            If the instance's name cannot be part of a file name.
        """
        check_instance(instance)
        home = platformdirs.PlatformDirs(APP_NAME, appauthor=False)
        return cls(
            config=home.user_config_path,
            state=home.user_state_path if instance == DEFAULT_INSTANCE else home.user_state_path / instance,
            cache=home.user_cache_path,
            data=home.user_data_path,
            runtime=choose_runtime(_runtime_candidates(instance)),
        )

    def with_overrides(self, **directories: Path | None) -> Paths:
        """The same, with those that are given in place of the usual ones."""
        return replace(self, **{name: path for name, path in directories.items() if path is not None})

    def make(self) -> None:
        """Make the directories that are absent; runtime and state for this user alone.

        Raises
        ------
        ConfigError
            If one cannot be made, or the runtime directory belongs to somebody else.
        """
        for entry in fields(self):
            path: Path = getattr(self, entry.name)
            try:
                if entry.name in ("runtime", "state"):
                    make_private(path)
                else:
                    path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigError(
                    f"the {entry.name} directory {path} cannot be made: {error.strerror}; "
                    f"give another as {entry.name} under [paths]"
                ) from None


def check_instance(instance: object) -> str:
    """The name of an instance, if it can be part of a file name. Raises ConfigError."""
    if not isinstance(instance, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", instance):
        raise ConfigError(f"instance is {instance!r}, expected 1 to 32 letters, digits, - or _")
    return instance


def choose_runtime(candidates: Iterable[Path]) -> Path:
    """The first directory with room for the maps, counting what is in it already; else the one with most."""
    best: tuple[int, Path] | None = None
    for path in candidates:
        free = _free_bytes(path)
        if free >= RUNTIME_BYTES:
            return path
        if best is None or free > best[0]:
            best = (free, path)
    assert best is not None
    return best[1]


def make_private(path: Path) -> None:
    """Make a directory only this user may enter, or make sure that it is one.

    Raises
    ------
    ConfigError
        If there is something of that name that is no directory, or is another user's: /dev/shm and /tmp
        are open to all, and a directory laid there in advance could feed the daemon.
    OSError
        If it cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise ConfigError(f"{path} is in the way: expected a directory") from None
        if hasattr(os, "getuid") and found.st_uid != os.getuid():
            raise ConfigError(f"{path} belongs to user {found.st_uid}, expected {os.getuid()}") from None
        path.chmod(0o700)


def _runtime_candidates(instance: str) -> list[Path]:
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    private = f"{APP_NAME}-{user}-{instance}"
    candidates = []
    if sys.platform == "linux" and os.access(_SHARED_MEMORY, os.W_OK):
        candidates.append(_SHARED_MEMORY / private)
    if xdg := os.environ.get("XDG_RUNTIME_DIR"):
        candidates.append(Path(xdg) / f"{APP_NAME}-{instance}")
    return [*candidates, Path(tempfile.gettempdir()) / private]


def _free_bytes(path: Path) -> int:
    """Room for the files of a directory that may not be there yet; -1 if it cannot be told."""
    try:
        existing = next(place for place in (path, *path.parents) if place.exists())
        own = sum(item.stat().st_blocks * 512 for item in path.iterdir()) if existing == path else 0
        return shutil.disk_usage(existing).free + own
    except OSError:
        return -1
