"""The qualities of a note, measured: NSynth's ten slots, of which six are filled.

Thresholds were set on rendered notes so that each quality is about as frequent as in real NSynth notes.
`reverb` and `tempo-synced` cannot be heard in one dry note; `multiphonic` and `nonlinear_env` are only told
by the General MIDI program.

Source: the meanings are those of the NSynth data set (Engel et al., ICML 2017), section "Note Qualities".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth_engine.datasets.labels import QUALITIES
from synth_engine.generator.spectral import SAMPLE_RATE_HZ

HELD_S = 3.0  # when NSynth's keys are let go
_FRAME_S = 0.05
_SPLIT_HZ = 2_000.0
_ONSET_S = 0.05
_ONSET_PERIODS = 6.0  # a spectrum of fewer cannot tell partials apart
_LOBE_BINS = 2.0  # half the main lobe of a Hann window
_FLOOR = 1e-12

_DISTORTED = frozenset({29, 30, 84})
_MULTIPHONIC = frozenset({86, 109})
_EVOLVING = frozenset({89, 94, 95, 97, 101, 102})

BRIGHT_DB = 6.5
DARK_DB = -18.0
FAST_DECAY_DB = -20.0
LONG_RELEASE_DB = -40.0
PERCUSSIVE_SHARE = 0.12


@dataclass(frozen=True)
class Measures:
    """What is measured of one note.

    Attributes
    ----------
    brightness_db : float
        Energy above 2 kHz in dB of that below, less what notes of this pitch usually have.
    held_db : float
        Level just before 3 s, in dB of the loudest 50 ms.
    tail_db : float
        Level of the last 100 ms, in dB of the loudest 50 ms.
    onset_noise : float
        Energy of the first 50 ms that lies off the partials, as a share of the loudest 50 ms, 0..1.
    attack_ms : float
        From -40 dB to -3 dB of the loudest 50 ms.
    peak_dbfs : float
        Highest sample.
    rms_dbfs : float
        Root mean square of the loudest 50 ms.
    """

    brightness_db: float
    held_db: float
    tail_db: float
    onset_noise: float
    attack_ms: float
    peak_dbfs: float
    rms_dbfs: float


def levels_db(wave: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean power of each 50 ms of a note, in dB of full scale, shape (frames // 800,)."""
    frames = round(_FRAME_S * SAMPLE_RATE_HZ)
    parts = wave[: len(wave) // frames * frames].reshape(-1, frames)
    return np.asarray(10.0 * np.log10(np.square(parts, dtype=np.float64).mean(axis=1) + _FLOOR))


def high_to_low_db(wave: NDArray[np.float32]) -> float:
    """Energy above 2 kHz, in dB of the energy below."""
    power = np.abs(np.fft.rfft(wave.astype(np.float64))) ** 2
    first = round(_SPLIT_HZ * len(wave) / SAMPLE_RATE_HZ)
    return float(10.0 * np.log10((power[first:].sum() + _FLOOR) / (power[:first].sum() + _FLOOR)))


def usual_high_to_low_db(pitch: float) -> float:
    """Median of `high_to_low_db` over rendered instruments: nearly a line in the pitch."""
    return -14.0 + 0.55 * (pitch - 60.0)


def off_partial_share(wave: NDArray[np.float32], pitch: float) -> float:
    """Share of a stretch's energy that lies off the partials of `pitch`, 0 (tone) to 1 (noise).

    Parameters
    ----------
    wave : NDArray[np.float32], shape (frames,)
        Four periods or more.
    pitch : float
        MIDI pitch.
    """
    windowed = wave * np.hanning(len(wave) + 1)[:-1]
    power = np.abs(np.fft.rfft(windowed.astype(np.float64))) ** 2
    partial_bins = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0) * len(wave) / SAMPLE_RATE_HZ
    bins = np.arange(len(power), dtype=np.float64)
    off = np.abs(bins - np.round(bins / partial_bins) * partial_bins) > _LOBE_BINS
    off |= bins < partial_bins - _LOBE_BINS
    if not off.any():
        return 0.0
    noise = float(power[off].sum() / off.mean())  # as much noise lies under the partials
    return min(1.0, noise / float(power.sum() + _FLOOR))


