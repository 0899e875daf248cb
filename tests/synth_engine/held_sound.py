"""What can be measured of a note that is held for long."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
_WINDOW_FRAMES = 6144
_HOP_FRAMES = 1536
LAGS_S = (0.3, 8.0)
_FFT_FRAMES = 1 << 20


def level_db(sound: NDArray[np.floating]) -> NDArray[np.float64]:
    """Level of 128 ms around every 32 ms."""
    window = np.hanning(_WINDOW_FRAMES)
    windows = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW_FRAMES)[::_HOP_FRAMES] * window
    power: NDArray[np.float64] = np.sum(windows**2, axis=1) / np.sum(window**2)
    return 10 * np.log10(power + 1e-14)


def strongest_return_db(sound: NDArray[np.floating]) -> float:
    """Highest autocorrelation of the level at any lag that would be heard as a period, to its square."""
    level = 10 ** (level_db(sound) / 20)
    power = np.abs(np.fft.rfft(level - level.mean(), 2 * len(level))) ** 2
    covariance = np.fft.irfft(power)[: len(level)] / np.arange(len(level), 0, -1)
    lags_s = np.arange(len(level)) * _HOP_FRAMES / RATE_HZ
    longest_s = min(LAGS_S[1], 0.5 * lags_s[-1])  # a lag that is seen less than twice says nothing
    highest = covariance[(lags_s > LAGS_S[0]) & (lags_s < longest_s)].max() / level.mean() ** 2
    return float(10 * np.log10(max(highest, 1e-12)))


def cents_from(sound: NDArray[np.floating], pitch: float) -> float:
    """Distance of the fundamental from a MIDI pitch."""
    fundamental_hz = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), _FFT_FRAMES))
    first, last = (int(share * fundamental_hz / RATE_HZ * _FFT_FRAMES) for share in (0.95, 1.06))
    peak = first + int(np.argmax(spectrum[first:last]))
    left, middle, right = np.log(spectrum[peak - 1 : peak + 2] + 1e-12)
    exact = peak + 0.5 * (left - right) / (left - 2.0 * middle + right)
    return float(1200.0 * np.log2(exact * RATE_HZ / _FFT_FRAMES / fundamental_hz))


def edge_db(sound: NDArray[np.floating], seam_s: float, reach_s: float = 0.01) -> float:
    """Sharpest edge at a seam, to the sharpest within 0.2 s before and after it.

    An edge is the fifth difference: a step in a wave stands out of it however loud the wave is.
    """
    edges = np.abs(np.diff(sound, 5))
    seam, reach, around = (round(s * RATE_HZ) for s in (seam_s, reach_s, 0.2))
    there = edges[seam - reach : seam + reach].max()
    beside = max(edges[seam - around : seam - reach].max(), edges[seam + reach : seam + around].max())
    return float(20 * np.log10((there + 1e-14) / (beside + 1e-14)))
