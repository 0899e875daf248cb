"""A first hidden layer small enough to know everything about."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

LATENT_SIZE, CHANNELS = 8, 4
PITCHES = tuple(range(60, 67))

Activate = Callable[[NDArray[np.float32], NDArray[np.int64]], NDArray[np.float32]]


@pytest.fixture(scope="session")
def activate() -> Activate:
    """Random dense layer, leaky ReLU and pixel norm, as in the generator; pitch enters strongly."""
    kernel = np.random.default_rng(7).standard_normal((LATENT_SIZE + len(PITCHES), 2 * 16 * CHANNELS))
    kernel[LATENT_SIZE:] *= 3.0

    def run(latents: NDArray[np.float32], pitches: NDArray[np.int64]) -> NDArray[np.float32]:
        joined = np.concatenate([latents, np.eye(len(PITCHES))[pitches - PITCHES[0]]], axis=1)
        joined /= np.sqrt(np.mean(joined**2, axis=1, keepdims=True) + 1e-8)
        x = (joined @ kernel).reshape(-1, 2, 16, CHANNELS)
        x = np.where(x < 0, 0.2 * x, x)
        return (x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-8)).astype(np.float32)

    return run
