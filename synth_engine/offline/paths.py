"""Ways through the latent space: between two points on a great circle, and through many on a schedule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

_PARALLEL = 1e-7  # sine of the angle below which two points have no plane of their own


def slerp(start: FloatArray, end: FloatArray, share: FloatArray | float) -> NDArray[np.float64]:
    """Interpolate between two points along the arc between their directions.

    Parameters
    ----------
    start, end : NDArray[np.floating], shape (latent_size,)
        Points of any length; the length goes along with the direction.
    share : float or NDArray[np.floating], shape (n,)
        0 at `start`, 1 at `end`; beyond these the arc goes on.

    Returns
    -------
    NDArray[np.float64], shape (latent_size,) or (n, latent_size)
        Equal directions are interpolated straight. Between opposite ones every arc is as short; the one taken
        passes the axis that lies farthest from them.

    Source: Shoemake, Animating rotation with quaternion curves (SIGGRAPH 1985), on points not normalised.
    """
    start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    shares = np.asarray(share, np.float64)[..., None]
    lengths = np.linalg.norm(start), np.linalg.norm(end)
    if not all(lengths):
        return np.asarray((1.0 - shares) * start + shares * end)
    cosine = float(np.clip(start @ end / (lengths[0] * lengths[1]), -1.0, 1.0))
    angle = float(np.arccos(cosine))
    if np.sin(angle) > _PARALLEL:
        weights = np.sin((1.0 - shares) * angle), np.sin(shares * angle)
        return np.asarray((weights[0] * start + weights[1] * end) / np.sin(angle))
    if cosine > 0.0:
        return np.asarray((1.0 - shares) * start + shares * end)
    direction = start / lengths[0]
    aside = -direction * direction[np.argmin(np.abs(direction))]
    aside[np.argmin(np.abs(direction))] += 1.0
    aside /= max(float(np.linalg.norm(aside)), _PARALLEL)  # zero only in a space of one dimension
    length = (1.0 - shares) * lengths[0] + shares * lengths[1]
    return np.asarray(length * (np.cos(np.pi * shares) * direction + np.sin(np.pi * shares) * aside))


@dataclass(frozen=True)
class TimbrePath:
    """Latent points at times, and arcs between them.

    Attributes
    ----------
    points : NDArray[np.floating], shape (n, latent_size)
        One or more.
    times_s : NDArray[np.floating], shape (n,)
        Ascending, in seconds.

    Raises
    ------
    ValueError
        If the shapes do not fit, there is no point, or the times do not ascend.
    """

    points: FloatArray
    times_s: FloatArray

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or not len(self.points) or self.times_s.shape != (len(self.points),):
            raise ValueError(f"path: {self.points.shape} points at {self.times_s.shape} times")
        if not np.all(np.diff(self.times_s) > 0.0):
            raise ValueError("path: times: expected ascending seconds")

    def latent_at(self, time_s: float) -> NDArray[np.float32]:
        """Return the point at a time, float32 (latent_size,); before and after the path, its ends."""
        if time_s <= self.times_s[0] or len(self.points) == 1:
            return np.asarray(self.points[0], np.float32)
        if time_s >= self.times_s[-1]:
            return np.asarray(self.points[-1], np.float32)
        right = int(np.searchsorted(self.times_s, time_s))  # the first time that is not before
        left_s, right_s = self.times_s[right - 1 : right + 1]
        share = float((time_s - left_s) / (right_s - left_s))
        return slerp(self.points[right - 1], self.points[right], share).astype(np.float32)


def evenly(points: FloatArray, total_s: float) -> TimbrePath:
    """Return the path that spends as long between any two points and reaches the last one at `total_s`."""
    if len(points) == 1:
        return TimbrePath(points, np.zeros(1))
    return TimbrePath(points, np.linspace(0.0, max(total_s, 1e-3), len(points)))
