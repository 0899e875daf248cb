"""All state of a GANSynth training in one file, replaced whole: safetensors with a description inside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mappings.atomic_files import write_atomic
from mappings.documents import DocumentError

NAME = "checkpoint.safetensors"
FORMAT_VERSION = 1

FloatArray = NDArray[np.float32]
Arrays = dict[str, dict[str, FloatArray]]


class CheckpointError(DocumentError):
    """A checkpoint that cannot be used; the text says which and why."""


@dataclass(frozen=True)
class Checkpoint:
    """A training between two steps.

    Attributes
    ----------
    arrays : dict of dict of NDArray[np.float32]
        Weights of all stages (`generator`, `average`, `discriminator`) and Adam's moments of the present one
        (`generator_adam`, `discriminator_adam`), by name.
    images : int
        Real notes seen.
    stage : int
        Number of the stage Adam's moments belong to.
    elapsed_s : float
        Training time so far.
    unreported : mapping
        Sums of the terms since the curve's last row, and under "steps" how many.
    config : mapping
        `TrainingConfig.decisive` of the run.
    """

    arrays: Arrays
    images: int
    stage: int
    elapsed_s: float
    unreported: Mapping[str, float]
    config: Mapping[str, Any]


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint of a run; the one before is kept beside it.

    Raises
    ------
    OSError
        If the disk is full or the folder not writable; the old one is then as it was.
    """
    tensors = {
        f"{group}:{name}": np.ascontiguousarray(array)
        for group, arrays in checkpoint.arrays.items()
        for name, array in arrays.items()
    }
    description = {
        "format_version": FORMAT_VERSION,
        "images": checkpoint.images,
        "stage": checkpoint.stage,
        "elapsed_s": checkpoint.elapsed_s,
        "unreported": dict(checkpoint.unreported),
        "config": checkpoint.config,
    }
    write_atomic(folder / NAME, save(tensors, {"training": json.dumps(description)}), generations=1)


def read(folder: Path) -> Checkpoint | None:
    """Read a run's checkpoint, None if there is none.

    Raises
    ------
    CheckpointError
        If it is damaged or of a newer format.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        with safe_open(path, "numpy") as file:
            description = json.loads((file.metadata() or {})["training"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no iterator
    except (SafetensorError, KeyError, ValueError) as error:
        raise CheckpointError(f"{path}: not a checkpoint of a GANSynth training: {error}") from None
    if description["format_version"] > FORMAT_VERSION:
        raise CheckpointError(f"{path}: format {description['format_version']}, expected {FORMAT_VERSION}")
    arrays: Arrays = {}
    for name, tensor in tensors.items():
        group, weight = name.split(":", 1)
        arrays.setdefault(group, {})[weight] = tensor
    del description["format_version"]
    return Checkpoint(arrays=arrays, **description)
