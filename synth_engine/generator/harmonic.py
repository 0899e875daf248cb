"""Harmonic maps: what a steady tone of a pitch looks like along the mel bins, given to the network.

With them a small model need not learn where partials lie; it learns how loud each is and how it deviates.
Pitch is continuous: any fundamental has its maps, so any tuning is open.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from synth_engine.generator.spectral import DEFAULT, Representation, mel_matrices, wrap

MAP_CHANNELS = 5
LOBE_CHANNEL = 2
HARMONIC_SLOTS = 48  # the first 32 harmonics have one each; those above share, five slots an octave
_OWN_SLOTS = 32
_LOBE_FLOOR = -8.0  # natural log; the Hann window's first side lobe lies at -3.6, so this keeps two of them
_LOG_HARMONIC_SCALE = 0.25  # ln(n) reaches 5.5 at pitch 24; the other maps are within -1..1

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class HarmonicMaps:
    """Maps of one fundamental.

    Attributes
    ----------
    channels : NDArray[np.float32], shape (bins, 5)
        cos and sin of 2 pi f/f0; the window's main lobe at f - n f0 (log, scaled to 0..1); log n (scaled);
        1 where n >= 1, else 0 (below half the fundamental there is no harmonic).
    base_step : NDArray[np.float32], shape (bins,)
        Phase step per frame of a steady harmonic tone, in units of pi, -1..1.
    slots : NDArray[np.int32], shape (bins,)
        Slot of the harmonic nearest to each bin, 0 to `HARMONIC_SLOTS` - 1.
    """

    channels: FloatArray
    base_step: FloatArray
    slots: NDArray[np.int32]


def pitch_to_hz(pitch: float) -> float:
    """Convert a MIDI pitch (continuous, 69 = 440 Hz) to a frequency in Hz."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def nearest_harmonic(frequencies_hz: NDArray[np.float64], fundamental_hz: float) -> NDArray[np.float64]:
    """Number of the harmonic next to each frequency, 1 or more."""
    return np.maximum(1.0, np.rint(frequencies_hz / fundamental_hz))


@lru_cache(maxsize=8)
def mel_centres_hz(size: Representation) -> NDArray[np.float64]:
    """Frequency each mel bin really listens to: the mean of its linear bins' true frequencies."""
    forward, _ = mel_matrices(size.bins, size.sample_rate_hz / 2)
    weights = np.asarray(forward.sum(axis=0)).reshape(-1)
    centres = np.asarray(forward.T @ size.bin_frequencies_hz).reshape(-1)
    nominal = np.arange(size.bins) * (size.sample_rate_hz / 2 / size.bins)  # only bins without any weight
    return np.where(weights > 1e-8, centres / np.maximum(weights, 1e-8), nominal)


def _log_window_lobe(offset_bins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Natural log of the Hann window's spectrum at an offset in FFT bins, 0 at the peak."""
    inside = 1.0 - offset_bins**2
    near_one = np.abs(inside) < 1e-6
    response = np.where(near_one, 0.5, np.sinc(offset_bins) / np.where(near_one, 1.0, inside))
    lobe: NDArray[np.float64] = np.log(np.abs(response) + np.exp(_LOBE_FLOOR))
    return lobe


def base_step(fundamental_hz: float, size: Representation = DEFAULT) -> FloatArray:
    """Phase step per frame of a steady harmonic tone in every mel bin, in units of pi, -1..1.

    The mel phase is a weighted sum of linear bins' phases whose weights do not add up to one, so the step is
    the same weighted sum of the (wrapped) steps of each linear bin's nearest harmonic, wrapped once more.
    """
    harmonic = nearest_harmonic(size.bin_frequencies_hz, fundamental_hz)
    turns = 2.0 * np.pi * harmonic * fundamental_hz * size.hop_frames / size.sample_rate_hz
    forward, _ = mel_matrices(size.bins, size.sample_rate_hz / 2)
    step: FloatArray = (wrap(np.asarray(forward.T @ wrap(turns))) / np.pi).astype(np.float32)
    return step


def maps_of_hz(fundamental_hz: float, size: Representation = DEFAULT) -> HarmonicMaps:
    """Return the maps of a fundamental in Hz (any positive one)."""
    frequencies_hz = mel_centres_hz(size)
    harmonic = nearest_harmonic(frequencies_hz, fundamental_hz)
    angle = 2.0 * np.pi * frequencies_hz / fundamental_hz
    bin_width_hz = size.sample_rate_hz / size.window_frames
    lobe = _log_window_lobe((frequencies_hz - harmonic * fundamental_hz) / bin_width_hz)
    channels = np.stack(
        [
            np.cos(angle),
            np.sin(angle),
            1.0 - lobe / _LOBE_FLOOR,
            np.log(harmonic) * _LOG_HARMONIC_SCALE,
            frequencies_hz >= 0.5 * fundamental_hz,
        ],
        axis=-1,
    )
    return HarmonicMaps(
        channels.astype(np.float32), base_step(fundamental_hz, size), slots_of_harmonics(harmonic)
    )


def slots_of_harmonics(harmonic: NDArray[np.float64]) -> NDArray[np.int32]:
    """Slot of each harmonic number (1 or more), 0 to `HARMONIC_SLOTS` - 1."""
    shared = _OWN_SLOTS - 1 + np.rint(5.0 * np.log2(np.maximum(harmonic, _OWN_SLOTS) / _OWN_SLOTS))
    slots = np.where(harmonic <= _OWN_SLOTS, harmonic - 1, shared)
    return np.minimum(slots, HARMONIC_SLOTS - 1).astype(np.int32)


@lru_cache(maxsize=512)
def maps_of_pitch(pitch: float, size: Representation = DEFAULT) -> HarmonicMaps:
    """Return the maps of a MIDI pitch (continuous); the last 512 are remembered."""
    maps = maps_of_hz(pitch_to_hz(pitch), size)
    maps.channels.setflags(write=False)
    maps.base_step.setflags(write=False)
    maps.slots.setflags(write=False)
    return maps
