"""The last step of every note, whatever it comes from: rate, length, level, fade, int16."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from synth_engine.datasets.shards import FULL_SCALE
from synth_engine.generator.spectral import SAMPLE_RATE_HZ, WAVE_FRAMES

PEAK = 0.95  # every note is brought to this peak, as in NSynth: loudness is the player's, not the model's
FADE_FRAMES = 240  # 15 ms at 16 kHz, so that pads that still sound at 4 s do not click
GATE_PEAK = 10.0 ** (-60.0 / 20.0)  # some programs play nothing at the ends of their range


def resample(wave: NDArray[np.float32], rate_hz: int, to_hz: int = SAMPLE_RATE_HZ) -> NDArray[np.float32]:
    """Return a wave at another rate, soxr's best quality."""
    if rate_hz == to_hz:
        return wave
    resampled: NDArray[np.float32] = soxr.resample(wave, rate_hz, to_hz, quality="VHQ")
    return resampled


def level_and_fade(
    wave: NDArray[np.float32], frames: int = WAVE_FRAMES, gate: float = GATE_PEAK
) -> NDArray[np.float32] | None:
    """Bring a note to the house length and peak; its end is faded, whether cut or padded with silence.

    Parameters
    ----------
    wave : NDArray[np.float32], shape (any,)
        Full scale is 1.
    frames : int
        Length of the result.
    gate : float
        A note whose peak is lower is silence.

    Returns
    -------
    NDArray[np.float32], shape (frames,), or None
        None for silence.
    """
    wave = wave[:frames]
    peak = float(np.abs(wave).max(initial=0.0))
    if peak < gate:
        return None
    note = np.zeros(frames, np.float32)
    note[: len(wave)] = wave * (PEAK / peak)
    fade = min(FADE_FRAMES, len(wave))
    note[len(wave) - fade : len(wave)] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return note


def to_int16(note: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return a note as it is kept in a shard."""
    return np.round(note * FULL_SCALE).astype(np.int16)


def to_float(note: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return a note of a shard at full scale 1."""
    return note.astype(np.float32) / np.float32(FULL_SCALE)


def finish_note(
    wave: NDArray[np.float32], rate_hz: int, frames: int = WAVE_FRAMES
) -> NDArray[np.int16] | None:
    """Decimate, level and fade one note; None if its peak is below -60 dBFS."""
    note = level_and_fade(resample(wave, rate_hz), frames)
    return None if note is None else to_int16(note)
