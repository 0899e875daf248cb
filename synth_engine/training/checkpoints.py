"""Atomic checkpoints of a training run: one safetensors file that holds all state and its description."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

if TYPE_CHECKING:
    from synth_engine.training.decoder import Trainer

_NAME = "checkpoint.safetensors"


def save(folder: Path, trainer: Trainer, rng: np.random.Generator, elapsed_s: float) -> None:
    """Write weights, averages, optimiser, random state and clock as one file, atomically; one generation is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    description = {
        "step": str(trainer.step_number),
        "elapsed_s": repr(elapsed_s),
        "random_state": json.dumps(rng.bit_generator.state),
    }
    temporary = folder / (_NAME + ".part")
    save_file(trainer.state(), temporary, metadata=description)
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    if (folder / _NAME).exists():
        os.replace(folder / _NAME, folder / (_NAME + ".previous"))
    os.replace(temporary, folder / _NAME)


def load(folder: Path, trainer: Trainer, rng: np.random.Generator) -> float:
    """Put a checkpoint into `trainer` and `rng`; returns the training time so far in seconds.

    Raises
    ------
    FileNotFoundError
        If `folder` holds no checkpoint.
    """
    path = folder / _NAME
    if not path.exists():
        raise FileNotFoundError(f"{path}: no checkpoint to resume from")
    with safe_open(path, "numpy") as file:
        description = file.metadata()
        state = {name: file.get_tensor(name) for name in file.keys()}
    trainer.restore(state, int(description["step"]))
    rng.bit_generator.state = json.loads(description["random_state"])
    return float(description["elapsed_s"])
