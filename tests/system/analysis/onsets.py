"""How exactly the sound begins at the moments at which the score says so.

For a moment the level in each of 40 bands just after it is compared with just before it, two windows of
20 ms that touch there. Levels are fourth roots of power, much like loudness; the rises, as a share of
all there is, are the novelty. Its highest peak within 20 ms of the expected moment is the onset.

On a recording of FluidSynth's piano playing the piece 65 % of the moments pass a threshold that 2 % of
the quiet moments pass: the rest, mostly bass notes under held chords, begin too softly for this eye.
It therefore says how exact the timing is, not whether a note is missing: that, and which note it was,
is the business of :mod:`tests.system.analysis.pitch_judge`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOW_S = 0.02
STEP_S = 0.001
REACH_S = 0.02  # how far from the expected moment a rise is looked for
MARGIN_S = 0.012  # of a quiet moment from what the windows of another moment can see
BANDS = 40
LOWEST_HZ, HIGHEST_HZ = 90.0, 8000.0  # up to half the model's rate
LOUDNESS_EXPONENT = 0.25  # of power
FLOOR_DB = -60.0  # relative to the loudest piece; softer rises count for little
FALSE_ALARM_RATE = 0.02  # what share of quiet moments the threshold lets pass
CHORD_S = 0.012  # notes that begin within this are one moment


@dataclass(frozen=True)
class ExpectedNote:
    """A note that should begin at ``frame`` of the recording and be released at ``end_frame``."""

    frame: int
    end_frame: int
    key: int


@dataclass(frozen=True)
class Onset:
    """The highest novelty near a moment, 0 to 1, and how far from it that was (late is positive)."""

    novelty: float
    error_ms: float


def onset_moments(notes: Sequence[ExpectedNote], rate_hz: int) -> list[int]:
    """Frames at which notes begin; a chord counts once, at its first note."""
    moments: list[int] = []
    for frame in sorted(note.frame for note in notes):
        if not moments or frame - moments[-1] > CHORD_S * rate_hz:
            moments.append(frame)
    return moments


def quiet_moments(moments: Sequence[int], rate_hz: int, count: int, seed: int) -> list[int]:
    """Random frames between the first and the last moment with no moment near: nothing should begin there."""
    generator = np.random.default_rng(seed)
    frames = generator.integers(moments[0], moments[-1], size=50 * count)
    distance = np.abs(frames[:, None] - np.asarray(moments)[None, :]).min(axis=1)
    return [int(frame) for frame in frames[distance > (REACH_S + WINDOW_S + MARGIN_S) * rate_hz][:count]]


class OnsetFinder:
    """Looks for onsets in one recording: ``mono`` is float32, shape (frames,)."""

    def __init__(self, mono: NDArray[np.float32], rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._size = round(WINDOW_S * rate_hz)
        self._offsets = np.arange(
            -round(REACH_S * rate_hz), round(REACH_S * rate_hz) + 1, round(STEP_S * rate_hz)
        )
        self._pad = self._size + int(self._offsets[-1])
        self._mono = np.pad(mono, self._pad)
        self._window = np.hanning(self._size).astype(np.float32)
        self._bands = _band_matrix(self._size, rate_hz)

        pieces = np.arange(self._pad, max(self._pad + mono.size - self._size, self._pad + 1), 10 * self._size)
        loudest = float(self._loudness(pieces).sum(axis=1).max(initial=0.0))
        self._floor = loudest * 10 ** (FLOOR_DB / 10 * LOUDNESS_EXPONENT) + 1e-12

    def _loudness(self, starts: NDArray[np.intp]) -> NDArray[np.float64]:
        blocks = self._mono[starts[:, None] + np.arange(self._size)] * self._window
        return ((np.abs(np.fft.rfft(blocks, axis=1)) ** 2) @ self._bands) ** LOUDNESS_EXPONENT

    def onset(self, frame: int) -> Onset:
        """What begins within :data:`REACH_S` of ``frame``."""
        middles = self._pad + frame + self._offsets
        after, before = self._loudness(middles), self._loudness(middles - self._size)
        all_there_is = (after + before).sum(axis=1) + self._floor
        novelty = np.maximum(after - before, 0.0).sum(axis=1) / all_there_is
        best = int(novelty.argmax())
        return Onset(float(novelty[best]), float(self._offsets[best] * 1000 / self._rate_hz))


@dataclass(frozen=True)
class Timing:
    """Timing of all clear onsets of a recording.

    Attributes
    ----------
    clear_share : of the moments, those whose novelty only :data:`FALSE_ALARM_RATE` of quiet moments reach.
    errors_ms : float64, one for each clear moment; late is positive.
    """

    clear_share: float
    errors_ms: NDArray[np.float64]


def measure_timing(mono: NDArray[np.float32], rate_hz: int, notes: Sequence[ExpectedNote]) -> Timing:
    """Find the onset at every moment of the score, the threshold being set on quiet moments."""
    finder = OnsetFinder(mono, rate_hz)
    moments = onset_moments(notes, rate_hz)
    quiet = [finder.onset(frame).novelty for frame in quiet_moments(moments, rate_hz, 250, seed=1)]
    threshold = float(np.quantile(quiet, 1 - FALSE_ALARM_RATE)) if quiet else 0.0
    onsets = [finder.onset(frame) for frame in moments]
    clear = [onset.error_ms for onset in onsets if onset.novelty > threshold]
    return Timing(len(clear) / len(onsets), np.asarray(clear))


def _band_matrix(size: int, rate_hz: int) -> NDArray[np.float64]:
    """Which spectrum bins belong to which band, (bins, bands); bands without a bin are left out."""
    frequencies = np.fft.rfftfreq(size, 1 / rate_hz)
    edges = np.geomspace(LOWEST_HZ, HIGHEST_HZ, BANDS + 1)
    members = (frequencies[:, None] >= edges[:-1]) & (frequencies[:, None] < edges[1:])
    return members[:, members.any(axis=0)].astype(np.float64)
