"""An evaluation as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_COMPARED = (
    "onset_ms",
    "attack_ms",
    "rise_ms",
    "noise_db",
    "flatness_db",
    "brightness_octaves",
    "pitch_cents",
)
_ABSENT = "-"


def render_report(found: Mapping[str, Any]) -> str:
    """Write the figures of an evaluation as tables.

    Parameters
    ----------
    found : mapping
        Figures of `synth_engine.evaluation.evaluation`.
    """
    parts = [_sets(found), _against_real(found), _paths(found), _aims(found), *_missing(found)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _sets(found: Mapping[str, Any]) -> str:
    rows: Mapping[str, Any] = found["sets"]
    judges = list(next(iter(rows.values()))["pitch"])
    head = ["", "notes", *(f"{judge} %" for judge in judges), *("entropy" for _ in judges[:1]), "silent"]
    head += ["Frechet", "/floor", "kernel", "bins/50", "to known", "spread", "nearest real"]
    floor = rows.get("real, known", {}).get("to_held_out", {}).get("frechet")
    lines = [head]
    for name, row in rows.items():
        heard = [row["pitch"][judge] for judge in judges]
        far, known, kinds = row.get("to_held_out", {}), row.get("to_known", {}), row.get("diversity", {})
        frechet = far.get("frechet")
        lines.append([
            name, str(row["notes"]), *(f"{100 * h['right']:.1f}" for h in heard),
            *(f"{h['entropy_nats']:.2f}" for h in heard[:1]), str(row["silent"]), _number(frechet, 1),
            _number(frechet / floor if frechet and floor else None, 2), _number(far.get("kernel"), 3),
            _number(row.get("different_bins"), 0), _number(known.get("frechet"), 1),
            _number(kinds.get("nearest_own"), 1), _number(kinds.get("nearest_real"), 1),
        ])  # fmt: skip
    words = (
        "\nFrechet, kernel, bins: against the held-out real notes, equal counts; the row of known real notes,"
        "\nother instruments, is the floor. To known: Frechet distance to those. Spread: median distance to"
        "\nthe nearest note of the same row; nearest real: to the nearest known real note (musicnn's space)."
    )
    return _columns(lines) + words


def _against_real(found: Mapping[str, Any]) -> str:
    compared = found.get("against_real")
    if not compared:
        return ""
    lines = [["anchor notes against the same real notes", "median error", "bias", "middle half"]]
    for name in _COMPARED:
        if name in compared:
            row = compared[name]
            low, high = row["quartiles"]
            lines.append(
                [name, f"{row['median_error']:.2f}", f"{row['bias']:+.2f}", f"{low:+.2f} .. {high:+.2f}"]
            )
    lines.append(["log-mel picture (dB, rms)", f"{compared['image_db']:.2f}", "", ""])
    return _columns(lines)


def _paths(found: Mapping[str, Any]) -> str:
    paths = found.get("paths")
    if not paths:
        return ""
    right = f"pitch right {100 * paths['right']:.1f} %, " if "right" in paths else ""
    ratios = sorted(paths["largest_over_median"])
    return (
        f"{paths['paths']} arcs between anchors: {right}largest step over median "
        f"{ratios[len(ratios) // 2]:.1f} (worst {ratios[-1]:.1f}, {paths['worst']}), "
        f"without a jump {100 * paths['even']:.0f} %"
    )


def _aims(found: Mapping[str, Any]) -> str:
    lines = [["aim", "found", "wanted", ""]]
    for aim in found["aims"]:
        sign = ">=" if aim["at_least"] else "<="
        reached = "reached" if aim["reached"] else "NOT reached"
        lines.append([aim["name"], f"{aim['value']:g}", f"{sign} {aim['limit']:g}", reached])
    return _columns(lines) if found["aims"] else ""


def _missing(found: Mapping[str, Any]) -> Iterable[str]:
    for judge, mend in found["missing_judges"].items():
        yield f"{judge} is not there, so its columns are empty: {mend}"


def _number(value: float | None, decimals: int) -> str:
    return _ABSENT if value is None else f"{value:.{decimals}f}"


def _columns(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
