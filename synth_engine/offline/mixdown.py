"""Many notes to one sound: envelopes as the live instrument has them, exact places, one master gain."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mappings.catalogue import CATALOGUE

PEAK_DB = -1.0  # of full scale, where the loudest sample of a finished sound lies
SILENT_GAIN = 3.0e-5  # -90 dB: below this a released note has ended, as in the kernel
_LN_60_DB = math.log(1000.0)

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Envelope:
    """The voice envelope of the instrument: linear attack, exponential decay and release.

    Attributes
    ----------
    attack_s : float
        Seconds to full level.
    decay_s, release_s : float
        Seconds to fall by 60 dB towards the sustain level, and towards silence.
    sustain : float
        Level while the key is held, 0..1.
    """

    attack_s: float = CATALOGUE["/attack"].default
    decay_s: float = CATALOGUE["/decay"].default
    sustain: float = CATALOGUE["/sustain"].default
    release_s: float = CATALOGUE["/release"].default

    @property
    def tail_s(self) -> float:
        """Seconds a released note at full level still sounds."""
        return self.release_s * math.log(1.0 / SILENT_GAIN) / _LN_60_DB

    def gains(self, held_s: float, rate_hz: int) -> FloatArray:
        """Gain of every frame of a note from its start to its silence.

        Parameters
        ----------
        held_s : float
            Seconds the key is down; at least one frame is.
        rate_hz : int
            Sample rate.

        Returns
        -------
        NDArray[np.float32], shape (frames,)
        """
        held = max(1, round(held_s * rate_hz))
        attack = max(1, round(self.attack_s * rate_hz))
        time_s = (np.arange(held + math.ceil(self.tail_s * rate_hz)) + 1) / rate_hz
        level = self.sustain + (1.0 - self.sustain) * np.exp(
            -_LN_60_DB * np.maximum(time_s - self.attack_s, 0.0) / self.decay_s
        )
        level[:attack] = np.arange(1, attack + 1)[: len(level)] / attack
        released = level[held - 1] * np.exp(-_LN_60_DB * (time_s[held:] - time_s[held - 1]) / self.release_s)
        level[held:] = released
        return np.asarray(level, np.float32)


def trapezoid(attack_s: float, sustain_s: float, release_s: float, rate_hz: int) -> FloatArray:
    """Gain that rises linearly, stays at 1 and falls linearly to 0, float32 (frames,)."""
    attack, sustain, release = (round(length_s * rate_hz) for length_s in (attack_s, sustain_s, release_s))
    parts = np.linspace(0.0, 1.0, attack), np.ones(sustain), np.linspace(1.0, 0.0, release)
    return np.concatenate(parts).astype(np.float32)


@dataclass(frozen=True)
class Placed:
    """A sound and where it goes.

    Attributes
    ----------
    start_s : float
        Seconds from the beginning, 0 or more; the nearest frame is taken.
    wave : NDArray[np.float32], shape (frames,)
        At the rate of the mix.
    gain : float or NDArray[np.float32], shape (frames,)
        Linear; one number, or one a frame.
    pan : float
        -1 left to 1 right, constant power; a mono mix takes no notice.
    """

    start_s: float
    wave: FloatArray
    gain: float | FloatArray = 1.0
    pan: float = 0.0


class Mixdown:
    """Adds up sounds that come in order of their start, and gives back what no later one can change.

    Parameters
    ----------
    rate_hz : int
        Sample rate.
    channels : int
        1 or 2.
    """

    def __init__(self, rate_hz: int, channels: int = 2) -> None:
        self._rate_hz = rate_hz
        self._channels = channels
        self._first = 0  # frame of the sound at which the open part begins
        self._open = np.zeros((rate_hz, channels), np.float32)
        self._end = 0  # frame behind the last sound

    def add(self, placed: Placed) -> None:
        """Add one sound.

        Raises
        ------
        ValueError
            If it starts where the mix has been given back already.
        """
        begin = round(placed.start_s * self._rate_hz) - self._first
        if begin < 0:
            raise ValueError(f"a sound at {placed.start_s:.3f} s comes behind what is finished")
        end = begin + len(placed.wave)
        if end > len(self._open):
            grown = np.zeros((max(end, 2 * len(self._open)), self._channels), np.float32)
            grown[: len(self._open)] = self._open
            self._open = grown
        self._end = max(self._end, end + self._first)
        sound = placed.wave * placed.gain
        for channel, gain in enumerate(self._channel_gains(placed.pan)):
            self._open[begin:end, channel] += np.float32(gain) * sound

    def _channel_gains(self, pan: float) -> tuple[float, ...]:
        if self._channels == 1:
            return (1.0,)
        angle = (min(max(pan, -1.0), 1.0) + 1.0) * (math.pi / 4.0)
        return math.cos(angle), math.sin(angle)

    def finished_until(self, time_s: float) -> FloatArray:
        """Give back everything before a time, float32 (frames, channels); nothing may start there now."""
        count = min(max(round(time_s * self._rate_hz) - self._first, 0), len(self._open))
        return self._take(count)

    def rest(self) -> FloatArray:
        """Give back what is left, float32 (frames, channels)."""
        return self._take(max(self._end - self._first, 0))

    def _take(self, count: int) -> FloatArray:
        taken = self._open[:count].copy()
        self._open = np.concatenate([self._open[count:], np.zeros((count, self._channels), np.float32)])
        self._first += count
        return taken


def mix(sounds: Iterable[Placed], rate_hz: int, channels: int = 2) -> FloatArray:
    """Mix sounds; nothing is cut and nothing scaled.

    Returns
    -------
    NDArray[np.float32], shape (frames, channels)
        To the end of whichever sound ends last.
    """
    mixdown = Mixdown(rate_hz, channels)
    for placed in sounds:
        mixdown.add(placed)
    return mixdown.rest()


def peak_gain(peak: float, peak_db: float = PEAK_DB) -> float:
    """Gain that brings a magnitude to a level; 1 for silence."""
    return 10.0 ** (peak_db / 20.0) / peak if peak > 0.0 else 1.0


def scaled(blocks: Iterable[FloatArray], gain: float) -> Iterator[FloatArray]:
    """Every block times a gain."""
    for block in blocks:
        yield block * np.float32(gain)
