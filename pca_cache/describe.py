"""From what notes do along a direction to its name, safe range and sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pca_cache.labels import DirectionLabel

FloatArray = NDArray[np.floating]

DETUNED_CENTS = 10.0
_SILENT_DBFS = -50.0  # of the loudest 50 ms; the network's notes run from -20 to 0
_SILENT_SHARE = 0.1  # of the points
_AGREEMENT = 0.75  # of the points must go the same way for a name
_NAMED_SIGMA = 2.0  # a name says what happens from -2 to +2 sigma
_WORDS = 2  # a name has two words at most
_RANDOM_SHARE = 0.95  # of the random directions are to be beaten


@dataclass(frozen=True)
class Quality:
    """Something a direction may change.

    Attributes
    ----------
    key : str
        As measured.
    grows, shrinks : str
        What a player hears when it grows or shrinks.
    step : float
        A change that is clearly heard, in the measure's unit.
    """

    key: str
    grows: str
    shrinks: str
    step: float


QUALITIES = (
    Quality("brightness_octaves", "brighter", "darker", 0.2),
    Quality("attack_octaves", "softer attack", "harder attack", 1.0),
    Quality("sustain_db", "longer", "shorter", 4.0),
    Quality("release_db", "longer release", "shorter release", 10.0),
    Quality("noise_db", "noisier", "purer", 4.0),
    Quality("stretch_cents", "stretched", "unstretched", 12.0),
    Quality("tremolo_db", "trembling", "steady", 0.8),
    Quality("loudness_db", "denser", "thinner", 2.0),
)


@dataclass(frozen=True)
class Responses:
    """What notes did along directions.

    Attributes
    ----------
    levels : NDArray[np.floating], shape (levels,)
        Coordinates in sigma, ascending, with -2, 0 and 2 among them.
    qualities : NDArray[np.floating], shape (directions, levels, points, qualities)
        In the order of `QUALITIES`; NaN where a measure does not apply.
    cents : NDArray[np.floating], shape (directions, levels, points)
        How far the note lies above its key.
    levels_dbfs : NDArray[np.floating], shape (directions, levels, points)
        Loudest 50 ms as the network made it.
    change_db : NDArray[np.floating], shape (directions, points)
        Spectral change from -2 to +2 sigma.
    """

    levels: FloatArray
    qualities: FloatArray
    cents: FloatArray
    levels_dbfs: FloatArray
    change_db: FloatArray

    def gaps(self) -> FloatArray:
        """Change of every quality from -2 to +2 sigma, shape (directions, points, qualities)."""
        low, high = (int(np.argmin(np.abs(self.levels - s))) for s in (-_NAMED_SIGMA, _NAMED_SIGMA))
        return np.asarray(self.qualities[:, high] - self.qualities[:, low])


def effect_sizes(gaps: FloatArray) -> FloatArray:
    """How much and how alike every quality moves, shape (directions, qualities).

    The median change in steps that are clearly heard, times how far its sign is agreed on (0 for half the
    points against the other half, 1 for all of them).
    """
    steps = np.array([quality.step for quality in QUALITIES])
    median, agreement = _median(gaps), agreements(gaps)
    sizes: FloatArray = median / steps * np.maximum(0.0, 2.0 * agreement - 1.0)
    return sizes


def agreements(gaps: FloatArray) -> FloatArray:
    """Share of the points at which a quality moves the way its median does, shape (directions, qualities)."""
    known = np.isfinite(gaps)
    same = (np.sign(gaps) == np.sign(_median(gaps))[:, None]) & known
    shares: FloatArray = same.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.where(known.sum(axis=1) * 2 >= gaps.shape[1], shares, 0.0)  # too few points say nothing


def describe(responses: Responses, random: Responses) -> tuple[list[DirectionLabel], NDArray[np.float64]]:
    """Name directions.

    Parameters
    ----------
    responses : Responses
        Of the directions, strongest first.
    random : Responses
        Of random directions, as many and each as long as its counterpart.

    Returns
    -------
    labels : list of DirectionLabel
        As they are once every direction has been multiplied with its sign.
    signs : NDArray[np.float64], shape (directions,)
        1 or -1: with it the named quality grows; 1 where there is none.
    """
    gaps, random_gaps = responses.gaps(), random.gaps()
    sizes, shares = effect_sizes(gaps), agreements(gaps)
    chance = np.quantile(np.abs(effect_sizes(random_gaps)).max(axis=1), _RANDOM_SHARE)
    change, random_change = np.median(responses.change_db, axis=1), np.median(random.change_db, axis=1)
    labels: list[DirectionLabel] = []
    signs = np.ones(len(sizes))
    for n, size in enumerate(sizes):
        order = [int(q) for q in np.argsort(-np.abs(size)) if _is_heard(size[q], shares[n, q])][:_WORDS]
        best = order[0] if order else int(np.argmax(np.abs(size)))
        signs[n] = -1.0 if order and size[best] < 0 else 1.0
        low, high, drift = safe_range(responses, n)
        if signs[n] < 0:
            low, high = -high, -low
        labels.append(
            DirectionLabel(
                name=_unique(_words(signs[n] * size, order), n, [label.name for label in labels]),
                lowest_sigma=low,
                highest_sigma=high,
                drift_cents=round(drift, 1),
                agreement=round(float(shares[n, best]), 3),
                change_db=round(float(change[n]), 2),
                beats_random=bool(order and abs(size[best]) > chance and change[n] > random_change[n]),
                effects=_effects(signs[n] * _median(gaps)[n]),
            )
        )
    return labels, signs


def safe_range(responses: Responses, direction: int) -> tuple[float, float, float]:
    """How far a direction may be followed both ways.

    Returns
    -------
    low, high : float
        The outermost measured coordinates up to which no more than a tenth of the points fall silent and
        the median change of pitch stays within 10 cents.
    drift_cents : float
        The largest median change of pitch inside.
    """
    levels = responses.levels
    zero = int(np.argmin(np.abs(levels)))
    drifts = _median(np.abs(responses.cents[direction] - responses.cents[direction, zero])[..., None])[:, 0]
    silent = (responses.levels_dbfs[direction] < _SILENT_DBFS).mean(axis=1)
    safe = (drifts <= DETUNED_CENTS) & (silent <= _SILENT_SHARE)
    low = high = zero
    while low > 0 and safe[low - 1]:
        low -= 1
    while high < len(levels) - 1 and safe[high + 1]:
        high += 1
    return float(levels[low]), float(levels[high]), float(drifts[low : high + 1].max())


def detunes(responses: Responses) -> NDArray[np.bool_]:
    """Which directions move the pitch by more than 10 cents (median) anywhere between -2 and 2 sigma."""
    zero = int(np.argmin(np.abs(responses.levels)))
    near = np.abs(responses.levels) <= _NAMED_SIGMA
    drift = np.abs(responses.cents - responses.cents[:, zero : zero + 1])[:, near]
    return np.asarray(np.nanmedian(drift, axis=2).max(axis=1) > DETUNED_CENTS)


def without_pitch(components: FloatArray, pitch_means: FloatArray, count: int) -> NDArray[np.float32]:
    """Take out of directions what moves the activation from one pitch's mean to another's.

    Parameters
    ----------
    components : NDArray[np.floating], shape (directions, ...)
        Unit length.
    pitch_means : NDArray[np.floating], shape (pitches, ...)
        Mean activation of neighbouring pitches.
    count : int
        How many ways between pitches to take out: the strongest of the steps from each to the next.

    Returns
    -------
    NDArray[np.float32], shape (directions, ...)
        Unit length; nearly at right angles to each other as before.
    """
    flat = np.asarray(components, np.float64).reshape(len(components), -1)
    steps = np.diff(np.asarray(pitch_means, np.float64).reshape(len(pitch_means), -1), axis=0)
    ways = np.linalg.svd(steps, full_matrices=False)[2][:count]
    left = flat - flat @ ways.T @ ways
    left /= np.linalg.norm(left, axis=1, keepdims=True)
    shaped: NDArray[np.float32] = left.reshape(components.shape).astype(np.float32)
    return shaped


def _is_heard(size: float, agreement: float) -> bool:
    return bool(abs(size) >= max(0.0, 2.0 * _AGREEMENT - 1.0) and agreement >= _AGREEMENT)


def _words(size: FloatArray, order: Sequence[int]) -> str:
    return ", ".join(QUALITIES[q].grows if size[q] > 0 else QUALITIES[q].shrinks for q in order)


def _unique(name: str, place: int, taken: Sequence[str]) -> str:
    name = name or f"timbre {place + 1}"
    again = sum(other == name or other.startswith(f"{name} ") for other in taken)
    return f"{name} {again + 1}" if again else name


def _effects(medians: FloatArray) -> dict[str, float]:
    pairs = zip(QUALITIES, medians, strict=True)
    return {quality.key: round(float(value), 3) for quality, value in pairs if np.isfinite(value)}


def _median(values: FloatArray) -> FloatArray:
    """Median over the points (the last axis but one), 0 where none applies."""
    known = np.isfinite(values)
    filled = np.where(known.any(axis=-2, keepdims=True), values, 0.0)
    medians: FloatArray = np.nanmedian(filled, axis=-2)
    return medians
