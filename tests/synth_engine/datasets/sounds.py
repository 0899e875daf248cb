"""Small recordings to cut: plucked and held tones of known pitch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile


def tone(pitch: float, seconds: float, rate_hz: int = 44_100, decay_s: float = 0.8) -> np.ndarray:
    """A plucked string of eight partials."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    f0_hz = 440.0 * 2 ** ((pitch - 69) / 12)
    wave = sum(
        np.sin(2 * np.pi * k * f0_hz * time_s + k) / k for k in range(1, 9) if k * f0_hz < rate_hz / 2.2
    )
    envelope = np.exp(-time_s / decay_s) * np.clip(time_s / 0.004, 0, 1)
    envelope *= np.clip((seconds - time_s) / 0.05, 0, 1)
    return 0.3 * wave * envelope


def silence(seconds: float, rate_hz: int = 44_100) -> np.ndarray:
    """Faint noise."""
    return 1e-5 * np.random.default_rng(0).normal(size=round(seconds * rate_hz))


def scale(pitches: list[int], seconds: float = 1.0, rate_hz: int = 44_100) -> np.ndarray:
    """One note after the other, with silence before, between and after."""
    parts = [silence(0.5, rate_hz)]
    for pitch in pitches:
        parts += [tone(pitch, seconds, rate_hz), silence(0.2, rate_hz)]
    return np.concatenate(parts)


def write(path: Path, wave: np.ndarray, rate_hz: int = 44_100, **how: str) -> Path:
    """Write a recording; its format is that of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, rate_hz, **how)
    return path
