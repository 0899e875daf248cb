"""Draws the swept run, the control run and the knob below each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from tests.system.analysis.sweep import PIECE_S, Take, centroid_octaves

WINDOW = 2048


def draw_runs(swept: Take, control: Take, moves: Sequence[tuple[float, float]], path: Path) -> None:
    """Write a PNG of both spectrograms to 8 kHz, then knob and centroids over the score's time."""
    figure, axes = plt.subplots(
        3, 1, figsize=(14, 10), sharex=True, height_ratios=(3, 3, 2), layout="constrained"
    )
    for axis, take, title in ((axes[0], swept, "/pca/1 swept"), (axes[1], control, "control: knob still")):
        _spectrogram(axis, take)
        axis.set_title(title, loc="left")
        axis.set_ylabel("kHz")
    for take, label, colour in ((swept, "swept", "tab:red"), (control, "control", "tab:blue")):
        octaves = centroid_octaves(take)
        axes[2].plot(
            (np.arange(octaves.size) + 0.5) * PIECE_S, 2**octaves, colour, label=f"centroid, {label}", lw=1
        )
    axes[2].set_ylabel("centroid, Hz")
    axes[2].set_xlabel("seconds from the score's start")
    knob = axes[2].twinx()
    knob.step(*np.asarray(moves).T, where="post", color="0.4", label="/pca/1, sigma")
    knob.set_ylabel("/pca/1, sigma")
    axes[2].legend(loc="upper left", ncols=2)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _spectrogram(axis: plt.Axes, take: Take) -> None:
    size = take.mono.size // WINDOW * WINDOW
    blocks = take.mono[:size].reshape(-1, WINDOW) * np.hanning(WINDOW)
    levels_db = 20 * np.log10(np.abs(np.fft.rfft(blocks, axis=1)) + 1e-6)
    top = round(8000 * WINDOW / take.rate_hz)
    extent = (0.0, size / take.rate_hz, 0.0, 8.0)
    peak_db = levels_db.max()
    axis.imshow(
        levels_db[:, :top].T, origin="lower", aspect="auto", extent=extent,
        cmap="magma", vmin=peak_db - 80, vmax=peak_db, interpolation="nearest",
    )  # fmt: skip
