"""Sheets of spectrograms, to see many notes at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mappings.atomic_files import write_atomic

_COLUMNS = 4
_WINDOW_S = 0.128
_HOP_S = 0.016
_LOWEST_HZ, _HIGHEST_HZ = 30.0, 8_000.0
_ROWS = 256
_RANGE_DB = 80.0
_MOST_NOTES = 64  # of one sheet; more would be too small to read
_TICKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000)


def level_db(wave: NDArray[np.floating], rate_hz: int) -> NDArray[np.float64]:
    """Short-time spectrum in dB below its own peak, shape (256, times), 30 Hz to 8 kHz in equal ratios."""
    size, hop = round(_WINDOW_S * rate_hz), round(_HOP_S * rate_hz)
    padded = np.pad(np.asarray(wave, np.float64), (size // 2, size))
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop] * np.hanning(size)
    power = np.abs(np.fft.rfft(windows, axis=1)) ** 2
    edges = np.geomspace(_LOWEST_HZ, min(_HIGHEST_HZ, rate_hz / 2), _ROWS + 1) * size / rate_hz
    rows = np.array(
        [power[:, round(low) : max(round(high), round(low) + 1)].max(axis=1) for low, high in pairwise(edges)]
    )
    level: NDArray[np.float64] = 10.0 * np.log10(rows / max(float(rows.max()), 1e-30) + 1e-12)
    return level


def draw_level(axis: Axes, wave: NDArray[np.floating], rate_hz: int) -> None:
    """Draw one spectrogram, log frequency, 80 dB deep."""
    top_hz = min(_HIGHEST_HZ, rate_hz / 2)
    octaves = np.log2([_LOWEST_HZ, top_hz])
    extent = (0.0, len(wave) / rate_hz, *octaves)
    axis.imshow(
        level_db(wave, rate_hz), origin="lower", aspect="auto", extent=extent, vmin=-_RANGE_DB, vmax=0.0,
        cmap="magma",
    )  # fmt: skip
    ticks = [hz for hz in _TICKS_HZ if hz < top_hz]
    axis.set_yticks(np.log2(ticks), [f"{hz // 1000}k" if hz >= 1000 else str(hz) for hz in ticks], fontsize=7)
    axis.tick_params(axis="x", labelsize=7)


def write_sheet(
    path: Path, notes: Sequence[NDArray[np.floating]], titles: Sequence[str], rate_hz: int = 16_000
) -> None:
    """Write a PNG with one spectrogram a note (the first 64), time to the right, frequency up.

    Parameters
    ----------
    path : Path
        File to write; whole or not at all.
    notes : sequence of NDArray[np.floating], each of shape (frames,)
        One or more waves.
    titles : sequence of str
        One a note.
    rate_hz : int
        Sample rate of the waves.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    shown = list(zip(notes, titles, strict=True))[:_MOST_NOTES]
    columns = min(_COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(3.0 * columns + 0.5, 2.2 * rows + 0.5))
    # Measuring every label for an exact layout would take longer than rendering the notes.
    width_in, height_in = figure.get_size_inches()
    figure.subplots_adjust(
        0.55 / width_in, 0.45 / height_in, 1 - 0.1 / width_in, 1 - 0.3 / height_in, 0.06, 0.25
    )
    grid = figure.subplots(rows, columns, squeeze=False)
    for number, (wave, title) in enumerate(shown):
        axis = grid[number // columns, number % columns]
        draw_level(axis, wave, rate_hz)
        axis.set_title(title, fontsize=8, pad=3)
        axis.tick_params(labelleft=number % columns == 0, labelbottom=number + columns >= len(shown))
    for axis in grid.flat[len(shown) :]:
        axis.set_visible(False)
    figure.supxlabel("s", fontsize=8, y=0.08 / height_in, va="bottom")
    figure.supylabel("Hz", fontsize=8, x=0.08 / width_in, ha="left")
    save_figure(figure, path)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    content = BytesIO()
    figure.savefig(content, format="png", dpi=90)
    write_atomic(path, content.getvalue(), generations=0)
