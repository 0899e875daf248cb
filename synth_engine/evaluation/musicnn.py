"""musicnn's features in NumPy: a judge of realism that never saw our data, without the TensorFlow it pins.

    log-mel patch, 3 s
      -> two convolutions tall in frequency and three long in time, each pooled over all frequencies
      -> three convolutions along time, each adding what came before
      -> maximum and mean over time, dense layer: 200 numbers

Source: Pons and Serra, musicnn: Pre-trained Convolutional Neural Networks for Music Audio Tagging (ISMIR
2019, late-breaking); the weights "MTT_musicnn" inside the package's wheel.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth_engine.evaluation.judges import JudgeMissing
from synth_engine.evaluation.mel import mel_power
from synth_engine.gansynth.bundle import BundleReader
from synth_engine.gansynth.sources import FolderSource

FloatArray = NDArray[np.float32]

FEATURES = 200
PATCH_FRAMES = 188  # 3 s, what the network was trained on
_BANDS = 96
_WINDOW_FRAMES = 512
_HOP_FRAMES = 256
_NORM_EPSILON = 1e-3
_REACH = 3  # the mid-end's kernels are seven frames long


def load_musicnn() -> Musicnn:
    """Load the weights of the installed package, which itself is never imported.

    Raises
    ------
    JudgeMissing
        If the package is not installed.
    CheckpointError
        If its weights are damaged.
    """
    package = importlib.util.find_spec("musicnn")
    if package is None or not package.submodule_search_locations:
        raise JudgeMissing("distances need musicnn's weights: pip install --no-deps musicnn==0.1.0")
    folder = Path(package.submodule_search_locations[0]) / "MTT_musicnn"
    bundle = BundleReader("", FolderSource(folder))  # the files are called .index and .data-00000-of-00001
    names = [name for name in bundle.variables if "Adam" not in name and not name.startswith("beta")]
    return Musicnn(bundle.read_many(names))


class Musicnn:
    """Notes in, features out.

    Parameters
    ----------
    tensors : mapping of str to array
        The checkpoint's variables by name.
    """

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        def read(name: str) -> FloatArray:
            return np.asarray(tensors[name], np.float32)

        def norm(number: int) -> tuple[FloatArray, FloatArray]:
            """Batch norm of a trained network: a scale and a shift."""
            name = f"batch_normalization_{number}" if number else "batch_normalization"
            spread = np.sqrt(read(f"{name}/moving_variance") + _NORM_EPSILON)
            scale = read(f"{name}/gamma") / spread
            return scale, read(f"{name}/beta") - read(f"{name}/moving_mean") * scale

        def layer(kind: str, number: int) -> tuple[FloatArray, FloatArray]:
            name = f"{kind}_{number}" if number else kind
            return read(f"{name}/kernel"), read(f"{name}/bias")

        self._input_norm = norm(0)
        self._front = [(*layer("conv2d", n), *norm(n + 1)) for n in range(5)]
        self._middle = [(*layer("conv2d", n), *norm(n + 1)) for n in range(5, 8)]
        self._pool_norm = norm(9)
        self._dense = (*layer("dense", 0), *norm(10))

    def features(self, wave: FloatArray) -> FloatArray:
        """Features of one note.

        Parameters
        ----------
        wave : NDArray[np.float32], shape (frames,)
            At 16 kHz, 3 s or more, in -1..1; what lies behind 3 s is not heard.

        Returns
        -------
        NDArray[np.float32], shape (200,)
            Penultimate layer, after its batch norm.
        """
        patch = mel_power(wave, _BANDS, _WINDOW_FRAMES, _HOP_FRAMES)[:PATCH_FRAMES]
        scale, shift = self._input_norm
        x = np.log10(1.0 + 10_000.0 * patch) * scale + shift
        front = np.concatenate([_pooled_convolution(x, *weights) for weights in self._front], axis=1)
        levels = [front]
        for number, weights in enumerate(self._middle):
            y = _along_time(levels[-1], *weights)
            levels.append(y if number == 0 else y + levels[-1])
        joined = np.concatenate(levels, axis=1)
        pooled = np.stack([joined.max(axis=0), joined.mean(axis=0)], axis=1).ravel()
        scale, shift = self._pool_norm
        kernel, bias, last_scale, last_shift = self._dense
        hidden = np.maximum((pooled * scale + shift) @ kernel + bias, 0.0)
        features: FloatArray = hidden * last_scale + last_shift
        return features


def _pooled_convolution(
    x: FloatArray, kernel: FloatArray, bias: FloatArray, scale: FloatArray, shift: FloatArray
) -> FloatArray:
    """Convolve, ReLU, batch norm, maximum over all frequencies; (frames, bands) to (frames, filters)."""
    frames, bands = kernel.shape[:2]
    padded = np.pad(x, (((frames - 1) // 2, frames // 2), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (frames, bands))
    maps = windows.reshape(-1, frames * bands) @ kernel.reshape(frames * bands, -1)
    maps = maps.reshape(windows.shape[0], windows.shape[1], -1)
    # The norm behind the ReLU turns a filter of negative scale upside down: its maximum is the minimum.
    pooled = np.where(scale >= 0.0, maps.max(axis=1), maps.min(axis=1))
    filtered: FloatArray = np.maximum(pooled + bias, 0.0) * scale + shift
    return filtered


def _along_time(
    x: FloatArray, kernel: FloatArray, bias: FloatArray, scale: FloatArray, shift: FloatArray
) -> FloatArray:
    """Convolve along time over all channels, ReLU, batch norm; (frames, channels) to (frames, filters)."""
    padded = np.pad(x, ((_REACH, _REACH), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _REACH + 1, axis=0).swapaxes(1, 2)
    maps = windows.reshape(len(x), -1) @ kernel.reshape(-1, kernel.shape[-1])
    filtered: FloatArray = np.maximum(maps + bias, 0.0) * scale + shift
    return filtered