def onset_noise(wave: NDArray[np.float32], pitch: float) -> float:
    """Off-partial energy of the first 50 ms (or six periods) over that of half a second later.

    Returns
    -------
    float
        As a share of the energy of the loudest 50 ms, 0..1. What stays noisy is not percussive.
    """
    period_frames = SAMPLE_RATE_HZ / (440.0 * 2.0 ** ((pitch - 69.0) / 12.0))
    frames = round(max(_ONSET_S * SAMPLE_RATE_HZ, _ONSET_PERIODS * period_frames))
    loud = np.flatnonzero(np.abs(wave) > 0.02 * np.abs(wave).max(initial=0.0))
    start = int(loud[0]) if len(loud) else 0
    later = start + SAMPLE_RATE_HZ // 2
    top = 10.0 ** (float(levels_db(wave).max()) / 10.0)
    padded = np.pad(wave, (0, later + frames))  # a short note is followed by silence
    first, second = (
        off_partial_share(part, pitch) * float(np.square(part, dtype=np.float64).mean()) / top
        for part in (padded[start : start + frames], padded[later : later + frames])
    )
    return float(min(1.0, max(0.0, first - second)))


def attack_ms(wave: NDArray[np.float32]) -> float:
    """Time from the note's first 5 ms above -40 dB to its first 5 ms above -3 dB of the loudest."""
    frames = SAMPLE_RATE_HZ // 200
    parts = np.square(wave[: len(wave) // frames * frames], dtype=np.float64).reshape(-1, frames).mean(axis=1)
    levels = 10.0 * np.log10(parts + _FLOOR)
    top = float(levels.max())
    begun = int(np.argmax(levels > top - 40.0))
    return 5.0 * (int(np.argmax(levels > top - 3.0)) - begun)


def measure(wave: NDArray[np.float32], pitch: float, held_s: float = HELD_S) -> Measures:
    """Measure one note.

    Parameters
    ----------
    wave : NDArray[np.float32], shape (frames,)
        At 16 kHz, 0.2 s or longer.
    pitch : float
        MIDI pitch.
    held_s : float
        When the key was let go, in seconds; a shorter note is measured at its end.
    """
    levels = levels_db(wave)
    top = float(levels.max())
    release = min(round(held_s / _FRAME_S), len(levels))
    return Measures(
        brightness_db=high_to_low_db(wave) - usual_high_to_low_db(pitch),
        held_db=float(levels[max(0, release - 5) : release].max()) - top,
        tail_db=float(levels[-2:].max()) - top,
        onset_noise=onset_noise(wave, pitch),
        attack_ms=attack_ms(wave),
        peak_dbfs=float(20.0 * np.log10(np.abs(wave).max(initial=0.0) + 1e-6)),
        rms_dbfs=top,
    )


def qualities_of(measures: Measures, program: int | None = None) -> tuple[str, ...]:
    """Return the qualities a note has, in NSynth's order.

    Parameters
    ----------
    measures : Measures
        Of the note.
    program : int or None
        General MIDI program, where it is known: it alone tells distortion, multiphonics and evolving pads.
    """
    present = {
        "bright": measures.brightness_db > BRIGHT_DB,
        "dark": measures.brightness_db < DARK_DB,
        "distortion": program in _DISTORTED,
        "fast_decay": measures.held_db < FAST_DECAY_DB,
        "long_release": measures.tail_db > LONG_RELEASE_DB,
        "multiphonic": program in _MULTIPHONIC,
        "nonlinear_env": program in _EVOLVING,
        "percussive": measures.onset_noise > PERCUSSIVE_SHARE,
    }
    return tuple(name for name in QUALITIES if present.get(name, False))
