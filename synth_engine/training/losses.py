"""What a generated spectrogram is charged for, given the real one."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from keras import ops

from synth_engine.generator.spectral import OFFSET, SCALE

Tensor: TypeAlias = Any

_LEVEL_FLOOR = 0.1  # share of the charge that bins at the noise floor keep
_LOUDNESS_POWER = 4  # level ** 4 falls to a tenth at -40 dB: partials count, the noise between them hardly


def reconstruction(generated: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Charge magnitude and frequency errors.

    Parameters
    ----------
    generated : tensor, shape (n, frames, bins, 2)
        Log mel power and phase step in units of pi.
    real : tensor, same shape
        The same, normalised.

    Returns
    -------
    magnitude, frequency : tensor, scalar
        L1 of the normalised log magnitude (half over everything, half where it is loud), and the wrapped
        difference of phase steps in units of pi where it is loud; silence charges nothing for frequency.
    """
    level = ops.clip((real[..., 0] + 0.8) / 1.6, 0.0, 1.0)
    loudness = ops.power(level, _LOUDNESS_POWER)
    loudness = loudness / (ops.sum(loudness, axis=(1, 2), keepdims=True) + 1e-6)
    error = ops.abs(generated[..., 0] * float(SCALE[0]) + float(OFFSET[0]) - real[..., 0])
    everywhere = ops.mean((_LEVEL_FLOOR + level) * error)
    loud = ops.mean(ops.sum(loudness * error, axis=(1, 2)))
    steps = generated[..., 1] - real[..., 1] / float(SCALE[1])
    steps = ops.abs(steps - 2.0 * ops.round(0.5 * steps))
    return everywhere + loud, ops.mean(ops.sum(loudness * steps, axis=(1, 2)))


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence of each Gaussian from N(0, I) in nats, shape (n,)."""
    terms = ops.square(mean) + ops.exp(log_variance) - 1.0 - log_variance
    return 0.5 * ops.sum(terms, axis=-1)


def learning_rate(progress: float, step: int, peak: float) -> float:
    """Warm up over 200 steps, then follow a cosine down to 2 % at progress 1."""
    cosine = 0.5 + 0.5 * float(np.cos(np.pi * min(1.0, progress)))
    return peak * min(1.0, (step + 1) / 200) * (0.02 + 0.98 * cosine)
