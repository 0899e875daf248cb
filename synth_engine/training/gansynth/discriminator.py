"""The discriminator as a Keras model: the generator's mirror, with a score and one head for every label.

    spectrograms, normalised and clipped
      -> 1 x 1 convolution from two channels
      -> blocks B..2: two 3 x 3 convolutions, average pool 2 x 2
      -> block 1: batch variance as one more channel, 3 x 3, then a convolution over the whole map
      -> one score, and logits of every head

Every hidden layer is scaled convolution, bias, leaky ReLU; there is no pixel norm. While the newest block is
faded in, its pooled output is mixed with the image seen by the block before.

Source: Karras et al., Progressive Growing of GANs (ICLR 2018); Engel et al., GANSynth (ICLR 2019).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from synth_engine.generator.architecture import LEAKY_SLOPE, Architecture

Tensor: TypeAlias = Any  # Keras has no common type for the backends' tensors

_VARIANCE_FLOOR = 1e-6
_LINEAR = ("block_1/logits/", "heads/")  # no activation follows: scale sqrt(1 / fan_in), not sqrt(2 / fan_in)


@dataclass(frozen=True)
class Judgement:
    """What the discriminator says of a batch.

    Attributes
    ----------
    scores : tensor, float32, shape (n,)
        High for real notes.
    logits : dict of str to tensor, float32, shape (n, size of the head)
        One entry a head, "pitch" first.
    last : tensor, float32, shape (n, channels of block 1)
        The last hidden layer.
    """

    scores: Tensor
    logits: dict[str, Tensor]
    last: Tensor


def weight_shapes(architecture: Architecture, heads: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all weights of a discriminator for this generator.

    Parameters
    ----------
    architecture : Architecture
        The generator's sizes; block b has the same channels in both networks, and sees images where the
        generator's makes some.
    heads : mapping of str to int
        Logits of every head.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    narrower = (architecture.channels[0], *architecture.channels)
    for block, width in enumerate(architecture.channels, start=1):
        last = (architecture.start_frames, architecture.start_bins) if block == 1 else (3, 3)
        if block in architecture.output_weights:
            shapes[f"block_{block}/from_rgb/kernel"] = (1, 1, 2, width)
            shapes[f"block_{block}/from_rgb/bias"] = (width,)
        shapes[f"block_{block}/conv0/kernel"] = (3, 3, width + (block == 1), width)
        shapes[f"block_{block}/conv0/bias"] = (width,)
        shapes[f"block_{block}/conv1/kernel"] = (*last, width, narrower[block - 1])
        shapes[f"block_{block}/conv1/bias"] = (narrower[block - 1],)
    for name, size in (("block_1/logits", 1), *((f"heads/{head}", size) for head, size in heads.items())):
        shapes[f"{name}/kernel"] = (architecture.channels[0], size)
        shapes[f"{name}/bias"] = (size,)
    return shapes


def runtime_scale(name: str, shape: tuple[int, ...]) -> float:
    """Return the factor a stored kernel is multiplied with at run time (1 for biases).

    Source: Karras et al., Progressive Growing of GANs (ICLR 2018), section 4.1.
    """
    if name.endswith("/bias"):
        return 1.0
    gain = 1.0 if name.startswith(_LINEAR) else 2.0
    return math.sqrt(gain / math.prod(shape[:-1]))


def halve(x: Tensor) -> Tensor:
    """Average 2 x 2 positions into one; shape (n, h, w, c) to (n, h / 2, w / 2, c)."""
    return ops.average_pool(x, 2, strides=2)


def batch_statistic(x: Tensor) -> Tensor:
    """Append the mean standard deviation over the batch, one number for all positions, as a channel.

    It lets the discriminator see that a batch is less varied than real notes are.

    Source: Karras et al., Progressive Growing of GANs (ICLR 2018), section 3.
    """
    wide = ops.cast(x, "float32")
    deviation = ops.sqrt(ops.mean(ops.square(wide - ops.mean(wide, axis=0)), axis=0) + _VARIANCE_FLOOR)
    channel = ops.cast(ops.mean(deviation), x.dtype) * ops.ones_like(x[..., :1])
    return ops.concatenate([x, channel], axis=-1)


class Discriminator(keras.Model):  # type: ignore[misc]  # Keras has no types
    """Spectrograms in, scores and logits out.

    Parameters
    ----------
    architecture : Architecture
        Sizes of the generator it judges; images have the size of its last block.
    heads : mapping of str to int
        Logits of every head.
    convolution_dtype : str
        Type convolutions are computed in; weights, statistic and heads stay in float32.
    """

    def __init__(
        self, architecture: Architecture, heads: Mapping[str, int], convolution_dtype: str = "float32"
    ) -> None:
        super().__init__(name="discriminator")
        self.architecture = architecture
        self._heads = dict(heads)
        self._convolution_dtype = convolution_dtype
        self._by_name = {
            name: self.add_weight(shape=shape, initializer="zeros", name=name.replace("/", "_"))
            for name, shape in weight_shapes(architecture, heads).items()
        }
        self.built = True

    @property
    def weight_names(self) -> tuple[str, ...]:
        """Names of the weights, in the order of `trainable_variables`."""
        return tuple(self._by_name)

    def call(self, images: Tensor, fade: Tensor | None = None) -> Judgement:
        """Judge spectrograms.

        Parameters
        ----------
        images : tensor, float32, shape (n, frames, bins, 2)
            Natural log of mel power and phase step in units of pi.
        fade : tensor or None
            How far the last block is faded in, 0..1; None where nothing is blended.
        """
        size = self.architecture
        scale, offset = np.array(size.scale, np.float32), np.array(size.offset, np.float32)
        images = ops.clip(images * scale + offset, -1.0, 1.0)
        blocks = self.architecture.blocks
        x = self._from_rgb(blocks, images)
        for block in range(blocks, 1, -1):
            x = self._convolve(f"block_{block}/conv0", x)
            x = halve(self._convolve(f"block_{block}/conv1", x))
            if block == blocks and fade is not None:
                weight = ops.cast(fade, x.dtype)
                x = weight * x + (1 - weight) * self._from_rgb(block - 1, halve(images))
        x = self._convolve("block_1/conv0", batch_statistic(x))
        last = ops.reshape(self._convolve("block_1/conv1", x, padding="valid"), (-1, x.shape[-1]))
        last = ops.cast(last, "float32")
        logits = {head: self._dense(f"heads/{head}", last) for head in self._heads}
        return Judgement(self._dense("block_1/logits", last)[:, 0], logits, last)

    def _kernel(self, name: str) -> Tensor:
        weight = self._by_name[f"{name}/kernel"]
        return weight * runtime_scale(f"{name}/kernel", tuple(weight.shape))

    def _from_rgb(self, block: int, images: Tensor) -> Tensor:
        return self._convolve(f"block_{block}/from_rgb", ops.cast(images, self._convolution_dtype))

    def _convolve(self, name: str, x: Tensor, padding: str = "same") -> Tensor:
        y = ops.conv(x, ops.cast(self._kernel(name), x.dtype), padding=padding)
        return ops.leaky_relu(
            y + ops.cast(self._by_name[f"{name}/bias"], x.dtype), negative_slope=LEAKY_SLOPE
        )

    def _dense(self, name: str, x: Tensor) -> Tensor:
        return ops.matmul(x, self._kernel(name)) + self._by_name[f"{name}/bias"]

    def assign_named_weights(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        """Set all weights by name.

        Raises
        ------
        KeyError
            If a weight is missing.
        ValueError
            If a shape differs.
        """
        for name, variable in self._by_name.items():
            variable.assign(weights[name])
