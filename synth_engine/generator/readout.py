"""A dense layer that reads numbers for every harmonic slot out of a note's hook."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from synth_engine.generator.architecture import runtime_scale

FloatArray = NDArray[np.float32]


class Readout:
    """The layer of one name.

    Parameters
    ----------
    weights : mapping
        All weights by name; `<name>/kernel` and `<name>/bias` are this layer's.
    name : str
        Such as "trim".
    """

    def __init__(self, weights: Mapping[str, FloatArray], name: str) -> None:
        kernel = weights[f"{name}/kernel"]
        scale = np.float32(runtime_scale(f"{name}/kernel", kernel.shape))
        self._dense = np.ascontiguousarray(kernel.reshape(-1, kernel.shape[-1]) * scale)
        self._bias = weights[f"{name}/bias"]

    def of_hook(self, hook: FloatArray) -> FloatArray:
        """Return the numbers of a hook (frames, bins, channels) as one row."""
        numbers: FloatArray = hook.reshape(-1) @ self._dense + self._bias
        return numbers
