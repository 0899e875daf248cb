"""What a note's spectrum is made of: partials and where they lie, and what is left between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

from synth_engine.generator.spectral import SAMPLE_RATE_HZ

FloatArray = NDArray[np.floating]

_WINDOW_FRAMES = 8_192  # half a second: partials of the lowest note lie 17 bins apart
_BIN_HZ = SAMPLE_RATE_HZ / _WINDOW_FRAMES
_LOBE_BINS = 4.5  # half of the window's main lobe, and a little; its side lobes are below -92 dB
_HIGHEST_HZ = 7_000.0
_SEARCH_CENTS = 80.0
_AUDIBLE = 10.0 ** (-50.0 / 20.0)
_PITCH_PARTIALS = 6
_STRETCH_PARTIALS = 12  # a stiff string leaves the harmonics behind beyond these
_STRETCHED = 10  # the partial whose stretch is told
_NOISE_CENTS = 20.0  # a partial's own width: vibrato, stretch


@dataclass(frozen=True)
class Spectrum:
    """Mean amplitude spectrum of the sounding part of a note.

    Attributes
    ----------
    amplitudes : NDArray[np.float64], shape (bins,)
        Root of the mean power of every bin, 1.95 Hz apart.
    """

    amplitudes: NDArray[np.float64]

    @property
    def frequencies_hz(self) -> NDArray[np.float64]:
        """Frequency of every bin."""
        return np.arange(len(self.amplitudes), dtype=np.float64) * _BIN_HZ


def spectrum_of(wave: FloatArray, start_s: float, end_s: float) -> Spectrum:
    """Analyse part of a note, windows of half a second that overlap by half; at least one."""
    first = min(round(start_s * SAMPLE_RATE_HZ), max(0, len(wave) - _WINDOW_FRAMES))
    last = max(first + _WINDOW_FRAMES, round(end_s * SAMPLE_RATE_HZ))
    part = np.zeros(max(_WINDOW_FRAMES, min(last, len(wave)) - first))
    part[: len(wave[first:last])] = wave[first:last]
    windows = np.lib.stride_tricks.sliding_window_view(part, _WINDOW_FRAMES)[:: _WINDOW_FRAMES // 2]
    power = np.square(
        np.abs(scipy.fft.rfft(windows * scipy.signal.windows.blackmanharris(_WINDOW_FRAMES), axis=1))
    )
    return Spectrum(np.sqrt(power.mean(axis=0)))


def partials(spectrum: Spectrum, f0_hz: float) -> tuple[NDArray[np.int_], NDArray[np.float64], FloatArray]:
    """Find the partials near the harmonics of f0.

    Returns
    -------
    numbers : NDArray[np.int_], shape (found,)
        Harmonic numbers from 1, of partials within 50 dB of the loudest bin.
    frequencies_hz : NDArray[np.float64], shape (found,)
        By a parabola through the logarithms of three bins.
    amplitudes : NDArray[np.float64], shape (found,)
    """
    magnitudes = spectrum.amplitudes
    floor = float(magnitudes.max()) * _AUDIBLE + 1e-12
    found = []
    for number in range(1, 1 + int(min(_HIGHEST_HZ / f0_hz, _STRETCH_PARTIALS))):
        centre = number * f0_hz / _BIN_HZ
        reach = min(0.45 * f0_hz / _BIN_HZ, centre * (2.0 ** (_SEARCH_CENTS / 1200.0) - 1.0) + 1.0)
        low, high = max(1, round(centre - reach)), min(len(magnitudes) - 2, round(centre + reach))
        place = low + int(np.argmax(magnitudes[low : high + 1]))
        left, peak, right = magnitudes[place - 1 : place + 2]
        if peak < floor or peak < left or peak < right:
            continue
        a, b, c = np.log(np.maximum([left, peak, right], 1e-12))
        shift = 0.5 * (a - c) / min(a - 2.0 * b + c, -1e-9)
        found.append((number, (place + shift) * _BIN_HZ, peak))
    if not found:
        return np.zeros(0, np.int_), np.zeros(0), np.zeros(0)
    numbers, frequencies_hz, amplitudes = (np.array(column) for column in zip(*found, strict=True))
    return numbers, frequencies_hz, amplitudes


def pitch_cents(spectrum: Spectrum, f0_hz: float) -> float:
    """How far the note lies above f0, in cents: the median of its first six partials, by amplitude.

    NaN if it has no partial there.
    """
    numbers, frequencies_hz, amplitudes = (x[:_PITCH_PARTIALS] for x in partials(spectrum, f0_hz))
    if not numbers.size:
        return float("nan")
    cents = 1200.0 * np.log2(frequencies_hz / (numbers * f0_hz))
    order = np.argsort(cents)
    weights = np.cumsum(amplitudes[order])
    return float(cents[order][np.searchsorted(weights, 0.5 * weights[-1])])


def stretch_cents(spectrum: Spectrum, f0_hz: float) -> float:
    """How far the tenth partial lies above ten times the first, in cents: a stiff string's inharmonicity.

    NaN with fewer than four partials.

    Source: Fletcher, Normal vibration frequencies of a stiff piano string (JASA 1964):
    f_n = n f0 sqrt(1 + B n^2).
    """
    numbers, frequencies_hz, amplitudes = partials(spectrum, f0_hz)
    if numbers.size < 4:
        return float("nan")
    ratios = np.square(frequencies_hz / (numbers * f0_hz))
    columns = np.stack([np.ones(numbers.size), np.square(numbers, dtype=np.float64)], axis=1)
    weights = np.sqrt(amplitudes)[:, None]
    (offset, slope), *_ = np.linalg.lstsq(columns * weights, ratios * weights[:, 0], rcond=None)
    stiffness = slope / max(offset, 0.5)
    return float(600.0 * np.log2(max((1.0 + stiffness * _STRETCHED**2) / (1.0 + stiffness), 0.25)))


def noise_part(spectrum: Spectrum, f0_hz: float) -> tuple[float, float]:
    """Level and flatness of what lies between the partials, up to 7 kHz.

    Returns
    -------
    level_db : float
        Power between the partials over all power.
    flatness_db : float
        Geometric over arithmetic mean of that power: 0 is white, below -15 is lines between the partials.
    """
    frequencies_hz, power = spectrum.frequencies_hz, np.square(spectrum.amplitudes)
    heard = (frequencies_hz > 0.5 * f0_hz) & (frequencies_hz < _HIGHEST_HZ)
    nearest_hz = np.maximum(1.0, np.round(frequencies_hz / f0_hz)) * f0_hz
    width_hz = np.maximum(_LOBE_BINS * _BIN_HZ, nearest_hz * (2.0 ** (_NOISE_CENTS / 1200.0) - 1.0))
    between = heard & (np.abs(frequencies_hz - nearest_hz) > np.minimum(width_hz, 0.35 * f0_hz))
    total, left = float(power[heard].sum()) + 1e-20, power[between] + 1e-20
    # What leaks from the partials into this share of the bins is counted once, not scaled up.
    level_db = 10.0 * np.log10(float(left.sum()) / total)
    flatness_db = 10.0 * (np.log10(left).mean() - np.log10(left.mean()))
    return float(level_db), float(flatness_db)


def centroid_octaves(spectrum: Spectrum, f0_hz: float) -> float:
    """Centre of the amplitude spectrum, in octaves above f0: brightness whatever the key."""
    total = float(spectrum.amplitudes.sum()) + 1e-12
    centre_hz = float((spectrum.frequencies_hz * spectrum.amplitudes).sum()) / total
    return float(np.log2(max(centre_hz, 1.0) / f0_hz))
