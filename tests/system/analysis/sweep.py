"""Whether the spectrum follows a knob: a run with a sweep against a run of the same music without.

Both recordings are cut into the same pieces of the score and their band levels subtracted, so that the
music cancels and the knob remains. Half of the pieces teach a linear reader to tell the knob's position
from that difference; the other half is the examination.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PIECE_S = 0.25
BANDS = 32
LOWEST_HZ, HIGHEST_HZ = 60.0, 7500.0
LAGS_S = tuple(np.arange(0.0, 2.01, 0.125))  # a timbre must be rendered before it can sound
RIDGE = 30.0


@dataclass(frozen=True)
class Take:
    """A recording of a score: mono float32 from the score's start on, at ``rate_hz``."""

    mono: NDArray[np.float32]
    rate_hz: int


@dataclass(frozen=True)
class Following:
    """How well the spectrum followed.

    Attributes
    ----------
    read_correlation : between the knob and what the reader says of pieces it did not learn from.
    chance_correlation : 95th percentile of the same for knobs shuffled in runs of two seconds.
    centroid_correlation : of the knob with the difference of the centroids in octaves, signed.
    lag_s : of the spectrum behind the knob.
    change_db : root mean square of the band differences.
    """

    read_correlation: float
    chance_correlation: float
    centroid_correlation: float
    lag_s: float
    change_db: float


def band_levels_db(take: Take) -> NDArray[np.float64]:
    """Level in each band of each piece, (pieces, bands), from -80 dB below the loudest."""
    size = round(PIECE_S * take.rate_hz)
    pieces = take.mono[: take.mono.size // size * size].reshape(-1, size) * np.hanning(size)
    frequencies = np.fft.rfftfreq(size, 1 / take.rate_hz)
    edges = np.geomspace(LOWEST_HZ, HIGHEST_HZ, BANDS + 1)
    members = (frequencies[:, None] >= edges[:-1]) & (frequencies[:, None] < edges[1:])
    power = (np.abs(np.fft.rfft(pieces, axis=1)) ** 2) @ members.astype(np.float64)
    return 10 * np.log10(power + power.max() * 1e-8 + 1e-20)


def centroid_octaves(take: Take) -> NDArray[np.float64]:
    """Centre of gravity of each piece's spectrum, log2 of Hz."""
    power = 10 ** (band_levels_db(take) / 10)
    centres = np.log2(np.geomspace(LOWEST_HZ, HIGHEST_HZ, 2 * BANDS + 1)[1::2])
    weights = np.sqrt(power)
    return np.asarray((weights * centres).sum(axis=1) / weights.sum(axis=1))


def _read(features: NDArray[np.float64], knob: NDArray[np.float64]) -> float:
    """Correlation of the knob with a ridge regression from the features, examined where it did not learn."""
    half = knob.size // 2
    correlations = []
    for learn, examine in ((slice(0, half), slice(half, None)), (slice(half, None), slice(0, half))):
        centre, middle = features[learn].mean(axis=0), knob[learn].mean()
        learnt = features[learn] - centre
        gram = learnt.T @ learnt + RIDGE * np.eye(features.shape[1]) * learnt.var()
        weights = np.linalg.solve(gram, learnt.T @ (knob[learn] - middle))
        correlations.append(_correlation((features[examine] - centre) @ weights, knob[examine]))
    return float(np.mean(correlations))


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    spread = float(a.std() * b.std())
    return float(((a - a.mean()) * (b - b.mean())).mean() / spread) if spread > 0 else 0.0


def knob_at(times_s: NDArray[np.float64], moves: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """The knob's position at each time, given its moves as (seconds, value)."""
    at, values = np.asarray(moves).T
    index = np.searchsorted(at, times_s, side="right") - 1
    return np.where(index < 0, 0.0, values[np.maximum(index, 0)])


def measure_following(swept: Take, control: Take, moves: Sequence[tuple[float, float]]) -> Following:
    """Compare two takes of the same score; ``moves`` count seconds from the score's start."""
    count = min(band_levels_db(swept).shape[0], band_levels_db(control).shape[0])
    change = band_levels_db(swept)[:count] - band_levels_db(control)[:count]
    middles_s = (np.arange(count) + 0.5) * PIECE_S
    knobs = {lag_s: knob_at(middles_s - lag_s, moves) for lag_s in LAGS_S}
    reads = {lag_s: _read(change, knob) for lag_s, knob in knobs.items()}
    lag_s = max(reads, key=lambda lag: reads[lag])
    generator = np.random.default_rng(3)
    runs = _blocks(knobs[lag_s])
    chances = [_read(change, generator.permutation(runs).ravel()[:count]) for _ in range(200)]
    octaves = centroid_octaves(swept)[:count] - centroid_octaves(control)[:count]
    return Following(
        read_correlation=reads[lag_s],
        chance_correlation=float(np.quantile(chances, 0.95)),
        centroid_correlation=_correlation(octaves, knobs[lag_s]),
        lag_s=float(lag_s),
        change_db=float(np.sqrt((change**2).mean())),
    )


def _blocks(knob: NDArray[np.float64], pieces: int = 8) -> NDArray[np.float64]:
    """The knob in runs of two seconds, so that shuffling keeps its slowness."""
    padded = np.pad(knob, (0, -knob.size % pieces), mode="edge")
    return padded.reshape(-1, pieces)
