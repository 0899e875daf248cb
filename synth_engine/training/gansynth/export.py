"""The averaged generator of a run as a model folder that `timbred run --model` plays."""

from __future__ import annotations

import datetime
import importlib.metadata
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from synth_engine.generator.conditions import ConditionRows
from synth_engine.generator.latents import condition_anchors
from synth_engine.generator.model import Model
from synth_engine.generator.model_folder import save_model
from synth_engine.training.gansynth.notes import Notes
from synth_engine.training.gansynth.trainer import Trainer


def export_model(trainer: Trainer, notes: Notes, data: Path, out: Path) -> Model:
    """Write the moving average as a model folder, whatever stage it has come to.

    Parameters
    ----------
    trainer : Trainer
        The run.
    notes : Notes
        What it was trained on; gives the joint distribution of the conditions.
    data : Path
        The data set's folder, named in the model's provenance.
    out : Path
        Model folder to write.

    Raises
    ------
    OSError
        If `out` cannot be written.
    """
    architecture, weights = trainer.averages()
    rows = ConditionRows.of(notes.conditions) if architecture.conditions else ConditionRows()
    backend = keras.backend.backend()
    model = Model(
        architecture=architecture,
        weights=weights,
        condition_rows=rows,
        provenance={
            "recipe": "gansynth",
            "images": trainer.images,
            "config": trainer.config.decisive(),
            "dataset": {"name": data.resolve().name, "notes": len(notes)},
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "libraries": {name: importlib.metadata.version(name) for name in ("numpy", "keras", backend)},
        },
        licence="not stated",
    )
    # Named combinations ("string acoustic") are how a conditional model is played without knowing vectors.
    return save_model(replace(model, anchors=condition_anchors(model)), out)


def finite(trainer: Trainer) -> bool:
    """Whether every weight and moment is a number."""
    arrays = trainer.arrays()
    return all(np.isfinite(array).all() for group in arrays.values() for array in group.values())
