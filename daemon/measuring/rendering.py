"""Notes a second: the render worker's own way, beside the reference and the processor's peak, in turns."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from synth_engine.generator.architecture import Architecture
from synth_engine.measuring.contender import contender
from synth_engine.measuring.spread import spread
from synth_engine.measuring.turns import Contender, Outcome, Turn, take_turns
from synth_engine.measuring.work import note_work

Key = tuple[str, int, int]  # kind, threads, notes a call

_STEPS = ("hook", "network", "synthesis", "upsampling", "slot")
_REFERENCE_PACKAGES = ("tensorflow", "keras")
_REFERENCE_BATCH = 8  # the original's own


@dataclass(frozen=True)
class RenderingPlan:
    """What to render.

    Attributes
    ----------
    model_path : Path
        Folder of the model.
    rounds, notes : int
        Turns of each contender, and notes in a turn.
    threads : tuple of int
        Of the network, one after the other.
    """

    model_path: Path
    rounds: int
    notes: int
    threads: tuple[int, ...] = (1, 2)


def rendering_figures(
    plan: RenderingPlan, architecture: Architecture, show: Callable[[int, int], None]
) -> dict[str, object]:
    """Let worker, reference and matrix product take turns.

    Returns
    -------
    dict
        ``worker`` and ``reference``: a row for each number of threads (and notes a call); ``ratio``: the
        worker's notes a second over the best reference's with as many threads, turn by turn.
    """
    missing = [name for name in _REFERENCE_PACKAGES if find_spec(name) is None]
    contenders = _contenders(plan, with_reference=not missing)
    outcomes = take_turns(list(contenders.values()), plan.rounds, show)
    found = {key: outcomes[each.name] for key, each in contenders.items()}
    work = note_work(architecture)
    peaks = {threads: _peak_flop_per_s(found["peak", threads, 1]) for threads in plan.threads}
    figures: dict[str, object] = {
        "convolutions": {
            "gflop_per_note": round(work.folded_flop / 1e9, 3),
            "gflop_per_note_unfolded": round(work.unfolded_flop / 1e9, 3),
        },
        "worker": [
            _worker_row(found["worker", threads, 1], plan, threads, peaks[threads], work.folded_flop)
            for threads in plan.threads
        ],
    }
    if missing:
        reason = f"not installed: {', '.join(missing)} (pip install 'timbred[train]')"
        return {**figures, "reference": reason}
    references = {key: outcome for key, outcome in found.items() if key[0] == "reference"}
    figures["reference"] = [_row(outcome, plan.notes, key) for key, outcome in references.items()]
    ratios = {
        f"{threads}_threads": ratio
        for threads in plan.threads
        if (ratio := _ratio(found["worker", threads, 1], references, threads)) is not None
    }
    return {**figures, "worker_over_reference": ratios}


def _contenders(plan: RenderingPlan, *, with_reference: bool) -> dict[Key, Contender]:
    keys: list[Key] = []
    for threads in plan.threads:
        keys += [("worker", threads, 1), ("peak", threads, 1)]
        if with_reference:
            keys += [("reference", threads, 1), ("reference", threads, min(_REFERENCE_BATCH, plan.notes))]
    return {
        (kind, threads, batch): contender(
            kind, plan.model_path, threads=threads, batch=batch, notes=plan.notes
        )
        for kind, threads, batch in dict.fromkeys(keys)
    }


def _row(outcome: Outcome, notes: int, key: Key) -> dict[str, object]:
    """What any contender says: notes a second, and the milliseconds of a note."""
    _, threads, batch = key
    row: dict[str, object] = {"threads": threads, "notes_per_call": batch, **outcome.about}
    if outcome.error:
        row["error"] = outcome.error
    if outcome.turns:
        row["rate"] = spread([notes / turn["wall_s"] for turn in outcome.turns], "notes_per_s")
        row["note"] = spread([1e3 * turn["wall_s"] / notes for turn in outcome.turns], "ms")
        row["network"] = spread([1e3 * turn["network_s"] / notes for turn in outcome.turns], "ms")
        row["processor"] = spread([1e3 * turn["processor_s"] / notes for turn in outcome.turns], "ms")
    return row


def _worker_row(
    outcome: Outcome, plan: RenderingPlan, threads: int, peak_flop_per_s: float | None, note_flop: int
) -> dict[str, object]:
    """The worker's row: where the time goes, and how near to the peak its network comes."""
    row = _row(outcome, plan.notes, ("worker", threads, 1))
    if not outcome.turns:
        return row
    for step in _STEPS:
        share = statistics.median(turn[f"{step}_s"] / turn["wall_s"] for turn in outcome.turns)
        row[f"{step}_share"] = round(share, 4)
    network_s = statistics.median(turn["network_s"] for turn in outcome.turns) / plan.notes
    row["network_gflop_per_s"] = round(note_flop / network_s / 1e9, 2)
    if peak_flop_per_s is not None:
        row["peak_gflop_per_s"] = round(peak_flop_per_s / 1e9, 2)
        row["share_of_peak"] = round(note_flop / network_s / peak_flop_per_s, 4)
    return row


def _peak_flop_per_s(outcome: Outcome) -> float | None:
    """The fastest product of any turn; None if there is none."""
    return max((float(turn["flop_per_s"]) for turn in outcome.turns), default=None)


def _ratio(worker: Outcome, references: Mapping[Key, Outcome], threads: int) -> dict[str, float | int] | None:
    """Worker over the reference's better way of calling, by neighbouring turns."""
    rivals: Sequence[Sequence[Turn]] = [
        outcome.turns for key, outcome in references.items() if key[1] == threads and outcome.turns
    ]
    if not worker.turns or not rivals:
        return None
    rounds = min(len(worker.turns), *(len(turns) for turns in rivals))
    return spread(
        [
            min(turns[index]["wall_s"] for turns in rivals) / worker.turns[index]["wall_s"]
            for index in range(rounds)
        ],
        "times",
    )
