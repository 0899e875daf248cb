"""The presets a player can call: the shipped ones in their numbered order, then the player's own by name.

Files are read once; loading is a look-up, so that a program change costs the control thread nothing.

**Thread** control.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mappings.atomic_files import write_atomic
from mappings.catalogue import CATALOGUE
from mappings.documents import did_you_mean
from mappings.parameters import ParameterSpec
from mappings.preset_file import Preset, PresetError, checked_name, format_preset, parse_preset

__all__ = ["Preset", "PresetError", "PresetStore", "shipped_presets_dir"]

_UNSAFE = re.compile(r"[^\w \-]+")  # letters and digits of any script, _, space and - are kept
_FILE_NAME_CHARACTERS = 40  # at four bytes each, with generation and temporary suffixes, below 255


def shipped_presets_dir() -> Path:
    """The presets that come with the program."""
    return Path(__file__).with_name("presets")


@dataclass(frozen=True)
class _Entry:
    preset: Preset
    path: Path


class PresetStore:
    """Presets by name and number.

    A preset of the player with a shipped preset's name takes its place and its number. Names are one
    if they differ only in case.

    Parameters
    ----------
    shipped_dir : Path
        Presets that come with the program, never written; ordered by file name.
    user_dir : Path
        The player's presets; made when the first one is saved.
    catalogue : mapping
        Rows by path.

    Attributes
    ----------
    warnings : tuple of str
        One sentence for every file that could not be read, and for everything odd in those that could.
    """

    def __init__(
        self, shipped_dir: Path, user_dir: Path, catalogue: Mapping[str, ParameterSpec] = CATALOGUE
    ) -> None:
        self._shipped_dir = shipped_dir
        self._user_dir = user_dir
        self._catalogue = catalogue
        self._shipped: dict[str, _Entry] = {}  # by name, case folded; in the order of their files
        self._own: dict[str, _Entry] = {}
        self._broken: dict[str, str] = {}  # by file stem, case folded
        self.warnings: tuple[str, ...] = ()
        self.refresh()

    def refresh(self) -> None:
        """Read both directories again, for files that were put there by hand."""
        self._broken = {}
        notes: list[str] = []
        self._shipped = self._read_directory(self._shipped_dir, notes)
        self._own = self._read_directory(self._user_dir, notes)
        self.warnings = tuple(notes)

    def names(self) -> tuple[str, ...]:
        """Names in the order of their numbers, from 0."""
        return tuple(preset.name for preset in self._ordered())

    def load(self, name_or_number: str | int) -> Preset:
        """The preset of that name, or else of that number (from 0; digits as text will do).

        Raises
        ------
        PresetError
            If there is none, with the nearest name; or if its file is broken, with what is wrong.
        """
        text = str(name_or_number).strip()
        key = text.casefold()
        entry = self._own.get(key) or self._shipped.get(key)
        if entry is not None and not isinstance(name_or_number, int):
            return entry.preset
        if re.fullmatch(r"-?[0-9]{1,9}", text):
            return self._numbered(int(text))
        if key in self._broken:
            raise PresetError(self._broken[key])
        raise PresetError(f"no preset is called {text!r}{did_you_mean(text, self.names())}")

    def number(self, name: str) -> int:
        """The number of a preset. Raises PresetError if there is none of that name."""
        keys = [preset.name.casefold() for preset in self._ordered()]
        if name.strip().casefold() not in keys:
            raise PresetError(f"no preset is called {name!r}{did_you_mean(name, self.names())}")
        return keys.index(name.strip().casefold())

    def save(self, preset: Preset) -> Path:
        """Write a preset into the player's directory; the two contents before it are kept as generations.

        Saving under the name of a preset the player has replaces it, but keeps what was unknown in it,
        and its author and notes unless there are new ones.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        PresetError
            If the name will not do or the file cannot be written.
        """
        preset = replace(preset, name=checked_name(preset.name), warnings=())
        key = preset.name.casefold()
        old = self._own.get(key)
        if old is None:
            path = self._free_path(preset.name)
        else:
            path = old.path
            preset = replace(
                preset,
                author=preset.author or old.preset.author,
                notes=preset.notes or old.preset.notes,
                extra={**old.preset.extra, **preset.extra},
                unknown_parameters={**old.preset.unknown_parameters, **preset.unknown_parameters},
            )
        data = format_preset(preset)
        try:
            write_atomic(path, data)
        except OSError as error:
            raise PresetError(
                f"preset {preset.name!r} could not be written to {path}: {error.strerror}"
            ) from None
        self._own[key] = _Entry(parse_preset(data, self._catalogue), path)
        return path

    def _ordered(self) -> list[Preset]:
        shipped = [self._own.get(key, entry).preset for key, entry in self._shipped.items()]
        return shipped + [self._own[key].preset for key in sorted(self._own.keys() - self._shipped.keys())]

    def _numbered(self, number: int) -> Preset:
        presets = self._ordered()
        if not 0 <= number < len(presets):
            raise PresetError(f"no preset has number {number}, expected 0 to {len(presets) - 1}")
        return presets[number]

    def _free_path(self, name: str) -> Path:
        """A file inside the player's directory, not used by another preset, whatever the name holds."""
        safe = _UNSAFE.sub("_", name)[:_FILE_NAME_CHARACTERS].strip()
        path = self._user_dir / f"{safe}.json"
        if safe == name and not path.exists():
            return path
        mark = hashlib.sha256(name.casefold().encode()).hexdigest()[:8]
        return self._user_dir / f"{safe}-{mark}.json"

    def _read_directory(self, directory: Path, notes: list[str]) -> dict[str, _Entry]:
        entries: dict[str, _Entry] = {}
        for path in sorted(directory.glob("*.json")):
            try:
                preset = parse_preset(path.read_bytes(), self._catalogue)
            except (PresetError, OSError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                self._broken[path.stem.casefold()] = f"preset {path} cannot be read: {reason}"
                notes.append(self._broken[path.stem.casefold()])
                continue
            notes += [f"preset {path}: {warning}" for warning in preset.warnings]
            key = preset.name.casefold()
            if key in entries:
                notes.append(f"preset {path} has the same name as {entries[key].path} and is not used")
                continue
            entries[key] = _Entry(preset, path)
        return entries
