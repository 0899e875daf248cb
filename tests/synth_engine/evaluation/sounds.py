"""Notes whose measures are known because they are made that way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000


def note(
    f0_hz: float = 220.0, partials: int = 8, slope: float = 1.0, attack_s: float = 0.0, decay_s: float = 100.0
) -> NDArray[np.float32]:
    """A harmonic note, linear attack, exponential decay, released over 0.1 s at 3 s."""
    times_s = np.arange(4 * RATE_HZ) / RATE_HZ
    wave = sum(np.sin(2 * np.pi * n * f0_hz * times_s) / n**slope for n in range(1, partials + 1))
    level = np.exp(-times_s / decay_s) * np.clip((3.1 - times_s) / 0.1, 0.0, 1.0)
    if attack_s:
        level = level * np.clip(times_s / attack_s, 0.0, 1.0)
    return (0.2 * wave * level).astype(np.float32)
