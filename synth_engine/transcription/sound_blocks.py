"""Any sound file as one channel at a wanted rate, block by block: memory does not grow with its length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

BLOCK_FRAMES = 1 << 16


class SoundError(ValueError):
    """A sound file cannot be used; the text says which, why and what was expected."""


@dataclass(frozen=True)
class SoundInfo:
    """A sound file at a glance.

    Attributes
    ----------
    frames : int
        As read, not as its header says.
    rate_hz : int
    peak : float
        Largest magnitude of the channels' mean.
    """

    frames: int
    rate_hz: int
    peak: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.frames / self.rate_hz


def examine(path: Path) -> SoundInfo:
    """Read a file through once: its true length and peak.

    Raises
    ------
    SoundError
        If it is no sound file, is empty or holds values that are no numbers.
    OSError
        If it cannot be opened.
    """
    frames, peak, rate_hz = 0, 0.0, 0
    for block, rate_hz in _mono_blocks(path):
        if not np.isfinite(block).all():
            raise SoundError(f"{path}: holds a NaN or an infinity near {frames / rate_hz:.2f} s")
        frames += block.size
        peak = max(peak, float(np.abs(block).max(initial=0.0)))
    if not frames:
        raise SoundError(f"{path}: holds no sound at all")
    return SoundInfo(frames, rate_hz, peak)


def mono_blocks(path: Path, rate_hz: int) -> Iterator[NDArray[np.float32]]:
    """The mean of a file's channels at ``rate_hz``, float32 (frames,), in blocks of any size.

    Raises
    ------
    SoundError
        If it is no sound file.
    OSError
        If it cannot be opened.
    """
    resampler: soxr.ResampleStream | None = None
    for block, source_hz in _mono_blocks(path):
        if source_hz == rate_hz:
            yield block
            continue
        resampler = resampler or soxr.ResampleStream(source_hz, rate_hz, 1, dtype="float32")
        yield resampler.resample_chunk(block)
    if resampler is not None:
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _mono_blocks(path: Path) -> Iterator[tuple[NDArray[np.float32], int]]:
    with path.open("rb"):  # libsndfile's own words for a missing file are "System error."
        pass
    try:
        with soundfile.SoundFile(path) as file:
            while True:
                frames = file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)
                if not len(frames):
                    return
                yield frames.mean(axis=1), file.samplerate
    except soundfile.LibsndfileError as error:
        known = "WAV, AIFF, FLAC, Ogg, MP3 and others that libsndfile reads"
        raise SoundError(
            f"{path}: no sound file that can be read ({error.error_string}); {known} can"
        ) from None
