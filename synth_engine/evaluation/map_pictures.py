"""The map of the latent space as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from synth_engine.datasets.labels import FAMILIES
from synth_engine.evaluation.space_map import PITCHES, RANDOM_FAMILY, SpaceMap
from synth_engine.offline.pictures import save_figure

_COLOURS = (
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b",
    "#e377c2", "#bcbd22", "#17becf", "#000000", "#f0b400",
)  # fmt: skip
_RANDOM_COLOUR = "#c8c8c8"


def draw_map(path: Path, found: SpaceMap) -> None:
    """Draw points by family (sound and plane) and single notes by family and by pitch.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    figure = Figure(figsize=(17.0, 15.0), layout="constrained")
    (sounds, plane), (families, pitches) = figure.subplots(2, 2)
    colours = [_colour(place.family) for place in found.places]
    _dots(sounds, found.sounds, colours, "points, by how they sound (t-SNE)")
    _dots(plane, found.plane, colours, "points, along directions 1 and 2 (sigma)")
    for axis, dots in ((sounds, found.sounds), (plane, found.plane)):
        _write_names(axis, found, dots)
    _dots(families, found.notes, list(np.repeat(colours, len(PITCHES))), "single notes (t-SNE), by family")
    picture = pitches.scatter(
        found.notes[:, 0], found.notes[:, 1], c=found.pitches, s=16, cmap="viridis", linewidths=0
    )
    pitches.set_title("single notes (t-SNE), by MIDI pitch", fontsize=11)
    figure.colorbar(picture, ax=pitches)
    for family in sorted({place.family for place in found.places}):
        sounds.scatter([], [], color=_colour(family), label=family)
    sounds.legend(fontsize=8, loc="lower left", ncols=2)
    save_figure(figure, path)


def _dots(axis: Axes, dots: NDArray[np.floating], colours: list[str], title: str) -> None:
    axis.scatter(dots[:, 0], dots[:, 1], c=colours, s=22, linewidths=0)
    axis.set_title(title, fontsize=11)


def _write_names(axis: Axes, found: SpaceMap, dots: NDArray[np.floating]) -> None:
    for place, (x, y) in zip(found.places, dots, strict=True):
        if place.family != RANDOM_FAMILY:
            axis.annotate(
                place.name, (x, y), fontsize=6.5, xytext=(3, 2), textcoords="offset points",
                color=_colour(place.family),
            )  # fmt: skip


def _colour(family: str) -> str:
    return _COLOURS[FAMILIES.index(family)] if family in FAMILIES else _RANDOM_COLOUR
