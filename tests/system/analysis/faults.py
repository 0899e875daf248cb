"""What must not be in the sound: values that are no numbers, clipping, clicks, and sound after the end.

A click is a step: it has energy at every frequency, and the instrument, whose network works at 16 kHz,
has next to none above 12 kHz. So a click shows as a short burst there that stands out both from the
level of the sound around it and from the same band just before and after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

CLICK_BAND_HZ = 12_000.0
CLICK_STEP_DB = -60.0  # a step this large, relative to the local peak level, is a click
AUDIBLE_STEP_DB = -96.0  # of full scale: softer than the last bit of a 16-bit recording
LOCAL_S = 0.05  # how far "local" reaches
STANDS_OUT = 6.0  # times the median of the band around it
BEFORE_ONSET_S, AFTER_ONSET_S = 0.006, 0.018  # a note may begin with anything, and a little late
SILENCE_DB = -90.0


@dataclass(frozen=True)
class Click:
    """A step at ``frame`` whose height is ``step_db`` relative to the local peak level."""

    frame: int
    step_db: float


def count_bad_values(frames: NDArray[np.float32]) -> int:
    """Values that are NaN or infinite."""
    return int(np.count_nonzero(~np.isfinite(frames)))


def count_clipped(frames: NDArray[np.float32], ceiling: float = 1.0) -> int:
    """Values at or over ``ceiling``, and runs of three or more equal values above half of it."""
    over = np.abs(frames) >= ceiling
    flat = (np.diff(frames, axis=-1) == 0) & (np.abs(frames[..., 1:]) > ceiling / 2)
    runs = flat[..., 1:] & flat[..., :-1]
    return int(np.count_nonzero(over) + np.count_nonzero(runs))


def _burst(mono: NDArray[np.float32], rate_hz: int) -> tuple[NDArray[np.float64], float]:
    """Magnitude of the band above :data:`CLICK_BAND_HZ`, and what a step of height 1 gives in it."""
    high = signal.firwin(127, CLICK_BAND_HZ, fs=rate_hz, pass_zero=False, window=("kaiser", 10.0))  # -100 dB
    step = np.abs(np.convolve(np.repeat([0.0, 1.0], 200), high, "valid")).max()
    return np.abs(signal.oaconvolve(mono.astype(np.float64), high, "same")), float(step)


def find_clicks(mono: NDArray[np.float32], rate_hz: int, exempt: Sequence[int]) -> list[Click]:
    """Steps above :data:`CLICK_STEP_DB` that are not by an ``exempt`` frame, 6 ms before to 18 after."""
    burst, unit = _burst(mono, rate_hz)
    size = round(LOCAL_S * rate_hz) | 1
    level = ndimage.maximum_filter1d(np.abs(mono.astype(np.float64)), size)
    step = burst / unit
    around = ndimage.uniform_filter1d(step, size)
    audible = level > 10 ** (SILENCE_DB / 20)
    audible &= step > 10 ** (AUDIBLE_STEP_DB / 20)
    found = audible & (step > level * 10 ** (CLICK_STEP_DB / 20)) & (step > STANDS_OUT * around)
    mask = np.zeros(mono.size, bool)
    before, after = round(BEFORE_ONSET_S * rate_hz), round(AFTER_ONSET_S * rate_hz)
    for frame in exempt:
        mask[max(frame - before, 0) : max(frame + after, 0)] = True
    found &= ~mask
    labels, count = ndimage.label(ndimage.binary_dilation(found, iterations=48))
    peaks = ndimage.maximum_position(step, labels, range(1, count + 1)) if count else []
    return [Click(int(place), float(20 * np.log10(step[place] / level[place]))) for (place,) in peaks]


def click_detection_rate(
    mono: NDArray[np.float32], rate_hz: int, exempt: Sequence[int], step_db: float, count: int = 200
) -> float:
    """Share of steps of ``step_db``, put into the recording at random places, that are found there.

    The step decays within 5 ms, as when a voice is cut and the mix goes on.
    """
    generator = np.random.default_rng(7)
    level = ndimage.maximum_filter1d(np.abs(mono), round(LOCAL_S * rate_hz) | 1)
    reach = round(1.3 * AFTER_ONSET_S * rate_hz)
    tail = np.exp(-np.arange(round(0.02 * rate_hz)) / (0.005 * rate_hz))
    busy = np.asarray(exempt)
    places = generator.integers(rate_hz, mono.size - rate_hz, size=20 * count)
    free = np.abs(places[:, None] - busy[None, :]).min(axis=1, initial=mono.size) > reach
    loud = level[places] > 10 ** (-50 / 20)
    spread: list[int] = []
    for place in places[free & loud]:
        if len(spread) < count and all(abs(place - other) > 2 * LOCAL_S * rate_hz for other in spread):
            spread.append(int(place))
    spoilt = mono.astype(np.float64)
    for place in spread:
        spoilt[place : place + tail.size] += tail * level[place] * 10 ** (step_db / 20)
    clicks = np.asarray([click.frame for click in find_clicks(spoilt.astype(np.float32), rate_hz, exempt)])
    hits = sum(bool(clicks.size) and bool(np.abs(clicks - place).min() < 48) for place in spread)
    return hits / max(len(spread), 1)


def peak_db(frames: NDArray[np.float32]) -> float:
    """Highest magnitude in dB of full scale; -inf for silence."""
    with np.errstate(divide="ignore"):
        return float(20 * np.log10(np.abs(frames).max(initial=0.0)))
