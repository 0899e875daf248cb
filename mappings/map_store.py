"""The controller maps there are: shipped ones and the player's own, followed as their files change."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from importlib import resources
from pathlib import Path

from mappings.controller_map import ControllerMap
from mappings.map_entries import MapError

_DEFAULT = "default.toml"
_MAX_FILE_BYTES = 256 * 1024  # a map is a few kilobytes; anything this large is not one

_Signature = tuple[int, int]  # modification time in ns, bytes


class MapStore:
    """Finds the map for a port; the player's files go before the shipped ones.

    A file that breaks keeps its last good map in force, and one that cannot be read at all is as if it
    were not there; either is reported once for each time it changes.

    Thread: control polls; ``map_for`` may be called from any thread, it reads one picture of the maps.

    Parameters
    ----------
    directory : Path or None, the player's maps (``*.toml``); need not exist.
    on_error : called with one sentence for the player.
    """

    def __init__(self, directory: Path | None, on_error: Callable[[str], None]) -> None:
        self._directory = directory
        self._on_error = on_error
        self._shipped = _shipped_maps()
        self._own: dict[str, ControllerMap] = {}
        self._signatures: dict[str, _Signature] = {}
        self.poll()

    def poll(self) -> bool:
        """Look for changed files, about twice a second; True if any map may have changed."""
        present = self._look()
        changed = False
        for name in self._signatures.keys() - present.keys():
            del self._signatures[name]
            changed |= name in self._own
            self._own = {kept: own for kept, own in self._own.items() if kept != name}
        for name, (path, signature) in present.items():
            if self._signatures.get(name) != signature:
                self._signatures[name] = signature
                changed |= self._read(name, path)
        return changed

    def map_for(self, port_name: str) -> ControllerMap:
        """The map of the closest fitting pattern, over the default; the default alone if none fits."""
        own = self._own
        default = own.get(_DEFAULT) or self._shipped[_DEFAULT]
        for maps in (own, self._shipped):
            ranked = sorted(maps.items(), key=lambda item: (-item[1].fits(port_name), item[0]))
            if ranked and ranked[0][1].fits(port_name):
                return ranked[0][1].over(default)
        return default

    def names(self) -> list[str]:
        """File names of all maps, the player's first."""
        return sorted(self._own) + sorted(self._shipped.keys() - self._own.keys())

    def _look(self) -> dict[str, tuple[Path, _Signature]]:
        found: dict[str, tuple[Path, _Signature]] = {}
        if self._directory is None:
            return found
        for path in sorted(self._directory.glob("[!.]*.toml")):  # hidden ones are editors' leavings
            with suppress(OSError):  # removed while we looked: then it is not there
                status = path.stat()
                found[path.name] = path, (status.st_mtime_ns, status.st_size)
        return found

    def _read(self, name: str, path: Path) -> bool:
        try:
            if path.stat().st_size > _MAX_FILE_BYTES:
                raise MapError(f"{name}: larger than {_MAX_FILE_BYTES} bytes, that is no controller map")
            parsed = ControllerMap.parse(path.read_text(encoding="utf-8"), name)
            if name != _DEFAULT and not parsed.ports:
                raise MapError(f'{name}: says for no controller; add [match] with port = "part of its name"')
        except (OSError, UnicodeDecodeError, MapError) as error:
            kept = "; the last good version stays in force" if name in self._own else ""
            text = str(error) if isinstance(error, MapError) else f"{name}: cannot be read: {error}"
            self._on_error(text + kept)
            return False
        self._own = {**self._own, name: parsed}
        return True


def _shipped_maps() -> dict[str, ControllerMap]:
    maps = {}
    for entry in resources.files("mappings").joinpath("maps").iterdir():
        if entry.name.endswith(".toml"):
            maps[entry.name] = ControllerMap.parse(entry.read_text(encoding="utf-8"), entry.name)
    return maps
