"""Recordings of any format libsndfile reads, at any rate, of any channels, as one channel at 16 kHz."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from synth_engine.generator.spectral import SAMPLE_RATE_HZ

SUFFIXES = (
    *(".wav", ".wave", ".w64", ".rf64", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    *(".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".voc", ".sph"),
)
_BLOCK_S = 30.0  # an hour of 48 kHz stereo never stands in memory whole at its own rate
_RATES_HZ = range(1_000, 768_001)


class AudioFileError(ValueError):
    """A recording that cannot be used; the text says why."""


def find_recordings(folder: Path) -> list[Path]:
    """Return all files under `folder` that are named like sound, sorted; hidden ones are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def read_recording(path: Path, mix: bool = False, rate_hz: int = SAMPLE_RATE_HZ) -> NDArray[np.float32]:
    """Read a whole recording as one channel at `rate_hz`.

    Parameters
    ----------
    path : Path
        Any format libsndfile reads.
    mix : bool
        The mean of all channels, rather than the channel with the most energy: the mean of a stereo recording
        is a comb filter.
    rate_hz : int
        Rate of the result.

    Returns
    -------
    NDArray[np.float32], shape (frames,)

    Raises
    ------
    AudioFileError
        If it cannot be read, holds no samples or such that are no numbers.
    """
    try:
        with soundfile.SoundFile(path) as file:
            if file.samplerate not in _RATES_HZ:
                raise AudioFileError(f"a sample rate of {file.samplerate} Hz")
            stream = soxr.ResampleStream(
                file.samplerate, rate_hz, file.channels, dtype="float32", quality="VHQ"
            )
            parts = []
            for block in file.blocks(round(_BLOCK_S * file.samplerate), dtype="float32", always_2d=True):
                if not np.isfinite(block).all():
                    raise AudioFileError("holds samples that are no numbers")
                parts.append(stream.resample_chunk(block))
            parts.append(stream.resample_chunk(np.zeros((0, file.channels), np.float32), last=True))
    except soundfile.SoundFileError as error:
        raise AudioFileError(f"cannot be read: {getattr(error, 'error_string', error)}") from None
    except OSError as error:
        raise AudioFileError(f"cannot be read: {error.strerror}") from None
    channels = np.concatenate(parts)
    if not len(channels):
        raise AudioFileError("holds no samples")
    return _one_channel(channels, mix)


def _one_channel(channels: NDArray[np.float32], mix: bool) -> NDArray[np.float32]:
    if mix:
        return np.asarray(channels.mean(axis=1), np.float32)
    loudest = int(np.argmax(np.square(channels, dtype=np.float32).sum(axis=0)))
    return np.ascontiguousarray(channels[:, loudest])
