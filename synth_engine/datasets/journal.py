"""What has been done already: one line of JSON a piece of work, so that it can be interrupted and resumed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from synth_engine.datasets.shards import DatasetError


class Journal:
    """A file whose first line says how the work is done, and each further line one piece that is done.

    Parameters
    ----------
    path : Path
        The file; made if missing.
    options : dict
        How the work is done.

    Raises
    ------
    DatasetError
        If the work was begun with other options, or the file is no journal.
    """

    def __init__(self, path: Path, options: dict[str, Any]) -> None:
        self._path = path
        self.entries: list[dict[str, Any]] = []
        if path.exists():
            self._read(options)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._append(options)

    def add(self, entry: dict[str, Any]) -> None:
        """Write down a piece of work; it is on the disk when this returns."""
        self._append(entry)
        self.entries.append(entry)

    def _read(self, options: dict[str, Any]) -> None:
        whole, _, torn = self._path.read_text(encoding="utf-8").rpartition("\n")
        try:
            first, *rest = (json.loads(line) for line in whole.split("\n"))
        except ValueError:
            raise DatasetError(f"{self._path} is damaged: remove it to begin anew") from None
        for name, value in options.items():
            if first.get(name) != value:
                raise DatasetError(
                    f"{self._path.parent} was begun with {name} {first.get(name)}, not {value}: "
                    "choose another folder"
                )
        self.entries = rest
        if torn:  # the writer was killed within a line
            self._path.write_text(whole + "\n", encoding="utf-8")

    def _append(self, entry: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
