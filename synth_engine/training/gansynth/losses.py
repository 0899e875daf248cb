"""What discriminator and generator are charged for.

    L_D = mean D(fake) - mean D(real) + gradient penalty + score drift + label loss of the real notes
    L_G = -mean D(fake) + label loss of the generated notes

Source: Gulrajani et al., Improved Training of Wasserstein GANs (NeurIPS 2017), equation 3; Karras et al.,
Progressive Growing of GANs (ICLR 2018), appendix A.1 (drift); Engel et al., GANSynth (ICLR 2019), section 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from keras import ops

from synth_engine.training.gansynth.heads import Head

Tensor: TypeAlias = Any

_NORM_FLOOR = 1e-20  # below float32's resolution of any real norm; only keeps the square root's slope finite


def gradient_penalty(gradients: Tensor, enlargement: float, target: float = 1.0) -> Tensor:
    """Charge gradients of the score whose length is not `target`.

    Parameters
    ----------
    gradients : tensor, shape (n, frames, bins, 2)
        Of the summed scores by the images.
    enlargement : float
        How many times longer each side of a finished image is than of these. GANSynth takes the gradient by
        the finished size, where every pixel is a copy: the same gradient spread over enlargement ** 2 pixels
        is shorter by `enlargement`.
    target : float
        Length that is not charged.
    """
    squares = ops.sum(ops.square(gradients), axis=(1, 2, 3))
    lengths = ops.sqrt(squares + _NORM_FLOOR) / enlargement
    return ops.mean(ops.square(lengths - target))


def label_losses(
    heads: Sequence[Head], logits: Mapping[str, Tensor], labels: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Cross-entropy of every head in nats, averaged over the batch (and the bits of a head of bits)."""
    losses = {}
    for head in heads:
        found, wanted = logits[head.name], labels[head.name]
        if head.exclusive:
            losses[head.name] = ops.mean(ops.categorical_crossentropy(wanted, found, from_logits=True))
        else:
            losses[head.name] = ops.mean(_bit_losses(found, wanted))
    return losses


def _bit_losses(logits: Tensor, bits: Tensor) -> Tensor:
    """-log sigmoid of the wanted sign, in the form that cannot overflow."""
    return ops.maximum(logits, 0.0) - logits * bits + ops.softplus(-ops.abs(logits))


def weighted_sum(heads: Sequence[Head], losses: Mapping[str, Tensor]) -> Tensor:
    """Sum of the label losses, each times its head's weight."""
    return sum((head.weight * losses[head.name] for head in heads), start=0.0)
