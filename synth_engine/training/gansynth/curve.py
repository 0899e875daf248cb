"""The learning curve of a run: a CSV file with a header, one row every so many images."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from mappings.atomic_files import write_atomic

NAME = "curve.csv"


class Curve:
    """Means of the loss terms since the last row; a resumed run's file is as an uninterrupted one's.

    Parameters
    ----------
    folder : Path
        Of the run.
    images : int
        Real notes seen at the start; later rows, of a run that was killed, are taken out.
    unreported : mapping
        Sums of terms since the last row, and how many "steps" they hold.
    """

    def __init__(self, folder: Path, images: int, unreported: Mapping[str, float]) -> None:
        self._path = folder / NAME
        self._sums = dict(unreported)
        self._forget_after(images)

    @property
    def unreported(self) -> dict[str, float]:
        """Sums of terms since the last row, and how many "steps" they hold."""
        return dict(self._sums)

    def add(self, terms: Mapping[str, float]) -> None:
        """Count one step's terms."""
        for name, term in {**terms, "steps": 1.0}.items():
            self._sums[name] = self._sums.get(name, 0.0) + term

    def write_row(self, images: int, progress: float, elapsed_s: float) -> dict[str, float]:
        """Write the means as a row, columns in alphabetical order, and begin anew; returns them."""
        steps = self._sums.pop("steps", 0.0)
        means = {name: self._sums[name] / max(steps, 1.0) for name in sorted(self._sums)}
        self._sums = {}
        is_new = not self._path.exists()
        with self._path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(["images", "progress", "elapsed_s", *means])
            writer.writerow([images, f"{progress:.4f}", f"{elapsed_s:.1f}", *map(repr, means.values())])
        return means

    def _forget_after(self, images: int) -> None:
        if not self._path.exists():
            return
        with self._path.open(newline="", encoding="utf-8") as file:
            header, *rows = list(csv.reader(file)) or [[]]
        kept = StringIO()
        writer = csv.writer(kept)
        whole = [row for row in rows if len(row) == len(header) and int(row[0]) <= images]
        writer.writerows([header, *whole] if header and whole else [])
        if whole:
            write_atomic(self._path, kept.getvalue().encode(), generations=0)
        else:
            self._path.unlink()
