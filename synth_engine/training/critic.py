"""A critic of stretches of spectrograms: does a patch look like a piece of a real note of its pitch?"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from synth_engine.generator.harmonic import MAP_CHANNELS
from synth_engine.generator.spectral import OFFSET, SCALE

Tensor: TypeAlias = Any

_WIDTHS = (16, 32, 64, 64)
_STRIDES = ((1, 2), (2, 4), (2, 4), (2, 2))  # frames x bins
_TAPS = (4, 6)
_SLOPE = 0.2


class Critic(keras.Model):  # type: ignore[misc]  # Keras has no types
    """Strided convolutions over what `seen` returns: one score a patch.

    Parameters
    ----------
    seed : int
        Seed of the kernels.
    dtype : str
        Of the convolutions.

    Source: Isola et al., Image-to-Image Translation with Conditional Adversarial Networks (CVPR 2017).
    """

    def __init__(self, seed: int, dtype: str) -> None:
        super().__init__(name="critic")
        self._dtype = dtype
        draw = keras.initializers.RandomNormal(0.0, 1.0, seed=seed)
        before = 3 + MAP_CHANNELS
        self._layers_of = []
        for width, taps in (*((width, _TAPS) for width in _WIDTHS), (1, (1, 1))):
            kernel = self.add_weight(shape=(*taps, before, width), initializer=draw)
            self._layers_of.append((kernel, self.add_weight(shape=(width,), initializer="zeros")))
            before = width
        self.built = True

    def call(self, patches: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return scores (n, frames, bins, 1) and the activations of every hidden layer."""
        x, features = ops.cast(patches, self._dtype), []
        *hidden, last = self._layers_of
        for (kernel, bias), strides in zip(hidden, _STRIDES, strict=True):
            x = ops.leaky_relu(_convolve(x, kernel, bias, strides), negative_slope=_SLOPE)
            features.append(x)
        return ops.cast(_convolve(x, *last, (1, 1)), "float32"), features


def _convolve(x: Tensor, kernel: Tensor, bias: Tensor, strides: tuple[int, int]) -> Tensor:
    scaled = ops.cast(kernel * math.sqrt(2.0 / math.prod(kernel.shape[:-1])), x.dtype)
    return ops.conv(x, scaled, strides=strides, padding="same") + ops.cast(bias, x.dtype)


def seen(level: Tensor, steps: Tensor, base_steps: Tensor, maps: Tensor) -> Tensor:
    """Stack what the critic looks at.

    Parameters
    ----------
    level : tensor, shape (n, frames, bins)
        Normalised log power.
    steps : tensor, same shape
        Phase step in units of pi; where there is no level it is not shown.
    base_steps : tensor, shape (n, bins)
        Step of a steady harmonic tone in units of pi.
    maps : tensor, shape (n, bins, channels)
        Maps of the pitch.

    Returns
    -------
    tensor, shape (n, frames, bins, 3 + channels)
    """
    turned = np.pi * (steps - base_steps[:, None, :])
    clear = ops.clip((level + 0.8) / 1.6, 0.0, 1.0)
    own = ops.stack([level, clear * ops.cos(turned), clear * ops.sin(turned)], axis=-1)
    rows = ops.repeat(maps[:, None, :, :], level.shape[1], axis=1)
    return ops.concatenate([own, rows], axis=-1)


def seen_generated(generated: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """`seen` of what the network made: log mel power, phase step."""
    level = generated[..., 0] * float(SCALE[0]) + float(OFFSET[0])
    return seen(level, generated[..., 1], batch["base_steps"], batch["maps"])


def seen_real(batch: dict[str, Tensor]) -> Tensor:
    """`seen` of the normalised real notes."""
    real = batch["real"]
    return seen(real[..., 0], real[..., 1] / float(SCALE[1]), batch["base_steps"], batch["maps"])


def hinge(real: Tensor, made: Tensor) -> Tensor:
    """What the critic is charged for its scores.

    Source: Miyato et al., Spectral Normalization for Generative Adversarial Networks (ICLR 2018).
    """
    return ops.mean(ops.relu(1.0 - real)) + ops.mean(ops.relu(1.0 + made))


def feature_distance(real: list[Tensor], made: list[Tensor]) -> Tensor:
    """Mean absolute difference of activations, layer by layer; the real ones are held fast.

    Source: Larsen et al., Autoencoding beyond pixels using a learned similarity metric (ICML 2016).
    """
    distances = [
        ops.mean(ops.abs(ops.cast(ops.stop_gradient(a) - b, "float32")))
        for a, b in zip(real, made, strict=True)
    ]
    return sum(distances) / len(distances)
