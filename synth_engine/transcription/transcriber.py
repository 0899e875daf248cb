"""A sound file to notes, by one of two engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synth_engine.transcription import monophonic, polyphonic
from synth_engine.transcription.heard_notes import (
    HeardNote,
    Thresholds,
    TranscriberMissing,
    without_overlaps,
)
from synth_engine.transcription.sound_blocks import SoundInfo, examine, mono_blocks
from synth_engine.transcription.tracking import NoteTracker

Progress = Callable[[int, int], None]  # seconds done, seconds in all


class Engine(Enum):
    """Who listens."""

    BASIC_PITCH = "basic-pitch"  # chords, MIDI 21..108
    SWIFT_F0 = "swift-f0"  # one voice, MIDI 30..96


def choose_engine() -> Engine:
    """Basic-pitch where it is installed, else SwiftF0.

    Raises
    ------
    TranscriberMissing
        If neither is there.
    """
    if polyphonic.is_installed():
        return Engine.BASIC_PITCH
    if monophonic.is_installed():
        return Engine.SWIFT_F0
    raise TranscriberMissing(f"nothing that hears notes is installed; to install it: {polyphonic.MEND}")


def transcribe(
    path: Path, engine: Engine, thresholds: Thresholds, progress: Progress | None = None
) -> list[HeardNote]:
    """Write down what is heard, in order of start. Memory grows with the notes, not with the sound.

    Parameters
    ----------
    path : Path
        Any sound file, rate and channel count; channels are heard as one.
    engine : Engine
    thresholds : Thresholds
    progress : callable, optional
        Told seconds done and in all.

    Raises
    ------
    TranscriberMissing
        If the engine is not installed.
    SoundError, OSError
        If the file cannot be read.
    """
    info = examine(path)
    listen = _polyphonic if engine is Engine.BASIC_PITCH else _monophonic
    notes = [note for note in listen(path, info, thresholds, progress) if thresholds.keeps(note)]
    return without_overlaps(notes)


def _polyphonic(
    path: Path, info: SoundInfo, thresholds: Thresholds, progress: Progress | None
) -> Iterator[HeardNote]:
    session = polyphonic.open_session()
    tracker = NoteTracker(thresholds.onset)
    blocks = _counted(mono_blocks(path, polyphonic.RATE_HZ), polyphonic.RATE_HZ, info, progress)
    for rows in polyphonic.hear(blocks, info.peak, session):
        yield from tracker.feed(rows)
    yield from tracker.finish()


def _monophonic(
    path: Path, info: SoundInfo, thresholds: Thresholds, progress: Progress | None
) -> Iterator[HeardNote]:
    blocks = _counted(mono_blocks(path, monophonic.RATE_HZ), monophonic.RATE_HZ, info, progress)
    frames = monophonic.hear(blocks, info.peak)
    yield from monophonic.track(frames, thresholds.confidence, thresholds.onset)


def _counted(
    blocks: Iterator[NDArray[np.float32]], rate_hz: int, info: SoundInfo, progress: Progress | None
) -> Iterator[NDArray[np.float32]]:
    done = 0
    total_s = max(1, round(info.seconds))
    for block in blocks:
        yield block
        done += block.size
        if progress is not None:
            progress(min(round(done / rate_hz), total_s), total_s)
