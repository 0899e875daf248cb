"""What lies between anchors: does the pitch hold, and does the sound move evenly?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synth_engine.evaluation.examination import Examined
from synth_engine.evaluation.note_sets import Note, anchor_pairs
from synth_engine.generator.model import Model
from synth_engine.offline.paths import slerp

PATHS = 20
POINTS = 9  # of a path, both anchors included
JUMP = 3.0  # a step this many times the path's median step


def path_notes(model: Model, paths: int, rng: np.random.Generator) -> list[Note]:
    """Draw paths between pairs of anchors at one pitch each; `POINTS` notes a path, path after path."""
    notes = []
    for number, (first, second, pitches) in enumerate(anchor_pairs(model, paths, rng)):
        ends = model.anchors[first].latent, model.anchors[second].latent
        points = slerp(*ends, np.linspace(0.0, 1.0, POINTS)).astype(np.float32)
        pitch = int(rng.choice(pitches))
        notes += [Note(f"{number}: {first} to {second}", pitch, point) for point in points]
    return notes


def path_figures(notes: Sequence[Examined], judge: str | None) -> dict[str, object]:
    """Judge the paths.

    Returns
    -------
    dict
        `right`: share of right pitches; `largest_over_median`: of each path, its largest step over its median
        one (root mean square of the pictures' difference in dB); `even`: share of paths without a jump;
        `worst`: the path with the greatest; `step_db`: median step.
    """
    images = np.stack([e.image for e in notes]).reshape(-1, POINTS, *notes[0].image.shape)
    steps = np.sqrt(np.square(np.diff(images, axis=1)).mean(axis=(2, 3)))
    ratios = steps.max(axis=1) / np.maximum(np.median(steps, axis=1), 1e-6)
    figures: dict[str, object] = {
        "paths": len(images),
        "step_db": round(float(np.median(steps)), 2),
        "largest_over_median": [round(float(ratio), 2) for ratio in ratios],
        "even": round(float(np.mean(ratios <= JUMP)), 4),
        "worst": notes[int(ratios.argmax()) * POINTS].note.group,
    }
    if judge is not None:
        right = [e.hearings[judge].pitch == e.note.pitch for e in notes]
        figures["right"] = round(float(np.mean(right)), 4)
    return figures
