"""What is in a data set: counts, levels, decays, and the notes that should be looked at."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from synth_engine.datasets.finishing import to_float
from synth_engine.datasets.labels import FAMILIES, QUALITIES, SOURCES, SPLITS, Label
from synth_engine.datasets.parallel import run_all
from synth_engine.datasets.qualities import Measures, measure
from synth_engine.datasets.shards import Waves

ALIKE_DB = 0.2  # mean difference of two fingerprints that no ear tells apart
SILENT_DBFS = -50.0
_FLAT_FRAMES = 4
_TIMES, _BANDS = 16, 32
_RANGE_DB = 60.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Inspected:
    """One note, looked at.

    Attributes
    ----------
    index : int
        Its number in the data set.
    label : Label
        Its label.
    measures : Measures
        What is measured of it.
    digest : str
        Of its samples.
    is_flat : bool
        Whether its highest samples stand in rows of four or more: clipped, or a square wave.
    fingerprint : NDArray[np.float32], shape (512,)
        Its spectrum in 32 bands at 16 times, in dB, 60 dB deep.
    """

    index: int
    label: Label
    measures: Measures
    digest: str
    is_flat: bool
    fingerprint: NDArray[np.float32]

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"{self.index}: {self.label.instrument} {self.label.pitch}"


def inspect_notes(
    waves: Waves, labels: list[Label], chosen: Iterable[int], progress: Progress | None = None
) -> list[Inspected]:
    """Look at the chosen notes, on all cores."""

    def work(index: int) -> Inspected:
        note = waves[index]
        wave, label = to_float(note), labels[index]
        digest = hashlib.sha256(note.tobytes()).hexdigest()
        return Inspected(
            index, label, measure(wave, label.pitch), digest, has_flat_tops(note), fingerprint(wave)
        )

    indices = list(chosen)
    found = []
    with closing(run_all(work, indices, os.cpu_count() or 1)) as finished:
        for _, note in finished:
            found.append(note)
            if progress:
                progress(len(found), len(indices))
    return sorted(found, key=lambda note: note.index)


def has_flat_tops(note: NDArray[np.int16]) -> bool:
    """Whether four or more samples in a row stand at the note's highest value."""
    size = np.abs(note.astype(np.int32))
    top = size >= max(1, int(size.max(initial=0)) - 1)
    runs = np.lib.stride_tricks.sliding_window_view(top, _FLAT_FRAMES).all(axis=1)
    return bool(runs.any()) and bool(size.max() > 0)


