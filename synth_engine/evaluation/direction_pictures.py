"""Pictures of directions: what each changes, and notes on the way along it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pca_cache.describe import QUALITIES, Responses, agreements, effect_sizes
from pca_cache.labels import DirectionLabel
from synth_engine.evaluation.directions import Player
from synth_engine.evaluation.note_sets import Note
from synth_engine.offline.pictures import save_figure, write_sheet

_SHOWN_LEVELS = (-2.0, -1.0, 1.0, 2.0)
_LARGEST = 4.0  # of the colour scale, in clearly heard steps
_TITLE_CHARACTERS = 26


def draw_effects(
    path: Path, labels: Sequence[DirectionLabel], responses: Responses, random: Responses,
    signs: NDArray[np.float64],
) -> None:  # fmt: skip
    """Draw what every direction does to every quality from -2 to +2 sigma, and what random ones do.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    figure = Figure(figsize=(12.0, 0.36 * len(labels) + 2.0), layout="constrained")
    names = [f"{n}  {label.name}" for n, label in enumerate(labels, start=1)]
    panels = (
        ("directions", effect_sizes(responses.gaps()) * signs[:, None], agreements(responses.gaps()), names),
        ("random, as long", effect_sizes(random.gaps()), agreements(random.gaps()), [""] * len(names)),
    )
    for axis, (title, sizes, shares, rows) in zip(figure.subplots(1, 2), panels, strict=True):
        picture = axis.imshow(sizes, aspect="auto", cmap="RdBu_r", vmin=-_LARGEST, vmax=_LARGEST)
        axis.set_xticks(range(len(QUALITIES)), [q.grows for q in QUALITIES], rotation=60, fontsize=8)
        axis.set_yticks(range(len(rows)), rows, fontsize=8)
        axis.set_title(
            f"{title}: -2 to +2 sigma\nin clearly heard steps; share of points that agree", fontsize=9
        )
        for row, column in np.argwhere(np.abs(sizes) >= 0.5):
            axis.text(column, row, f"{100 * shares[row, column]:.0f}", ha="center", va="center", fontsize=6)
    figure.colorbar(picture, ax=figure.axes, shrink=0.6)
    save_figure(figure, path)


def draw_walks(
    path: Path, labels: Sequence[DirectionLabel], offsets: NDArray[np.float32], player: Player, note: Note
) -> None:
    """Draw one note at -2, -1, 1 and 2 sigma along each of the first sixteen directions.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    waves, titles = [], []
    for n, (label, offset) in enumerate(zip(labels, offsets, strict=True), start=1):
        for level in _SHOWN_LEVELS:
            waves.append(player.wave(note, offset * np.float32(level)))
            titles.append(f"{n} {label.name[:_TITLE_CHARACTERS]} {level:+g}")
    write_sheet(path, waves, titles)
