"""Pictures of a model: its notes beside the real ones, and the curve of its training.

python -m synth_engine.training.pictures --model MODEL --data DATA --run RUN --out FOLDER
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from synth_engine.datasets.shards import read_dataset
from synth_engine.generator.model import Model
from synth_engine.generator.model_folder import load_model
from synth_engine.generator.runtime import Entry, NoteRenderer
from synth_engine.generator.spectral import SAMPLE_RATE_HZ

SHOWN = (
    "violin",
    "grand_piano",
    "marimba",
    "choir_aahs",
    "trumpet",
    "flute",
    "clarinet",
    "nylon_guitar",
    "church_organ",
    "fingered_bass",
    "saw_lead",
    "glockenspiel",
)
_COLUMNS = 4
_WINDOW_FRAMES = 1024
_RANGE_DB = 80.0
_HIGHEST_HZ = 5_000.0


def level_db(wave: NDArray[np.floating]) -> NDArray[np.floating]:
    """Short-time spectrum of a note in dB below its own peak, shape (bins, frames), up to 5 kHz."""
    windows = np.lib.stride_tricks.sliding_window_view(wave, _WINDOW_FRAMES)[:: _WINDOW_FRAMES // 4]
    power = np.abs(np.fft.rfft(windows * np.hanning(_WINDOW_FRAMES), axis=1)) ** 2
    shown = power[:, : int(_HIGHEST_HZ * _WINDOW_FRAMES / SAMPLE_RATE_HZ)].T
    level: NDArray[np.floating] = 10.0 * np.log10(shown / shown.max() + 1e-12)
    return level


def draw_sheet(model: Model, data: Path, path: Path) -> None:
    """Draw a dozen generated notes, each under the real one.

    Raises
    ------
    FileNotFoundError
        If `data` holds no notes.
    """
    waves, labels = read_dataset(data)
    by_note = {(label.instrument, label.pitch): i for i, label in enumerate(labels)}
    entry, renderer = Entry(model), NoteRenderer(model)
    names = [name for name in SHOWN if name in model.anchors]
    rows = -(-len(names) // _COLUMNS)
    figure = Figure(figsize=(3.2 * _COLUMNS, 4.4 * rows), layout="constrained")
    axes = figure.subplots(2 * rows, _COLUMNS, squeeze=False)
    for place, name in enumerate(names):
        anchor = model.anchors[name]
        pitch = (anchor.lowest_pitch + anchor.highest_pitch) // 2
        real = waves[by_note[name, pitch]].astype(np.float32) / 32767.0
        pitches = np.array([float(pitch)])
        generated = renderer.waves(entry.activate(anchor.latent[None], pitches), pitches)
        for kind, wave in enumerate((real, generated[0])):
            axis = axes[2 * (place // _COLUMNS) + kind, place % _COLUMNS]
            extent = (0.0, len(wave) / SAMPLE_RATE_HZ, 0.0, _HIGHEST_HZ / 1000.0)
            axis.imshow(level_db(wave), origin="lower", aspect="auto", extent=extent, vmin=-_RANGE_DB, vmax=0)
            axis.set_title(f"{name} {pitch}, {('real', 'generated')[kind]}", fontsize=9)
            axis.set_ylabel("kHz", fontsize=8)
    figure.savefig(path, dpi=75)


def draw_curve(run: Path, path: Path) -> None:
    """Draw the training curve of a run.

    Raises
    ------
    FileNotFoundError
        If the run has none.
    """
    with (run / "curve.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    steps = [int(row["step"]) for row in rows]
    figure = Figure(figsize=(9.0, 3.4), layout="constrained")
    titles = {
        "magnitude": "magnitude (normalised log, L1)",
        "frequency": "frequency (half turns a frame, L1)",
        "divergence_nats": "divergence (nats an instrument)",
    }
    for axis, (key, title) in zip(figure.subplots(1, len(titles)), titles.items(), strict=True):
        axis.plot(steps, [float(row[key]) for row in rows], linewidth=1.0)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("step", fontsize=8)
        axis.grid(visible=True, alpha=0.3)
    figure.savefig(path, dpi=75)


def main() -> None:
    """Draw both pictures from the command line."""
    mpl.use("agg")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, required=True, help="model folder")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--run", type=Path, required=True, help="folder of the training run")
    parser.add_argument("--out", type=Path, required=True, help="folder for sheet.png and curve.png")
    options = parser.parse_args()
    draw_sheet(load_model(options.model), options.data, options.out / "sheet.png")
    draw_curve(options.run, options.out / "curve.png")


if __name__ == "__main__":
    main()
