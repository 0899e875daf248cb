"""Block 1's first layer in NumPy: the point where timbre edits enter, kept outside the compiled network.

One compiled network then serves every pitch, latent point and edit, since all of them are its input.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synth_engine.generator.architecture import LEAKY_SLOPE, NORM_FLOOR, runtime_scale
from synth_engine.generator.model import Model

FloatArray = NDArray[np.float32]

_KERNEL = "block_1/conv0/kernel"


def pixel_norm(x: FloatArray) -> FloatArray:
    """Divide by the root mean square over the last axis."""
    power = np.mean(np.square(x), axis=-1, keepdims=True, dtype=np.float32)
    return (x / np.sqrt(power + np.float32(NORM_FLOOR))).astype(np.float32)


def one_hots_of_pitches(pitches: NDArray[np.floating], known: tuple[int, ...]) -> FloatArray:
    """Return one-hot rows; a pitch between two known ones shares its weight, one outside is clamped.

    Parameters
    ----------
    pitches : NDArray[np.floating], shape (n,)
        MIDI pitches, continuous.
    known : tuple of int
        The model's pitches, ascending.

    Returns
    -------
    NDArray[np.float32], shape (n, len(known))
    """
    position = np.interp(np.asarray(pitches, np.float64), known, np.arange(len(known)))
    return np.maximum(0.0, 1.0 - np.abs(position[:, None] - np.arange(len(known)))).astype(np.float32)


class Entry:
    """The first layer of one model.

    Parameters
    ----------
    model : Model
        Verified model.

    Attributes
    ----------
    hook_shape : tuple of int
        (frames, bins, channels) of one activation.
    """

    def __init__(self, model: Model) -> None:
        self.hook_shape = model.hook_shape
        self._pitches = model.pitches
        self._latent_size = model.latent_size
        kernel = model.weights[_KERNEL]
        # A VALID convolution over a zero-padded 1 x 1 map: each output meets one tap, counted backwards.
        flipped = np.moveaxis(kernel[::-1, ::-1], 2, 0) * np.float32(runtime_scale(_KERNEL, kernel.shape))
        self._dense = np.ascontiguousarray(flipped.reshape(kernel.shape[2], -1), dtype=np.float32)
        self._bias = model.weights["block_1/conv0/bias"]

    def activate(self, latents: FloatArray, pitches: NDArray[np.floating]) -> FloatArray:
        """Compute the activation that the rest of the network starts from.

        Parameters
        ----------
        latents : NDArray[np.float32], shape (n, latent_size)
            Latent points.
        pitches : NDArray[np.floating], shape (n,)
            MIDI pitches, continuous.

        Returns
        -------
        NDArray[np.float32], shape (n, *hook_shape)
            After leaky ReLU and pixel norm. GANSpace edits are added to this, never put in its place: it
            bears the pitch too.

        Raises
        ------
        ValueError
            If the shapes do not fit.
        """
        latents, pitches = np.asarray(latents, np.float32), np.asarray(pitches, np.float64)
        if latents.shape != (len(pitches), self._latent_size) or pitches.ndim != 1:
            expected = f"({len(pitches)}, {self._latent_size})"
            raise ValueError(f"latents: expected shape {expected}, found {latents.shape}")
        joined = np.concatenate([latents, one_hots_of_pitches(pitches, self._pitches)], axis=1)
        dense = (pixel_norm(joined) @ self._dense).reshape(len(joined), *self.hook_shape) + self._bias
        return pixel_norm(np.where(dense < 0.0, np.float32(LEAKY_SLOPE) * dense, dense))
