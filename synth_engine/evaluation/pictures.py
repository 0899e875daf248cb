"""Pictures of an evaluation: distances as bars, generated notes against real ones, sheets of spectrograms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synth_engine.evaluation.evaluation import ANCHORS, KNOWN, RANDOM, Evaluation
from synth_engine.evaluation.examination import Examined, Examiner
from synth_engine.evaluation.interpolation import POINTS
from synth_engine.offline.pictures import save_figure, write_sheet

_SHEET_NOTES = 12
_COLOURS = ("#7f7f7f", "#1f77b4", "#2ca02c", "#d62728")


def write_pictures(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Draw everything the evaluation has figures for.

    Returns
    -------
    list of Path
        Files written: `distances.png`, `against_real.png`, `paths.png`, `sheet_anchors.png` and
        `sheet_random.png`, as far as there is something to draw.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    found: Mapping[str, Any] = evaluation.figures
    if any("to_held_out" in row for row in found["sets"].values()):
        written.append(_draw_distances(found, folder / "distances.png"))
    pairs = _pairs(evaluation.sets)
    if pairs:
        written.append(_draw_against_real(pairs, folder / "against_real.png"))
    if "paths" in evaluation.sets:
        written.append(_draw_paths(evaluation.sets["paths"], folder / "paths.png"))
    for name, notes in _sheets(evaluation.sets, pairs).items():
        written.append(_write(evaluation.examiner, notes, folder / f"sheet_{name}.png"))
    return written


def _draw_distances(found: Mapping[str, Any], path: Path) -> Path:
    rows = {name: row for name, row in found["sets"].items() if "to_held_out" in row}
    figure = Figure(figsize=(10.0, 3.2), layout="constrained")
    values = {
        "Frechet distance to held-out notes": [row["to_held_out"]["frechet"] for row in rows.values()],
        "kernel distance to held-out notes": [row["to_held_out"]["kernel"] for row in rows.values()],
        "bins of 50 that differ": [row["different_bins"] for row in rows.values()],
    }
    for axis, (title, heights) in zip(figure.subplots(1, len(values)), values.items(), strict=True):
        axis.bar(list(rows), heights, color=_COLOURS[: len(rows)])
        axis.axhline(heights[0], color=_COLOURS[0], linewidth=1.0, linestyle="--")
        axis.set_title(f"{title}\n(dashed: real notes, the floor)", fontsize=9)
        axis.tick_params(labelsize=8)
    save_figure(figure, path)
    return path


def _pairs(sets: Mapping[str, Sequence[Examined]]) -> list[tuple[Examined, Examined]]:
    twins = {e.note.real: e for e in sets.get(KNOWN, [])}
    return [(e, twins[e.note.real]) for e in sets.get(ANCHORS, []) if e.note.real in twins]


def _draw_against_real(pairs: Sequence[tuple[Examined, Examined]], path: Path) -> Path:
    figure = Figure(figsize=(12.0, 3.6), layout="constrained")
    titles = {
        "onset_ms": "onset, ms", "noise_db": "level between the partials, dB",
        "flatness_db": "its flatness, dB", "brightness_octaves": "centroid, octaves above f0",
    }  # fmt: skip
    for axis, (name, title) in zip(figure.subplots(1, len(titles)), titles.items(), strict=True):
        real, generated = (
            np.array([getattr(pair[side].measures, name) for pair in pairs]) for side in (1, 0)
        )
        if name == "onset_ms":
            real, generated = np.maximum(real, 1.0), np.maximum(generated, 1.0)
            axis.set_xscale("log")
            axis.set_yscale("log")
        _scatter(axis, real, generated)
        axis.set_title(title, fontsize=9)
    figure.supxlabel("real note", fontsize=9)
    figure.supylabel("generated note", fontsize=9)
    save_figure(figure, path)
    return path


def _scatter(axis: Axes, real: np.ndarray, generated: np.ndarray) -> None:
    axis.scatter(real, generated, s=6, alpha=0.5, color=_COLOURS[1], linewidths=0)
    ends = [np.nanmin([real, generated]), np.nanmax([real, generated])]
    axis.plot(ends, ends, color=_COLOURS[0], linewidth=0.8)
    axis.tick_params(labelsize=8)


def _draw_paths(notes: Sequence[Examined], path: Path) -> Path:
    """The step along every path; a jump stands out."""
    images = np.stack([e.image for e in notes]).reshape(-1, POINTS, *notes[0].image.shape)
    steps = np.sqrt(np.square(np.diff(images, axis=1)).mean(axis=(2, 3)))
    figure = Figure(figsize=(7.0, 5.0), layout="constrained")
    axis = figure.subplots()
    picture = axis.imshow(steps, aspect="auto", cmap="viridis", vmin=0.0)
    names = [notes[n * POINTS].note.group.partition(": ")[2] for n in range(len(steps))]
    axis.set_yticks(range(len(names)), names, fontsize=7)
    axis.set_xlabel("step", fontsize=8)
    axis.set_title("spectral step along arcs between anchors, dB", fontsize=9)
    figure.colorbar(picture)
    save_figure(figure, path)
    return path


def _sheets(
    sets: Mapping[str, Sequence[Examined]], pairs: Sequence[tuple[Examined, Examined]]
) -> dict[str, list[Examined]]:
    """A dozen notes a sheet: anchors beside the same real notes, and random points."""
    sheets = {"random": [sets[RANDOM][n] for n in _spread(len(sets[RANDOM]))]}
    if pairs:
        sheets["anchors"] = [pairs[n][side] for n in _spread(len(pairs)) for side in (1, 0)]
    return sheets


def _spread(count: int) -> list[int]:
    return sorted({round(n) for n in np.linspace(0, count - 1, min(count, _SHEET_NOTES))})


def _write(examiner: Examiner, notes: Sequence[Examined], path: Path) -> Path:
    waves = [examiner.wave(e.note) for e in notes]
    kinds = ["real" if e.note.latent is None else "generated" for e in notes]
    titles = [f"{e.note.group} {e.note.pitch}, {kind}" for e, kind in zip(notes, kinds, strict=True)]
    write_sheet(path, waves, titles)
    return path
