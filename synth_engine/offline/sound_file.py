"""Sound to WAV and FLAC files that are either whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

SUFFIXES = {".wav": ("WAV", "FLOAT"), ".flac": ("FLAC", "PCM_24")}


class SoundFileError(ValueError):
    """A name or format no sound can be written under; the text is for the player."""


def check_sound_path(path: Path) -> None:
    """Refuse a path whose suffix names no format we write.

    Raises
    ------
    SoundFileError
    """
    if path.suffix.lower() not in SUFFIXES:
        raise SoundFileError(f"{path}: expected a name that ends in {' or '.join(SUFFIXES)}")


def write_sound(path: Path, sound: NDArray[np.floating], rate_hz: int) -> None:
    """Write a sound, whole or not at all.

    Parameters
    ----------
    path : Path
        `.wav` (32-bit float) or `.flac` (24 bits); its folder is made if missing.
    sound : NDArray[np.floating], shape (frames,) or (frames, channels)
        Samples; FLAC holds -1..1 and clips beyond.
    rate_hz : int
        Sample rate.

    Raises
    ------
    SoundFileError
        If the suffix is another.
    OSError
        If the file cannot be written; what was there before is untouched.
    """
    channels = 1 if sound.ndim == 1 else sound.shape[1]
    write_sound_blocks(path, [sound], rate_hz, channels)


def write_sound_blocks(
    path: Path, blocks: Iterable[NDArray[np.floating]], rate_hz: int, channels: int
) -> None:
    """Write a sound that comes in blocks, each (frames,) or (frames, channels); else as `write_sound`."""
    check_sound_path(path)
    kind, subtype = SUFFIXES[path.suffix.lower()]
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w+b") as file:
            with soundfile.SoundFile(file, "w", rate_hz, channels, subtype, format=kind) as target:
                for block in blocks:
                    target.write(np.ascontiguousarray(block, np.float32))
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # a temporary file is private; a sound is not
        temporary.replace(path)
    except soundfile.SoundFileError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(f"{path}: cannot be written: {error}") from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
