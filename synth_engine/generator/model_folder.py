"""Models on disk: `model.safetensors` (weights) and `model.json` (everything else), verified when read.

A folder may come from anywhere, so nothing in it is trusted: every way it can be wrong ends in `ModelError`.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from safetensors.numpy import save as safetensors_bytes

from synth_engine.generator.conditions import MOST_ROWS
from synth_engine.generator.description import describe, parse_description
from synth_engine.generator.model import Model, ModelError
from synth_engine.generator.tensors import parse_tensors

WEIGHTS_NAME = "model.safetensors"
DESCRIPTION_NAME = "model.json"
_LARGEST_DESCRIPTION_BYTES = 8 << 20
_LARGEST_WEIGHTS_BYTES = 1 << 30


def default_model_path() -> Path:
    """Return the folder of the embedded model."""
    return Path(__file__).parents[1] / "models" / "default"


def load_model(path: Path) -> Model:
    """Read and verify a model folder.

    Parameters
    ----------
    path : Path
        Folder with `model.safetensors` and `model.json`.

    Returns
    -------
    Model
        With read-only arrays.

    Raises
    ------
    ModelError
        If a file is missing, unreadable, malformed, or does not fit the other; the message names the file and
        the variable, and tells what was expected and what was found.
    """
    path = Path(path)
    description = _read(path / DESCRIPTION_NAME, _LARGEST_DESCRIPTION_BYTES)
    model = parse_description(description, str(path / DESCRIPTION_NAME))
    weights_path = path / WEIGHTS_NAME
    content = _read(weights_path, _LARGEST_WEIGHTS_BYTES)
    digest = hashlib.sha256(content).hexdigest()
    if digest != model.digest:
        raise ModelError(f"{weights_path}: digest: expected {model.digest}, found {digest}")
    weights = parse_tensors(content, model.architecture.weight_shapes(), str(weights_path))
    return replace(model, weights=weights)


def _read(path: Path, largest_bytes: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > largest_bytes:
            raise ModelError(f"{path}: expected at most {largest_bytes} bytes, found {size}")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error


def save_model(model: Model, path: Path) -> Model:
    """Write a model folder; each file is replaced in one go, the description last.

    Parameters
    ----------
    model : Model
        What to write; its digest is computed anew.
    path : Path
        Folder, made if missing.

    Returns
    -------
    Model
        The same with the digest it now has.

    Raises
    ------
    ModelError
        If a weight is missing or has another shape than the architecture says, or conditions lack their rows.
    OSError
        If the folder cannot be written.
    """
    path = Path(path)
    shapes = model.architecture.weight_shapes()
    _check_fit(model, shapes)
    tensors = {name: np.ascontiguousarray(model.weights[name], dtype=np.float32) for name in shapes}
    # The sizes are part of what the digest stands for: the same weights at other pitches are another sound.
    sizes = json.dumps(asdict(model.architecture), sort_keys=True)
    content = safetensors_bytes(tensors, metadata={"architecture": sizes})
    model = replace(model, digest=hashlib.sha256(content).hexdigest())
    text = json.dumps(describe(model), indent=1, allow_nan=False)
    path.mkdir(parents=True, exist_ok=True)
    _write(path / WEIGHTS_NAME, content)
    _write(path / DESCRIPTION_NAME, text.encode() + b"\n")
    return model


def _check_fit(model: Model, shapes: Mapping[str, tuple[int, ...]]) -> None:
    found = {name: array.shape for name, array in model.weights.items()}
    if found != shapes:
        wrong = sorted(name for name in {**shapes, **found} if shapes.get(name) != found.get(name))[0]
        raise ModelError(f"{wrong}: expected shape {shapes.get(wrong)}, found {found.get(wrong)}")
    rows, size = model.condition_rows.vectors, model.architecture.condition_size
    if size and (not 1 <= len(rows) <= MOST_ROWS or rows.shape[1] != size):
        raise ModelError(f"condition_rows: expected shape (1 to {MOST_ROWS}, {size}), found {rows.shape}")


def _write(path: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            temporary.chmod(0o644)  # a temporary file is private; a model is not
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