def fingerprint(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """Spectrum of a note in 32 bands at 16 times, in dB below its loudest, shape (512,)."""
    parts = wave[: len(wave) // _TIMES * _TIMES].reshape(_TIMES, -1)
    power = np.abs(np.fft.rfft(parts * np.hanning(parts.shape[1]), axis=1)) ** 2
    edges = np.unique(np.geomspace(4, power.shape[1] - 1, _BANDS + 1).astype(int))
    bands = np.add.reduceat(power, edges[:-1], axis=1)
    levels = 10.0 * np.log10(bands / max(float(bands.max()), 1e-30) + 1e-12)
    return np.asarray(np.maximum(levels, -_RANGE_DB).ravel(), np.float32)


def alike(notes: list[Inspected]) -> tuple[list[list[Inspected]], list[list[Inspected]]]:
    """Return groups of notes with the same samples, and pairs of one pitch that sound the same."""
    by_digest: dict[str, list[Inspected]] = defaultdict(list)
    for note in notes:
        by_digest[note.digest].append(note)
    same = [group for group in by_digest.values() if len(group) > 1]
    pairs = []
    for pitch in sorted({note.label.pitch for note in notes}):
        group = [note for note in notes if note.label.pitch == pitch]
        prints = np.stack([note.fingerprint for note in group])
        distances = squareform(pdist(prints, "cityblock") / prints.shape[1])
        for first, second in zip(*np.nonzero(np.triu(distances < ALIKE_DB, 1)), strict=True):
            if group[first].digest != group[second].digest:
                pairs.append([group[first], group[second]])
    return same, pairs


def report(labels: list[Label], notes: list[Inspected]) -> dict[str, Any]:
    """Return all figures of a data set.

    Parameters
    ----------
    labels : list of Label
        Of all notes.
    notes : list of Inspected
        Those that were looked at.

    Returns
    -------
    dict
        `notes`, `instruments`, `counts` (of each label), `pitches` (by family), `measures` (percentiles),
        `silent`, `flat_tops`, `same_samples`, `sound_the_same`, `in_two_splits` (those of the last two that
        are in more than one split: what is tested with was heard in training).
    """
    same, pairs = alike(notes)
    leaks = [group for group in (*same, *pairs) if len({note.label.split for note in group}) > 1]
    silent = [n.name for n in notes if n.measures.rms_dbfs < SILENT_DBFS]
    return {
        "notes": len(labels),
        "inspected": len(notes),
        "hours": round(len(labels) * 4.0 / 3600.0, 2),
        "instruments": len({label.instrument for label in labels}),
        "counts": _counts(labels),
        "pitches": _coverage(labels),
        "measures": _percentiles(notes),
        "silent": silent,
        "flat_tops": [n.name for n in notes if n.is_flat],
        "same_samples": _names(same),
        "sound_the_same": _names(pairs),
        "in_two_splits": _names(leaks),
    }


def _names(groups: list[list[Inspected]]) -> list[list[str]]:
    return [[note.name for note in group] for group in groups]


def _counts(labels: list[Label]) -> dict[str, dict[str, int]]:
    counters = {
        "family": (Counter(label.family for label in labels), FAMILIES),
        "source": (Counter(label.source for label in labels), SOURCES),
        "quality": (Counter(quality for label in labels for quality in label.qualities), QUALITIES),
        "split": (Counter(label.split for label in labels), SPLITS),
        "velocity": (Counter(str(label.velocity) for label in labels), ()),
    }
    ordered = {}
    for kind, (counter, names) in counters.items():
        others = sorted(set(counter) - set(names))
        ordered[kind] = {name: counter[name] for name in (*names, *others)}
    return ordered


def _coverage(labels: list[Label]) -> dict[str, dict[str, int]]:
    """Lowest and highest pitch, pitches without a note between them, instruments: by family."""
    told = {}
    for family in sorted({label.family for label in labels}):
        own = [label for label in labels if label.family == family]
        pitches = {label.pitch for label in own}
        told[family] = {
            "lowest": min(pitches),
            "highest": max(pitches),
            "missing": max(pitches) - min(pitches) + 1 - len(pitches),
            "instruments": len({label.instrument for label in own}),
            "notes": len(own),
        }
    return told


def _percentiles(notes: list[Inspected]) -> dict[str, dict[str, float]]:
    table = [asdict(note.measures) for note in notes]
    return {
        name: {
            f"p{share}": round(float(np.percentile([row[name] for row in table], share)), 3)
            for share in (1, 10, 50, 90, 99)
        }
        for name in table[0]
    }


def to_text(figures: dict[str, Any]) -> str:
    """Return the figures as a text to be read."""
    lines = [
        f"{figures['notes']} notes ({figures['hours']} h), {figures['instruments']} instruments; "
        f"{figures['inspected']} inspected",
        "",
    ]
    for kind, counts in figures["counts"].items():
        told = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
        lines.append(f"{kind}: {told or 'none'}")
    lines += ["", f"{'family':<12}{'notes':>7}{'instr.':>8}  pitches"]
    for family, row in figures["pitches"].items():
        holes = f", {row['missing']} missing" if row["missing"] else ""
        pitches = f"{row['lowest']}-{row['highest']}{holes}"
        lines.append(f"{family:<12}{row['notes']:>7}{row['instruments']:>8}  {pitches}")
    lines += [
        "",
        f"{'measure':<16}" + "".join(f"{share:>10}" for share in ("1 %", "10 %", "50 %", "90 %", "99 %")),
    ]
    for name, row in figures["measures"].items():
        lines.append(f"{name:<16}" + "".join(f"{value:>10.2f}" for value in row.values()))
    lines.append("")
    for key, title in (
        ("silent", "silent (loudest 50 ms under -50 dBFS)"),
        ("flat_tops", "flat tops (clipped, or square waves)"),
        ("same_samples", "same samples"),
        ("sound_the_same", "sound the same (spectra within 0.2 dB)"),
        ("in_two_splits", "alike and in two splits (tested with, yet trained on)"),
    ):
        lines.append(f"{title}: {len(figures[key])}")
        for entry in figures[key][:20]:
            lines.append("  " + (entry if isinstance(entry, str) else " = ".join(entry)))
        if len(figures[key]) > 20:
            lines.append(f"  ... and {len(figures[key]) - 20} more, in report.json")
    return "\n".join(lines) + "\n"
