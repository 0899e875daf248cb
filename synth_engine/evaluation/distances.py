"""How far two sets of notes are from each other, as features; always of equal counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

SIGNIFICANT_Z = 1.959964  # two-sided, 5 %
_ORDER = 3  # of the kernel distance's polynomial


def frechet_distance(first: FloatArray, second: FloatArray) -> float:
    """Squared distance between the Gaussians fitted to two sets of features.

    It grows as sets get smaller, so it is only compared between sets of equal counts, and beside the
    distance of two real sets (the floor).

    Parameters
    ----------
    first, second : NDArray[np.floating], shape (notes, features)
        Two notes or more each.

    Source: Heusel et al., GANs Trained by a Two Time-Scale Update Rule (NeurIPS 2017), section 2.
    """
    x, y = np.asarray(first, np.float64), np.asarray(second, np.float64)
    gap = x.mean(axis=0) - y.mean(axis=0)
    a, b = _centred(x), _centred(y)
    # trace((Ca Cb)^(1/2)) is the sum of the singular values of A B', whatever the ranks; the rotations of
    # the QR decompositions do not change them.
    product: NDArray[np.float64] = np.linalg.qr(a)[1] @ np.linalg.qr(b)[1].T
    overlap = np.linalg.svd(product, compute_uv=False).sum()
    return float(max(0.0, gap @ gap + np.square(a).sum() + np.square(b).sum() - 2.0 * overlap))


def _centred(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows whose products sum to the covariance."""
    centred: NDArray[np.float64] = (x - x.mean(axis=0)) / np.sqrt(len(x) - 1)
    return centred


def kernel_distance(first: FloatArray, second: FloatArray) -> float:
    """Squared maximum mean discrepancy with the kernel (x.y / features + 1)^3, unbiased: may be below 0.

    Parameters
    ----------
    first, second : NDArray[np.floating], shape (notes, features)
        Two notes or more each.

    Source: Binkowski et al., Demystifying MMD GANs (ICLR 2018), section 4.
    """
    x, y = np.asarray(first, np.float64), np.asarray(second, np.float64)

    def kernel(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        values: NDArray[np.float64] = (a @ b.T / a.shape[1] + 1.0) ** _ORDER
        return values

    own = [kernel(rows, rows) for rows in (x, y)]
    within = sum((k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in own)
    return float(within - 2.0 * kernel(x, y).mean())


def different_bins(real: NDArray[np.integer], other: NDArray[np.integer], bins: int) -> int:
    """Count the bins that hold significantly more or fewer of the other notes than of the real ones.

    Parameters
    ----------
    real, other : NDArray[np.integer], shape (notes,)
        The bin of each note, 0..bins-1.
    bins : int
        Number of bins (k).

    Source: Richardson and Weiss, On GANs and GMMs (NeurIPS 2018), section 2: a two-proportion z-test at 5 %
    for each bin.
    """
    counts = [np.bincount(x, minlength=bins).astype(np.float64) for x in (real, other)]
    sizes = [float(len(real)), float(len(other))]
    shares = [count / size for count, size in zip(counts, sizes, strict=True)]
    pooled = (counts[0] + counts[1]) / sum(sizes)
    error = np.sqrt(pooled * (1.0 - pooled) * (1.0 / sizes[0] + 1.0 / sizes[1]))
    z = np.divide(shares[0] - shares[1], error, out=np.zeros(bins), where=error > 0)
    return int((np.abs(z) > SIGNIFICANT_Z).sum())


def mean_pairwise(features: FloatArray, groups: NDArray[np.integer] | None = None) -> dict[str, float]:
    """Mean Euclidean distance between notes: all pairs, pairs within a group, pairs across groups.

    A set that is one timbre has small distances across groups; groups without two members count for nothing.

    Parameters
    ----------
    features : NDArray[np.floating], shape (notes, features)
    groups : NDArray[np.integer], shape (notes,), optional
        The instrument or point of each note.

    Returns
    -------
    dict of str to float
        `all` and, with groups, `within` and `across`; what has no pair is left out.
    """
    distances = _distances(features, features)
    pairs = ~np.eye(len(features), dtype=bool)
    means = {"all": float(distances[pairs].mean())}
    if groups is not None:
        same = groups[:, None] == groups[None, :]
        for name, chosen in (("within", pairs & same), ("across", pairs & ~same)):
            if chosen.any():
                means[name] = float(distances[chosen].mean())
    return means


def nearest_distances(features: FloatArray, others: FloatArray | None = None) -> NDArray[np.float64]:
    """Distance of each note to the nearest of the others, or of its own set without itself."""
    distances = _distances(features, features if others is None else others)
    if others is None:
        np.fill_diagonal(distances, np.inf)
    nearest: NDArray[np.float64] = distances.min(axis=1)
    return nearest


def _distances(first: FloatArray, second: FloatArray) -> NDArray[np.float64]:
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    squares = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)[None, :] - 2.0 * a @ b.T
    distances: NDArray[np.float64] = np.sqrt(np.maximum(squares, 0.0))
    return distances
