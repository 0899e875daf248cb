"""Bases on disk: ``.npz`` without pickles, named after the model's digest.

Components are kept as float16, which moves a direction by less than 0.03 % of its length and lets
the basis of the embedded model be part of the program.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pca_cache.basis import Basis, BasisError
from pca_cache.labels import DirectionLabel

log = logging.getLogger(__name__)

FORMAT_VERSION = 1
MAX_FILE_BYTES = 64 * 1024 * 1024  # unpacked; 16 directions of the full-size network are 0.3 MB
_ARRAYS = {"components": np.float16, "sigmas": np.float32, "explained": np.float32}
# What zipfile, zlib and NumPy raise for files whose bytes were changed at random (found by doing so); the
# RuntimeErrors say that a flag now claims encryption, or a method nobody knows.
_DAMAGE = (
    ValueError, LookupError, TypeError, EOFError, RuntimeError, MemoryError,
    struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def embedded_basis_path() -> Path:
    """The basis of the embedded model, which comes with the program."""
    return Path(__file__).with_name("default.npz")


def basis_path(cache_dir: Path, model_digest: str) -> Path:
    """Where the basis of the model with this digest is kept."""
    return cache_dir / f"basis-{re.sub(r'[^0-9A-Za-z_-]', '-', model_digest)[:64]}.npz"


def save_basis(path: Path, basis: Basis) -> None:
    """Write a basis whole or not at all; the same basis always gives the same bytes.

    Raises
    ------
    OSError
        If the file cannot be written; what was there before is then unharmed.
    """
    about = {
        "format_version": FORMAT_VERSION,
        "model_digest": basis.model_digest,
        "layer": basis.layer,
        "pitches": list(basis.pitches),
        "samples": basis.samples,
        "seed": basis.seed,
        "versions": dict(basis.versions),
        "labels": [label.to_json() for label in basis.labels],
        "revision": basis.revision,
    }
    arrays: dict[str, NDArray[Any]] = {n: getattr(basis, n).astype(dtype) for n, dtype in _ARRAYS.items()}
    memory = io.BytesIO()
    np.savez_compressed(memory, allow_pickle=False, about=np.array(json.dumps(about)), **arrays)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written here rather than by mappings.atomic_files, because this package imports no other. A basis can
    # be fitted again, so it needs no generations.
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with fresh.open("wb") as file:
            file.write(memory.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def load_basis(
    path: Path, expected_digest: str | None = None, hook_shape: tuple[int, int, int] | None = None
) -> Basis:
    """Read a basis.

    Parameters
    ----------
    path : Path
        A file of :func:`save_basis`.
    expected_digest : str, optional
        Digest of the model it is to be used with.
    hook_shape : tuple of int, optional
        Shape (frames, bins, channels) of that model's first activation.

    Raises
    ------
    BasisError
        If the file is absent, torn, too large, holds objects or numbers that cannot be, or belongs to
        another model.
    """
    try:
        about, arrays = _read_arrays(path)
        basis = _assemble(about, arrays)
    except BasisError as error:
        raise BasisError(f"{path}: {error}") from None
    except OSError as error:
        raise BasisError(f"{path} cannot be read: {error.strerror or error}") from None
    except _DAMAGE as error:
        raise BasisError(f"{path} is not a basis file, or is damaged: {error}") from None
    if expected_digest is not None and basis.model_digest != expected_digest:
        raise BasisError(
            f"{path} belongs to the model {basis.model_digest[:12]}, expected one for {expected_digest[:12]}"
        )
    _check_shape(path, basis, hook_shape)
    return basis


def find_or_none(
    cache_dir: Path, model_digest: str, hook_shape: tuple[int, int, int] | None = None
) -> Basis | None:
    """The basis of the model with this digest: from the cache, or the one that comes with the program.

    A file that cannot be used is logged and passed over; the next fit replaces it.
    """
    for path in (basis_path(cache_dir, model_digest), embedded_basis_path()):
        if not path.exists():
            continue
        try:
            basis = load_basis(path)
            if basis.model_digest == model_digest:
                _check_shape(path, basis, hook_shape)
                return basis
        except BasisError as error:
            log.warning("basis passed over: %s", error)
    return None


def _check_shape(path: Path, basis: Basis, hook_shape: tuple[int, int, int] | None) -> None:
    if hook_shape is not None and basis.hook_shape != tuple(hook_shape):
        raise BasisError(
            f"{path} has directions of shape {basis.hook_shape}, the model wants {tuple(hook_shape)}"
        )


def _read_arrays(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    with zipfile.ZipFile(path) as archive:
        size = sum(item.file_size for item in archive.infolist())
    if size > MAX_FILE_BYTES:
        raise BasisError(f"{size} bytes unpacked, expected at most {MAX_FILE_BYTES}")
    with np.load(path, allow_pickle=False) as file:
        about = json.loads(str(file["about"][()]))
        arrays = {name: file[name] for name in _ARRAYS}
    for name, array in arrays.items():
        if array.dtype.kind != "f":
            raise BasisError(f"{name} are {array.dtype}, expected floating-point numbers")
    if not isinstance(about, dict) or about.get("format_version") != FORMAT_VERSION:
        raise BasisError(f"not format {FORMAT_VERSION}")
    return about, arrays


def _assemble(about: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Basis:
    components = arrays["components"].astype(np.float32)
    if components.ndim != 4:
        raise BasisError(
            f"components have shape {components.shape}, expected (count, frames, bins, channels)"
        )
    with np.errstate(invalid="ignore"):
        lengths = np.sqrt(np.sum(np.square(components), axis=(1, 2, 3), keepdims=True))
    if np.abs(lengths - 1.0).max(initial=0.0) < 0.01:
        components /= lengths  # what float16 took away
    return Basis(
        model_digest=str(about["model_digest"]),
        layer=str(about["layer"]),
        pitches=tuple(int(p) for p in about["pitches"]),
        components=components,
        sigmas=arrays["sigmas"].astype(np.float32),
        explained=arrays["explained"].astype(np.float32),
        samples=int(about["samples"]),
        seed=int(about["seed"]),
        versions={str(k): str(v) for k, v in about["versions"].items()},
        # Files written before directions had names lack both.
        labels=tuple(DirectionLabel.from_json(label) for label in about.get("labels", ())),
        revision=str(about.get("revision", "")),
    )
