"""Many measurements of one thing as a few figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Figures = dict[str, float | int]


def spread(values: Sequence[float], unit: str) -> Figures:
    """Median and spread, under names that end with the unit.

    Parameters
    ----------
    values : sequence of float
        At least one.
    unit : str
        Of the values, e.g. "ms".

    Returns
    -------
    dict
        ``median_UNIT``, ``p5_UNIT``, ``p95_UNIT``, ``max_UNIT`` and ``count``.

    Raises
    ------
    ValueError
        If there are no values.
    """
    if not values:
        raise ValueError(f"no values in {unit}, expected at least one")
    p5, median, p95 = np.percentile(np.asarray(values, np.float64), (5, 50, 95)).tolist()
    return {
        f"median_{unit}": round(median, 4),
        f"p5_{unit}": round(p5, 4),
        f"p95_{unit}": round(p95, 4),
        f"max_{unit}": round(float(max(values)), 4),
        "count": len(values),
    }
