"""What a good model should reach, and whether this one does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

PITCH_JUDGE = "basic-pitch"


@dataclass(frozen=True)
class Aim:
    """One figure against its limit.

    Attributes
    ----------
    name : str
        What.
    value : float
        What was found.
    limit : float
        What was wanted: at least this where `at_least`, else at most.
    at_least : bool
        Which way is better.
    reached : bool
        Whether it was.
    """

    name: str
    value: float
    limit: float
    at_least: bool

    @property
    def reached(self) -> bool:
        """Whether the value is on the right side of the limit."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def aims_of(found: Mapping[str, Any]) -> list[dict[str, object]]:
    """Compare figures with the aims; aims whose figures are missing are left out.

    Parameters
    ----------
    found : mapping
        Figures of `synth_engine.evaluation.evaluation`.
    """
    rows: Mapping[str, Any] = found["sets"]

    def floor(name: str) -> float:
        return float(rows[name]["to_held_out"]["frechet"] / rows["real, known"]["to_held_out"]["frechet"])

    wanted: tuple[tuple[str, Callable[[], float], float, bool], ...] = (
        ("pitch right, anchors", lambda: rows["anchors"]["pitch"][PITCH_JUDGE]["right"], 0.98, True),
        ("pitch right, random", lambda: rows["random"]["pitch"][PITCH_JUDGE]["right"], 0.95, True),
        ("Frechet distance over the floor, anchors", lambda: floor("anchors"), 2.0, False),
        ("Frechet distance over the floor, random", lambda: floor("random"), 3.0, False),
        ("different bins of 50, anchors", lambda: rows["anchors"]["different_bins"], 29.0, False),
        ("different bins of 50, random", lambda: rows["random"]["different_bins"], 29.0, False),
        ("onset error (ms, median)", lambda: found["against_real"]["onset_ms"]["median_error"], 7.99, False),
        ("pitch right along paths", lambda: found["paths"]["right"], 0.95, True),
        ("paths without a jump", lambda: found["paths"]["even"], 1.0, True),
        ("silent notes", lambda: float(sum(row["silent"] for row in rows.values())), 0.0, False),
        (
            "spread of random notes over that of real ones",
            lambda: (
                rows["random"]["diversity"]["nearest_own"] / rows["real, known"]["diversity"]["nearest_own"]
            ),
            0.5,
            True,
        ),
    )
    aims = []
    for name, value_of, limit, at_least in wanted:
        try:
            value = round(float(value_of()), 3)
        except (KeyError, ZeroDivisionError):
            continue  # a judge or the data set was not there
        aim = Aim(name, value, limit, at_least)
        aims.append({**asdict(aim), "reached": aim.reached})
    return aims
