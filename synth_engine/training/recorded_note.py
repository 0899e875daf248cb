"""A recorded note as a model would have made it, and how far a made one is from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synth_engine.generator.spectral import Representation

FloatArray = NDArray[np.float32]

_PATCH = (4, 8)  # frames x bins of which the mean power is compared
_DB_PER_NAT = 10.0 / np.log(10.0)
_RANGE_NAT = 60.0 / _DB_PER_NAT  # patches quieter than this below the loudest do not count


def prepare_note(wave: FloatArray, size: Representation) -> FloatArray:
    """Return a trimmed note cut or padded to the model's length, peak 0.95; shape (wave_frames,)."""
    note = np.zeros(size.wave_frames, np.float32)
    part = wave[: size.wave_frames]
    note[: len(part)] = part * (0.95 / max(float(np.abs(part).max(initial=0.0)), 1e-9))
    return note


def distance_db(made: FloatArray, real: FloatArray) -> float:
    """Mean difference of two log mel power spectrograms (frames, bins), smoothed, each at its own level.

    Counted where the real one is within 60 dB of its loudest; noise is compared by its mean power.
    """
    smooth_made, smooth_real = (_smooth(spectrogram) for spectrogram in (made, real))
    loud = smooth_real > smooth_real.max() - _RANGE_NAT
    difference = (smooth_made - smooth_real)[loud]
    return float(np.abs(difference - np.median(difference)).mean() * _DB_PER_NAT)


def _smooth(spectrogram: FloatArray) -> FloatArray:
    frames, bins = (side // patch * patch for side, patch in zip(spectrogram.shape, _PATCH, strict=True))
    power = np.exp(spectrogram[:frames, :bins], dtype=np.float64)
    patches = power.reshape(frames // _PATCH[0], _PATCH[0], bins // _PATCH[1], _PATCH[1])
    smooth: FloatArray = np.log(patches.mean(axis=(1, 3)) + 1e-6).astype(np.float32)
    return smooth
