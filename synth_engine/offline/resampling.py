"""From the model's rate to any other, and to a pitch that moves."""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np
import scipy.fft
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

_TAPS = 16
_PHASES = 512
_KAISER_BETA = 12.0
_OVERSAMPLING = 2
_PADDING_FRAMES = 2048  # what rings at one end of a note has died away before it comes round to the other
_MOST_POSITIONS = 1 << 14  # interpolated at once


def resample(wave: NDArray[np.floating], from_hz: int, to_hz: int) -> FloatArray:
    """Resample by a zero-padded Fourier transform: flat to the lower Nyquist frequency, images below -120 dB.

    Parameters
    ----------
    wave : NDArray[np.floating], shape (frames,)
        Sound that begins and ends in silence, or nearly.
    from_hz, to_hz : int
        Sample rates.

    Returns
    -------
    NDArray[np.float32], shape (ceil(frames * to_hz / from_hz),)
        Frame 0 is frame 0.
    """
    if from_hz == to_hz:
        return np.asarray(wave, np.float32)
    common = gcd(from_hz, to_hz)
    step_in, step_out = from_hz // common, to_hz // common
    steps = scipy.fft.next_fast_len(-(-(len(wave) + _PADDING_FRAMES) // step_in), real=True)
    frames_in, frames_out = steps * step_in, steps * step_out
    spectrum = scipy.fft.rfft(np.asarray(wave, np.float64), frames_in)
    kept = min(frames_in, frames_out) // 2 + 1
    resampled = np.zeros(frames_out // 2 + 1, np.complex128)
    resampled[:kept] = spectrum[:kept]
    if not min(frames_in, frames_out) % 2:
        # The Nyquist bin of the shorter transform stands for both of its sides.
        resampled[kept - 1] *= 0.5 if frames_out > frames_in else 2.0
    sound = scipy.fft.irfft(resampled, frames_out)[: -(-len(wave) * step_out // step_in)]
    return np.asarray(sound * (frames_out / frames_in), np.float32)


def at_positions(wave: FloatArray, positions: NDArray[np.float64]) -> FloatArray:
    """Read a sound at fractions of frames; beyond its ends is silence.

    Parameters
    ----------
    wave : NDArray[np.float32], shape (frames,)
        Sound.
    positions : NDArray[np.float64], shape (n,)
        In frames.

    Returns
    -------
    NDArray[np.float32], shape (n,)
        Interpolated by a windowed sinc on twice the rate: images below -100 dB.

    Source: Kaiser and Schafer, "On the use of the I0-sinh window for spectrum analysis", IEEE ASSP 28 (1980).
    """
    fine = np.pad(resample(wave, 1, _OVERSAMPLING), _TAPS)
    places = np.clip(positions * _OVERSAMPLING, -_TAPS // 2, len(fine) - 1.5 * _TAPS - 1) + _TAPS
    parts = [
        _interpolate(fine, places[i : i + _MOST_POSITIONS]) for i in range(0, len(places), _MOST_POSITIONS)
    ]
    return np.concatenate([np.zeros(0, np.float32), *parts])


@lru_cache(maxsize=1)
def _taps() -> FloatArray:
    """The windowed sinc at fractions of a frame, shape (phases + 1, taps)."""
    distance = np.arange(_TAPS) - (_TAPS // 2 - 1) - np.arange(_PHASES + 1)[:, None] / _PHASES
    inside = np.maximum(1.0 - (distance / (_TAPS / 2)) ** 2, 0.0)
    rows = np.sinc(distance) * np.i0(_KAISER_BETA * np.sqrt(inside)) / np.i0(_KAISER_BETA)
    taps: FloatArray = (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)
    taps.setflags(write=False)
    return taps


def _interpolate(fine: FloatArray, places: NDArray[np.float64]) -> FloatArray:
    whole = np.floor(places).astype(np.intp)
    phases = (places - whole) * _PHASES
    rows = phases.astype(np.intp)
    shares = (phases - rows).astype(np.float32)
    frames = fine[whole[:, None] + (np.arange(_TAPS) - (_TAPS // 2 - 1))]
    near, far = (np.einsum("ij,ij->i", frames, _taps()[row]) for row in (rows, rows + 1))
    return np.asarray(near + shares * (far - near), np.float32)
