"""How a note's level moves in time: start, attack, sustain, release, tremolo."""

from __future__ import annotations

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from synth_engine.generator.spectral import SAMPLE_RATE_HZ

FloatArray = NDArray[np.floating]

FLOOR_DB = -80.0  # quieter than this below the peak is silence
HELD_S = 3.0  # notes are held this long, then released, in NSynth and in all our data
_STEP_FRAMES = 16  # of the envelope: 1 ms
_STEPS_PER_S = SAMPLE_RATE_HZ // _STEP_FRAMES
_SHORTEST_PERIOD_S = 0.002
_TREMOLO_SMOOTH_S, _TREMOLO_TREND_S = 0.04, 0.5  # leaves what repeats about 1 to 12 times a second
_TREMOLO_RANGE_DB = 40.0


def envelope(wave: FloatArray, f0_hz: float) -> NDArray[np.float64]:
    """Largest magnitude within one period around every millisecond.

    Parameters
    ----------
    wave : NDArray[np.floating], shape (frames,)
        At 16 kHz.
    f0_hz : float
        Fundamental; one period is what the envelope cannot see into.

    Returns
    -------
    NDArray[np.float64], shape (frames / 16,)
        One number a millisecond.
    """
    period = round(SAMPLE_RATE_HZ * max(1.0 / f0_hz, _SHORTEST_PERIOD_S))
    held = scipy.ndimage.maximum_filter1d(np.abs(np.asarray(wave, np.float64)), period, mode="constant")
    smooth = scipy.ndimage.uniform_filter1d(held, period, mode="nearest")
    steps: NDArray[np.float64] = smooth[::_STEP_FRAMES]
    return steps


def rise_ms(levels: NDArray[np.float64]) -> tuple[float, float, float]:
    """When the envelope first reaches 10 %, 50 % and 90 % of its peak, in ms from the note's beginning.

    From 10 to 50 % (-20 to -6 dB) is the attack. From 10 to 90 % is the usual measure of electronics, but the
    last decibel below the peak of a bowed or blown note lies anywhere on its plateau: two takes of one
    violin differ by hundreds of milliseconds there.
    """
    peak = float(levels.max(initial=0.0))
    step_ms = 1000.0 / _STEPS_PER_S
    low, half, high = (float(np.argmax(levels >= share * peak)) * step_ms for share in (0.1, 0.5, 0.9))
    return low, half, high


def level_between_db(levels: NDArray[np.float64], start_s: float, end_s: float) -> float:
    """Root mean square of the envelope in an interval, in dB below its peak, no less than the floor."""
    part = levels[round(start_s * _STEPS_PER_S) : round(end_s * _STEPS_PER_S)]
    power = float(np.square(part).mean()) if part.size else 0.0
    return max(FLOOR_DB, float(10.0 * np.log10(power / max(float(levels.max()) ** 2, 1e-20) + 1e-12)))


def tremolo_db(levels: NDArray[np.float64], start_s: float) -> float:
    """Standard deviation of the level's quick movement from the attack's end to note-off, in dB.

    Only where the note is within 40 dB of its peak; 0 if that is shorter than half a second.
    """
    part = levels[round(start_s * _STEPS_PER_S) : round((HELD_S - 0.1) * _STEPS_PER_S)]
    level = 20.0 * np.log10(part / max(float(levels.max()), 1e-12) + 1e-6)
    quiet = np.flatnonzero(level < -_TREMOLO_RANGE_DB)
    level = level[: quiet[0]] if quiet.size else level
    trend_steps = round(_TREMOLO_TREND_S * _STEPS_PER_S)
    if level.size < 2 * trend_steps:
        return 0.0
    smooth = scipy.ndimage.uniform_filter1d(level, round(_TREMOLO_SMOOTH_S * _STEPS_PER_S), mode="nearest")
    moving = smooth - scipy.ndimage.uniform_filter1d(smooth, trend_steps, mode="nearest")
    edge = trend_steps // 2  # the trend leans on the edge there
    return float(moving[edge : -edge or None].std())
