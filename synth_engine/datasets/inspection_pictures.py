"""Pictures of a data set: levels and decays, pitch coverage, examples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from synth_engine.datasets.finishing import to_float
from synth_engine.datasets.inspection import Inspected
from synth_engine.datasets.labels import FAMILIES, Label
from synth_engine.datasets.shards import Waves
from synth_engine.offline.pictures import save_figure, write_sheet

_EXAMPLES = 24


def draw_measures(notes: list[Inspected], path: Path) -> None:
    """Draw how loudness, decay, release, attack and brightness are spread."""
    figure = Figure(figsize=(11.0, 6.4), layout="constrained")
    axes = figure.subplots(2, 3)
    panels = (
        ("peak_dbfs", "peak (dBFS)", (-60.0, 0.0)),
        ("rms_dbfs", "loudest 50 ms (dBFS)", (-60.0, 0.0)),
        ("brightness_db", "brightness (dB, 0 is usual)", (-50.0, 30.0)),
        ("held_db", "level at 3 s (dB of the loudest)", (-110.0, 2.0)),
        ("tail_db", "level at 4 s (dB of the loudest)", (-110.0, 2.0)),
        ("attack_ms", "attack (ms)", (0.0, 1000.0)),
    )
    for axis, (name, title, span) in zip(axes.flat, panels, strict=True):
        values = np.array([getattr(note.measures, name) for note in notes])
        axis.hist(np.clip(values, *span), bins=60, range=span, color="#3b6ea5")
        axis.axvline(float(np.clip(np.median(values), *span)), color="#c03a2b", linewidth=1.2)
        axis.set_title(f"{title}, median {np.median(values):.3g}", fontsize=9)
        axis.set_ylabel("notes", fontsize=8)
        axis.tick_params(labelsize=8)
    save_figure(figure, path)


def draw_coverage(labels: list[Label], path: Path) -> None:
    """Draw how many notes of each pitch each family has, and how fast the families decay."""
    families = [name for name in FAMILIES if any(label.family == name for label in labels)]
    families += sorted({label.family for label in labels} - set(families))
    lowest = min(label.pitch for label in labels)
    counts = np.zeros((len(families), max(label.pitch for label in labels) - lowest + 1))
    for label in labels:
        counts[families.index(label.family), label.pitch - lowest] += 1
    figure = Figure(figsize=(11.0, 1.6 + 0.32 * len(families)), layout="constrained")
    axis = figure.subplots()
    shown = np.where(counts > 0, counts, np.nan)
    extent = (lowest - 0.5, lowest + counts.shape[1] - 0.5, len(families) - 0.5, -0.5)
    image = axis.imshow(shown, aspect="auto", extent=extent, cmap="viridis", interpolation="nearest")
    axis.set_yticks(range(len(families)), families, fontsize=8)
    axis.set_xlabel("MIDI pitch (white: no note)", fontsize=9)
    figure.colorbar(image, ax=axis, label="notes")
    save_figure(figure, path)


def draw_families(notes: list[Inspected], path: Path) -> None:
    """Draw attack and decay of each family as boxes (half the notes, whiskers: 5 to 95 %)."""
    families = sorted({note.label.family for note in notes})
    figure = Figure(figsize=(11.0, 1.4 + 0.34 * len(families)), layout="constrained")
    panels = (("attack_ms", "attack (ms)"), ("held_db", "level at 3 s (dB of the loudest)"))
    for axis, (name, title) in zip(figure.subplots(1, 2, sharey=True), panels, strict=True):
        values = [
            [getattr(n.measures, name) for n in notes if n.label.family == family] for family in families
        ]
        axis.boxplot(values, orientation="horizontal", whis=(5, 95), showfliers=False)
        axis.set_yticks(range(1, len(families) + 1), families, fontsize=8)
        axis.set_title(title, fontsize=9)
        axis.grid(visible=True, axis="x", alpha=0.3)
    figure.axes[0].set_xscale("symlog", linthresh=10.0)
    figure.axes[0].set_xlim(left=-1.0)
    figure.axes[1].set_xlim(-80.0, 3.0)
    save_figure(figure, path)


def draw_examples(waves: Waves, labels: list[Label], path: Path, seed: int = 0) -> None:
    """Draw spectrograms of up to 24 notes, from all families in turn."""
    rng = np.random.default_rng(seed)
    queues = [
        list(rng.permutation([i for i, label in enumerate(labels) if label.family == family]))
        for family in sorted({label.family for label in labels})
    ]
    chosen: list[int] = []
    while len(chosen) < min(_EXAMPLES, len(labels)):
        chosen += [int(queue.pop()) for queue in queues if queue]
    chosen = sorted(chosen[:_EXAMPLES], key=lambda i: (labels[i].family, labels[i].pitch))
    titles = [f"{labels[i].instrument} {labels[i].pitch}" for i in chosen]
    write_sheet(path, [to_float(waves[i]) for i in chosen], titles)
