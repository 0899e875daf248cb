"""How good a model is, in one table: real notes, anchors, mixes and random points, each against real ones."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synth_engine.datasets.labels import Label
from synth_engine.datasets.shards import read_dataset
from synth_engine.evaluation import figures as fig
from synth_engine.evaluation import interpolation, note_sets
from synth_engine.evaluation.aims import aims_of
from synth_engine.evaluation.examination import Examined, Examiner, Panel, assemble_panel
from synth_engine.evaluation.note_sets import Note
from synth_engine.generator.model import Model

FORMAT_VERSION = 1
HELD_OUT, KNOWN, ANCHORS, MIXES, RANDOM = "real, held out", "real, known", "anchors", "mixes", "random"
PATHS = "paths"
_LIBRARIES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "openvino",
    "onnxruntime",
    "swift-f0",
    "basic-pitch",
    "musicnn",
)

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class EvaluationPlan:
    """What to judge.

    Attributes
    ----------
    notes : int
        Notes of each kind.
    seed : int
        Of everything drawn; the same seed judges the same notes.
    paths : int
        Arcs between anchors.
    workers : int
        Threads.
    """

    notes: int = 500
    seed: int = 0
    paths: int = interpolation.PATHS
    workers: int = 2


@dataclass(frozen=True)
class Evaluation:
    """Figures, and what they were made of.

    Attributes
    ----------
    figures : dict
        Plain values for JSON.
    sets : dict of str to list of Examined
        The judged notes of each kind.
    examiner : Examiner
        Renders a note of them again, for pictures.
    """

    figures: dict[str, object]
    sets: dict[str, list[Examined]]
    examiner: Examiner


class TooFewNotes(ValueError):
    """The data set cannot be compared with."""


def evaluate(
    model: Model,
    data: Path | None,
    plan: EvaluationPlan,
    progress: Progress | None = None,
    panel: Panel | None = None,
) -> Evaluation:
    """Judge a model.

    Parameters
    ----------
    model : Model
        Which one.
    data : Path or None
        Data set to compare with; None judges pitch, silence and diversity only.
    plan : EvaluationPlan
        How much.
    progress : callable or None
        Told notes done and in all; may raise to interrupt.
    panel : Panel or None
        The judges; None takes those that are installed.

    Raises
    ------
    FileNotFoundError, DatasetError
        If `data` holds no notes, or damaged ones.
    TooFewNotes
        If it holds too few to compare with.
    """
    panel = panel or assemble_panel()
    waves, labels = read_dataset(data) if data is not None else (None, [])
    drawn = draw_sets(model, labels, plan)
    examiner = Examiner(model, waves, panel, plan.workers)
    total, done = sum(map(len, drawn.values())), 0

    def tell() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    sets = {name: examiner.examine(notes, tell) for name, notes in drawn.items()}
    found = {**_header(model, plan, panel, labels, drawn), **_figures(sets, panel, plan)}
    found["aims"] = aims_of(found)
    return Evaluation(found, sets, examiner)


def draw_sets(model: Model, labels: Sequence[Label], plan: EvaluationPlan) -> dict[str, list[Note]]:
    """Draw the notes of every kind that model and data allow.

    Raises
    ------
    TooFewNotes
        If fewer than two bins' worth of real notes are held out.
    """

    def rng(kind: int) -> np.random.Generator:
        return np.random.default_rng((plan.seed, kind))

    sets: dict[str, list[Note]] = {}
    pitches = None
    if labels:
        held, known = note_sets.split_instruments(labels, model)
        sets[HELD_OUT] = note_sets.real_notes(labels, held, plan.notes, rng(0))
        if min(len(held), len(known), plan.notes) < 2 * fig.BINS:
            raise TooFewNotes(
                f"{len(held)} notes of held-out and {len(known)} of other instruments, {plan.notes} asked "
                f"for: a comparison wants {2 * fig.BINS} or more of each"
            )
        sets[KNOWN] = note_sets.real_notes(labels, known, plan.notes, rng(1))
        pitches = [note.pitch for note in sets[HELD_OUT]]
    places = {(label.instrument, label.pitch): i for i, label in enumerate(labels)}
    if model.anchors:
        sets[ANCHORS] = note_sets.anchor_notes(model, plan.notes, rng(2), places)
    if len(model.anchors) > 1:
        sets[MIXES] = note_sets.mix_notes(model, plan.notes, rng(3))
        sets[PATHS] = interpolation.path_notes(model, plan.paths, rng(5))
    sets[RANDOM] = note_sets.random_notes(model, plan.notes, rng(4), pitches)
    twins = [note.real for note in sets.get(ANCHORS, []) if note.real is not None]
    if len(twins) > len(sets.get(ANCHORS, [])) // 2:
        # The very notes the anchors are to play: real notes the model knows, and each anchor's measure.
        sets[KNOWN] = [Note(labels[i].instrument, labels[i].pitch, real=i) for i in twins]
    return sets


def _figures(sets: dict[str, list[Examined]], panel: Panel, plan: EvaluationPlan) -> dict[str, object]:
    real, known = sets.get(HELD_OUT, []), sets.get(KNOWN, [])
    bins = fig.Bins(real, plan.seed) if real else None
    rows: dict[str, dict[str, object]] = {}
    for name, notes in sets.items():
        if name == PATHS:
            continue
        row: dict[str, object] = {"notes": len(notes), "silent": fig.silent(notes)}
        row["pitch"] = {judge: fig.hearing_figures(notes, judge) for judge in panel.names}
        if panel.hears_realism:
            row["diversity"] = fig.diversity_figures(notes, known if notes is not known else [])
            if real and notes is not real:
                row["to_held_out"] = fig.distance_figures(notes, real)
            if known and notes is not known:
                row["to_known"] = fig.distance_figures(notes, known)
        if bins is not None and notes is not real:
            count = min(len(notes), len(real))
            row["different_bins"] = fig.different_bins(bins.of(real[:count]), bins.of(notes[:count]))
        rows[name] = row
    found: dict[str, object] = {"sets": rows}
    twins = {e.note.real: e for e in known}
    pairs = [(e, twins[e.note.real]) for e in sets.get(ANCHORS, []) if e.note.real in twins]
    if pairs:
        found["against_real"] = fig.difference_figures([a for a, _ in pairs], [b for _, b in pairs])
    if PATHS in sets:
        found["paths"] = interpolation.path_figures(sets[PATHS], panel.names[0] if panel.names else None)
    return found


def _header(
    model: Model, plan: EvaluationPlan, panel: Panel, labels: Sequence[Label], drawn: dict[str, list[Note]]
) -> dict[str, object]:
    held = {note.group for note in drawn.get(HELD_OUT, [])}
    return {
        "format_version": FORMAT_VERSION,
        "model_digest": model.digest,
        "seed": plan.seed,
        "missing_judges": dict(panel.missing),
        "data": {
            "notes": len(labels),
            "instruments": len({label.instrument for label in labels}),
            "held_out_instruments": sorted(held),
        },
        "libraries": _versions(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
