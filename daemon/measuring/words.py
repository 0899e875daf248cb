"""Figures as text, one a line, with units and spread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_INDENT = "  "
_NAME_WIDTH = 34
_UNITS = {"notes_per_s": "notes/s", "times": "times", "us": "µs"}


def describe(figures: Mapping[str, object]) -> str:
    """All figures; the nested ones indented."""
    return "\n".join(_lines(figures, 0))


def _lines(figures: Mapping[str, object], depth: int) -> Iterator[str]:
    for name, value in figures.items():
        label = f"{_INDENT * depth}{name.replace('_', ' ')}"
        if isinstance(value, Mapping):
            unit = next((str(key)[len("median_") :] for key in value if str(key).startswith("median_")), None)
            if unit is not None:
                yield f"{label:{_NAME_WIDTH}} {_spread(value, unit)}"
                continue
            yield label
            yield from _lines(value, depth + 1)
        elif isinstance(value, list):
            for row in value:
                yield label
                yield from _lines(row, depth + 1)
        else:
            yield f"{label:{_NAME_WIDTH}} {value}"


def _spread(figures: Mapping[str, object], unit: str) -> str:
    shown = {part: figures[f"{part}_{unit}"] for part in ("median", "p5", "p95", "max")}
    median, p5, p95, most = (f"{float(str(value)):.4g}" for value in shown.values())
    return f"{median} {_UNITS.get(unit, unit)}  (p5 {p5}, p95 {p95}, max {most}, n {figures['count']})"
