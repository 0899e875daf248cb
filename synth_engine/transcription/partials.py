"""How strong each key sounds, from the spectrum: what velocities are read from."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

STRENGTH_FRAMES = 4096  # 0.19 s at 22,050 Hz: resolves neighbouring keys from about MIDI 45 upwards
_RATE_HZ, _HOP_FRAMES = 22_050, 256
_LOWEST_KEY, _KEYS = 21, 88
_PARTIALS = 4
_REACH = 2.0 ** (0.4 / 12.0)  # 40 cents to both sides of a partial


@cache
def _key_bins() -> NDArray[np.float32]:
    """1 where a bin of the spectrum belongs to a key's partials, float32 (bins, keys)."""
    bins_hz = np.fft.rfftfreq(STRENGTH_FRAMES, 1.0 / _RATE_HZ)
    width_hz = _RATE_HZ / STRENGTH_FRAMES
    belongs = np.zeros((bins_hz.size, _KEYS), np.float32)
    for key in range(_KEYS):
        fundamental_hz = 440.0 * 2.0 ** ((key + _LOWEST_KEY - 69) / 12.0)
        for partial in range(1, _PARTIALS + 1):
            centre_hz = partial * fundamental_hz
            low_hz = min(centre_hz / _REACH, centre_hz - width_hz)
            high_hz = max(centre_hz * _REACH, centre_hz + width_hz)
            belongs[(bins_hz >= low_hz) & (bins_hz <= high_hz), key] = 1.0
    return belongs


def key_strengths(wave: NDArray[np.float32], rows: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Amplitude of each key's first four partials in every row, and the row's peak level.

    Parameters
    ----------
    wave : float32 ((rows - 1) * 256 + 4096,)
        At 22,050 Hz; row *n*'s spectrum begins at frame *n* * 256.

    Returns
    -------
    strengths : float32 (rows, 88)
        Root of the partials' summed power; 1 for a sine of amplitude 1.
    levels : float32 (rows,)
        Largest magnitude among the frames of the row's spectrum.
    """
    pieces = np.lib.stride_tricks.sliding_window_view(wave, STRENGTH_FRAMES)[::_HOP_FRAMES][:rows]
    window = np.hanning(STRENGTH_FRAMES).astype(np.float32)
    spectra = np.fft.rfft(pieces * window, axis=1)
    power = np.square(np.abs(spectra)).astype(np.float32) @ _key_bins()
    unit = float(window.sum()) / 2.0 * np.sqrt(1.5)  # a sine spreads over three bins of a Hann window
    return np.sqrt(power) / np.float32(unit), np.abs(pieces).max(axis=1)
