"""A sound that comes in blocks to a file, brought to one peak: long sounds are larger than memory."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from synth_engine.offline.mixdown import PEAK_DB, peak_gain, scaled
from synth_engine.offline.sound_file import check_sound_path, write_sound_blocks

_BLOCK_FRAMES = 1 << 16


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes
    ----------
    frames : int
        Length of the sound.
    gain_db : float
        Gain that brought its largest magnitude to -1 dB of full scale; 0 for silence.
    silent : bool
        Whether there is nothing to hear.
    """

    frames: int
    gain_db: float
    silent: bool

    def in_words(self) -> str:
        """How loud it is."""
        return "silent" if self.silent else f"gain {self.gain_db:+.1f} dB, peak {PEAK_DB:g} dBFS"


def write_levelled(path: Path, blocks: Iterable[NDArray[np.float32]], rate_hz: int, channels: int) -> Written:
    """Write blocks, each (frames, channels), whole or not at all.

    Raises
    ------
    SoundFileError
        If the suffix is neither `.wav` nor `.flac`.
    OSError
        If the file, or the temporary one beside it, cannot be written.
    """
    check_sound_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    peak, frames = 0.0, 0
    with tempfile.TemporaryFile(dir=path.parent) as raw:  # the gain is known only at the end
        for block in blocks:
            peak = max(peak, float(np.max(np.abs(block), initial=0.0)))
            frames += len(block)
            raw.write(np.ascontiguousarray(block, np.float32).tobytes())
        raw.seek(0)
        gain = peak_gain(peak)
        write_sound_blocks(path, scaled(_read_blocks(raw, channels), gain), rate_hz, channels)
    return Written(frames, 20.0 * math.log10(gain), peak == 0.0)


def _read_blocks(raw: IO[bytes], channels: int) -> Iterator[NDArray[np.float32]]:
    size = _BLOCK_FRAMES * channels * np.dtype(np.float32).itemsize
    while data := raw.read(size):
        yield np.frombuffer(data, np.float32).reshape(-1, channels)
