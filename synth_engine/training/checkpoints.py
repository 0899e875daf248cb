"""Atomic checkpoints of a training run: one safetensors file that holds all state and its description."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

_NAME = "checkpoint.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """All state of a training run between two steps.

    Attributes
    ----------
    tensors : mapping
        Weights, moving averages and optimiser, by name.
    step : int
        Steps done.
    elapsed_s : float
        Training time so far.
    random_state : mapping
        State of the NumPy generator that draws notes and noise.
    """

    tensors: Mapping[str, NDArray[Any]]
    step: int
    elapsed_s: float
    random_state: Mapping[str, Any]


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint as one file, atomically; the one before is kept as well."""
    folder.mkdir(parents=True, exist_ok=True)
    description = {
        "step": str(checkpoint.step),
        "elapsed_s": repr(checkpoint.elapsed_s),
        "random_state": json.dumps(checkpoint.random_state),
    }
    path = folder / _NAME
    temporary = path.with_suffix(".part")
    save_file(dict(checkpoint.tensors), temporary, metadata=description)
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    if path.exists():
        path.replace(path.with_suffix(".previous"))
    temporary.replace(path)


def read(folder: Path) -> Checkpoint:
    """Read the newest checkpoint of a run.

    Raises
    ------
    FileNotFoundError
        If `folder` holds no checkpoint.
    """
    path = folder / _NAME
    if not path.exists():
        raise FileNotFoundError(f"{path}: no checkpoint there")
    with safe_open(path, "numpy") as file:
        description = file.metadata()
        tensors = {name: np.array(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118  # no iterator
    return Checkpoint(
        tensors=tensors,
        step=int(description["step"]),
        elapsed_s=float(description["elapsed_s"]),
        random_state=json.loads(description["random_state"]),
    )
