"""Begin a larger network with what a smaller one learned: at first it makes exactly the same sound."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from synth_engine.generator.architecture import Architecture, runtime_scale

FloatArray = NDArray[np.float32]


def widen(
    weights: Mapping[str, FloatArray], old: Architecture, new: Architecture, rng: np.random.Generator
) -> dict[str, FloatArray]:
    """Carry weights over to an architecture with doubled widths, a voicing, or both.

    A doubled layer holds each channel twice; what reads it shares the old kernel between the two copies,
    unequally, so that they soon part ways.

    Parameters
    ----------
    weights : mapping
        Stored weights of the old architecture.
    old, new : Architecture
        Of the same number of blocks; each width the same or doubled.
    rng : numpy.random.Generator
        Draws the unequal shares.

    Returns
    -------
    dict
        Weights of the new architecture that make the same spectrograms.

    Raises
    ------
    ValueError
        If a width is neither the same nor doubled.

    Source: Chen, Goodfellow and Shlens, Net2Net: Accelerating Learning via Knowledge Transfer (ICLR 2016).
    """
    for was, now in zip(old.channels, new.channels, strict=True):
        if now not in (was, 2 * was):
            raise ValueError(f"channels: expected {was} or {2 * was}, found {now}")
    grown = {}
    for name, shape in new.weight_shapes().items():
        if name not in weights:
            grown[name] = np.zeros(shape, np.float32)
            continue
        weight = weights[name] * np.float32(runtime_scale(name, weights[name].shape))
        if name.endswith("kernel"):
            scale = runtime_scale(name, shape)
            weight = _read_copies(weight, shape, scale, name.endswith("maps_kernel"), rng) / scale
        copies = shape[-1] // weight.shape[-1]
        grown[name] = np.concatenate([weight] * copies, axis=-1).astype(np.float32)
    return grown


def _read_copies(
    kernel: FloatArray, shape: tuple[int, ...], scale: float, is_maps: bool, rng: np.random.Generator
) -> FloatArray:
    extra = shape[2] - kernel.shape[2]
    if not extra:
        return kernel
    if is_maps:  # new maps begin at zero, so any kernel may read them
        fresh = rng.normal(scale=0.5 * scale, size=(*kernel.shape[:2], extra, kernel.shape[3]))
        return np.concatenate([kernel, fresh], axis=2).astype(np.float32)
    share = rng.normal(scale=np.sqrt(0.5) * scale, size=kernel.shape)
    return np.concatenate([0.5 * kernel + share, 0.5 * kernel - share], axis=2).astype(np.float32)
