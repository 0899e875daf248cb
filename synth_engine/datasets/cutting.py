"""Where the notes of a recording begin and end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synth_engine.generator.spectral import SAMPLE_RATE_HZ

_HOP_FRAMES = 80  # 5 ms
_WINDOW_HOPS = 4
_RISE_DB = 9.0
_LOOK_BACK_HOPS = 12  # 60 ms
_RANGE_DB = 45.0  # what is further below the loudest moment is silence
_SILENCE_DBFS = -60.0
_SHORTEST_GAP_S = 0.1
_BEFORE_ONSET_FRAMES = 80  # a note begins a little before it is noticed

Span = tuple[int, int]


def levels_db(wave: NDArray[np.float32]) -> NDArray[np.float64]:
    """Level of every 5 ms of a wave at 16 kHz, over 20 ms beginning there, in dB of full scale."""
    power = np.square(wave, dtype=np.float64)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    starts = np.arange(0, len(wave), _HOP_FRAMES)
    ends = np.minimum(starts + _WINDOW_HOPS * _HOP_FRAMES, len(wave))
    mean = np.maximum(sums[ends] - sums[starts], 0.0) / (ends - starts)
    return np.asarray(10.0 * np.log10(mean + 1e-12))


def floor_dbfs(levels: NDArray[np.float64]) -> float:
    """The level below which a recording is silent."""
    return max(_SILENCE_DBFS, float(levels.max(initial=-120.0)) - _RANGE_DB)


def onsets(wave: NDArray[np.float32]) -> list[int]:
    """Return the frames where notes begin: the level rises by 9 dB within 60 ms, out of silence or not."""
    levels = levels_db(wave)
    floor = floor_dbfs(levels)
    clipped = np.maximum(levels, floor)
    padded = np.concatenate([np.full(_LOOK_BACK_HOPS, floor), clipped])
    before = np.lib.stride_tricks.sliding_window_view(padded, _LOOK_BACK_HOPS)[: len(levels)].min(axis=1)
    rises = (clipped - before >= _RISE_DB) & (levels > floor)
    found: list[int] = []
    last_rise = -(10**9)
    shortest = round(_SHORTEST_GAP_S * SAMPLE_RATE_HZ)
    for hop in np.flatnonzero(rises):
        frame = int(hop) * _HOP_FRAMES
        if frame - last_rise > _HOP_FRAMES and (not found or frame - found[-1] >= shortest):
            found.append(frame)
        last_rise = frame
    return found


def spans_at_onsets(wave: NDArray[np.float32], frames: int, shortest_frames: int) -> list[Span]:
    """Return one (start, end) a note: from its onset to the next, to silence, or `frames` on."""
    starts = [max(0, onset - _BEFORE_ONSET_FRAMES) for onset in onsets(wave)]
    ends = [*starts[1:], len(wave)]
    spans = []
    for start, end in zip(starts, ends, strict=True):
        stop = start + _sounding(wave[start : min(end, start + frames)])
        if stop - start >= shortest_frames:
            spans.append((start, stop))
    return spans


def spans_by_step(wave: NDArray[np.float32], frames: int, step_frames: int) -> list[Span]:
    """Return (start, end) every `step_frames`, without those that are silent or cut short by the end.

    A recording shorter than `frames` is one span.
    """
    floor = floor_dbfs(levels_db(wave))
    last = max(0, len(wave) - frames)
    spans = [(start, min(start + frames, len(wave))) for start in range(0, last + 1, step_frames)]
    return [(start, end) for start, end in spans if levels_db(wave[start:end]).max(initial=-120.0) > floor]


def trimmed(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a note without the silence before and after it."""
    levels = levels_db(wave)
    loud = np.flatnonzero(levels > floor_dbfs(levels))
    if not len(loud):
        return wave[:0]
    start = max(0, int(loud[0]) * _HOP_FRAMES - _BEFORE_ONSET_FRAMES)
    return wave[start : (int(loud[-1]) + _WINDOW_HOPS) * _HOP_FRAMES]


def _sounding(wave: NDArray[np.float32]) -> int:
    levels = levels_db(wave)
    loud = np.flatnonzero(levels > floor_dbfs(levels))
    return min(len(wave), (int(loud[-1]) + _WINDOW_HOPS) * _HOP_FRAMES) if len(loud) else 0
