"""What a generated spectrogram is charged for, given the real one."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from keras import ops
from numpy.typing import NDArray

from synth_engine.generator.spectral import OFFSET, SCALE

Tensor: TypeAlias = Any

_LEVEL_FLOOR = 0.1  # share of the charge that bins at the noise floor keep
_LOUDNESS_POWER = 4  # level ** 4 falls to a tenth at -40 dB: partials count, the noise between them hardly
_POOLS = ((2, 4), (4, 16))  # frames x bins whose mean power is compared, beside that of every bin
_QUIETEST = float(np.log(1e-5))


def loudness_of(level: NDArray[np.floating]) -> NDArray[np.floating]:
    """Weight of normalised log power (-0.8 at the floor, 0.8 at full level): 0..1."""
    loudness: NDArray[np.floating] = np.clip((level + 0.8) / 1.6, 0.0, 1.0) ** _LOUDNESS_POWER
    return loudness


def reconstruction(
    generated: Tensor, real: Tensor, weights: Tensor | None = None, totals: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Charge magnitude and frequency errors.

    Parameters
    ----------
    generated : tensor, shape (n, frames, bins, 2)
        Log mel power and phase step in units of pi.
    real : tensor, same shape
        The same, normalised.
    weights : tensor or None, shape (n, frames)
        Weight of each frame; None for 1.
    totals : tensor or None, shape (n,)
        Sum of `loudness_of` that belongs to a stretch as long as this one; None takes the stretch's own.

    Returns
    -------
    magnitude, frequency : tensor, scalar
        L1 of the normalised log magnitude (half over everything, half where it is loud), and the wrapped
        difference of phase steps in units of pi where it is loud; silence charges nothing for frequency.
    """
    level = ops.clip((real[..., 0] + 0.8) / 1.6, 0.0, 1.0)
    loud_at = ops.power(level, _LOUDNESS_POWER)
    share = ops.ones_like(loud_at[..., :1]) if weights is None else weights[..., None]
    if totals is None:
        totals = ops.sum(loud_at, axis=(1, 2))
    loud_at = share * loud_at / (ops.reshape(totals, (-1, 1, 1)) + 1e-6)
    error = ops.abs(generated[..., 0] * float(SCALE[0]) + float(OFFSET[0]) - real[..., 0])
    everywhere = ops.mean(share * (_LEVEL_FLOOR + level) * error) / ops.mean(share)
    loud = ops.mean(ops.sum(loud_at * error, axis=(1, 2)))
    steps = generated[..., 1] - real[..., 1] / float(SCALE[1])
    steps = ops.abs(steps - 2.0 * ops.round(0.5 * steps))
    return everywhere + loud, ops.mean(ops.sum(loud_at * steps, axis=(1, 2)))


def pooled(generated: Tensor, real: Tensor, weights: Tensor) -> Tensor:
    """Charge errors of the mean power of patches of two sizes, in normalised log power.

    A single bin of noise is 5.6 dB off its own mean at random, and L1 settles on the median, 1.6 dB too low;
    the mean power of a patch is neither.

    Parameters
    ----------
    generated, real, weights
        As in `reconstruction`.

    Returns
    -------
    tensor, scalar
    """
    made = ops.maximum(generated[..., 0], _QUIETEST)
    true = ops.maximum((real[..., 0] - float(OFFSET[0])) / float(SCALE[0]), _QUIETEST)
    charge: Tensor = 0.0
    for pool in _POOLS:
        share = ops.average_pool(weights[..., None, None], (pool[0], 1), strides=(pool[0], 1))[..., 0]
        levels = [
            ops.log(ops.average_pool(ops.exp(x)[..., None], pool, strides=pool)[..., 0]) for x in (made, true)
        ]
        level = ops.clip((levels[1] * float(SCALE[0]) + float(OFFSET[0]) + 0.8) / 1.6, 0.0, 1.0)
        error = ops.abs(levels[0] - levels[1]) * float(SCALE[0])
        weight = share * (_LEVEL_FLOOR * level + ops.power(level, _LOUDNESS_POWER // 2))
        charge = charge + ops.sum(weight * error) / (ops.sum(weight) + 1e-6)
    return charge / len(_POOLS)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence of each Gaussian from N(0, I) in nats, shape (n,)."""
    terms = ops.square(mean) + ops.exp(log_variance) - 1.0 - log_variance
    return 0.5 * ops.sum(terms, axis=-1)


def learning_rate(progress: float, step: int, peak: float) -> float:
    """Warm up over 200 steps, then follow a cosine down to 2 % at progress 1."""
    cosine = 0.5 + 0.5 * float(np.cos(np.pi * min(1.0, progress)))
    return peak * min(1.0, (step + 1) / 200) * (0.02 + 0.98 * cosine)
