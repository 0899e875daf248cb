"""From judged notes to figures: what is right, how far from real, how alike each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from synth_engine.evaluation import distances
from synth_engine.evaluation.examination import Examined
from synth_engine.evaluation.judges import SILENCE_DBFS

BINS = 50  # k of Richardson and Weiss, and of the GANSynth paper
Figures = dict[str, object]

_KEPT_DECIMALS = 4


def hearing_figures(notes: Sequence[Examined], judge: str) -> Figures:
    """Count right pitches of one judge.

    Returns
    -------
    dict
        `right` and `right_class` (octave slips forgiven): shares 0..1; `entropy_nats`: mean; `wrong`: up to
        twenty of [group, pitch, pitch heard].
    """
    heard = [(e.note, e.hearings[judge]) for e in notes]
    wrong = [[note.group, note.pitch, h.pitch] for note, h in heard if h.pitch != note.pitch]
    classes = [h.pitch is not None and (h.pitch - note.pitch) % 12 == 0 for note, h in heard]
    return {
        "right": _rounded(1.0 - len(wrong) / len(notes)),
        "right_class": _rounded(np.mean(classes)),
        "entropy_nats": _rounded(np.mean([h.entropy_nats for _, h in heard])),
        "wrong": wrong[:20],
    }


def silent(notes: Sequence[Examined]) -> int:
    """How many notes are not there at all."""
    return sum(e.level_dbfs < SILENCE_DBFS for e in notes)


def distance_figures(notes: Sequence[Examined], reference: Sequence[Examined]) -> Figures:
    """Frechet and kernel distance in musicnn's space, of as many notes of each (the first ones)."""
    count = min(len(notes), len(reference))
    first, second = features_of(notes[:count]), features_of(reference[:count])
    return {
        "notes_each": count,
        "frechet": _rounded(distances.frechet_distance(first, second)),
        "kernel": _rounded(distances.kernel_distance(first, second), 5),
    }


def diversity_figures(notes: Sequence[Examined], others: Sequence[Examined]) -> Figures:
    """How unlike each other the notes are, and whether they are copies, in musicnn's space.

    Returns
    -------
    dict
        `all`, `within`, `across`: mean distance of pairs, of one group or of two. `nearest_own`: median
        distance to the nearest note of the set (0: collapsed); `nearest_real`: to the nearest of `others`.
    """
    names = {name: n for n, name in enumerate(sorted({e.note.group for e in notes}))}
    groups = np.array([names[e.note.group] for e in notes])
    features = features_of(notes)
    figures: Figures = {
        name: _rounded(value) for name, value in distances.mean_pairwise(features, groups).items()
    }
    figures["nearest_own"] = _rounded(np.median(distances.nearest_distances(features)))
    if others:
        nearest = distances.nearest_distances(features, features_of(others))
        figures["nearest_real"] = _rounded(np.median(nearest))
    return figures


class Bins:
    """Fifty kinds of real notes: k-means on log-mel pictures of the reference.

    Parameters
    ----------
    reference : sequence of Examined
        Real notes, more than `BINS`.
    seed : int
        Of the first centres (k-means++), four tries.

    Source: Richardson and Weiss, On GANs and GMMs (NeurIPS 2018); in log-spectrogram space as in
    Engel et al., GANSynth (ICLR 2019).
    """

    def __init__(self, reference: Sequence[Examined], seed: int) -> None:
        self._means = KMeans(BINS, n_init=4, random_state=seed).fit(images_of(reference))

    def of(self, notes: Sequence[Examined]) -> NDArray[np.int64]:
        """The bin of each note, int64 (notes,)."""
        return np.asarray(self._means.predict(images_of(notes)), np.int64)


def different_bins(real: NDArray[np.int64], notes: NDArray[np.int64]) -> int:
    """Bins that hold significantly more or fewer of the notes than of the real ones (NDB)."""
    return distances.different_bins(real, notes, BINS)


def difference_figures(generated: Sequence[Examined], real: Sequence[Examined]) -> Figures:
    """Compare every generated note with the real one it imitates.

    Returns
    -------
    dict
        For every measure: `median_error` (of the absolute difference) and `bias` (median of generated less
        real); and `image_db`, the root mean square difference of the pictures, median over notes.
    """
    if not generated:
        return {}
    figures: Figures = {"notes": len(generated)}
    ours, theirs = ([asdict(e.measures) for e in notes] for notes in (generated, real))
    for name in ours[0]:
        gap = np.array([a[name] for a in ours]) - np.array([b[name] for b in theirs])
        gap = gap[np.isfinite(gap)]
        if gap.size:
            figures[name] = {
                "median_error": _rounded(np.median(np.abs(gap)), 2),
                "bias": _rounded(np.median(gap), 2),
                "quartiles": [_rounded(q, 2) for q in np.percentile(gap, (25, 75))],
            }
    pictures = [np.sqrt(np.square(a.image - b.image).mean()) for a, b in zip(generated, real, strict=True)]
    figures["image_db"] = _rounded(np.median(pictures), 2)
    return figures


def features_of(notes: Sequence[Examined]) -> NDArray[np.float32]:
    """What musicnn made of the notes, shape (notes, 200)."""
    return np.stack([e.features for e in notes if e.features is not None])


def images_of(notes: Sequence[Examined]) -> NDArray[np.float32]:
    """The pictures, one a row."""
    return np.stack([e.image.ravel() for e in notes])


def _rounded(value: float | np.floating, decimals: int = _KEPT_DECIMALS) -> float:
    return round(float(value), decimals)
