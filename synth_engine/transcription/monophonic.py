"""SwiftF0's pitch track to notes: one voice at a time, MIDI 30..96.

Frames (16 ms each) of enough confidence are *voiced*. A note is a run of voiced frames around one pitch: gaps
of up to three frames are bridged; it ends where the pitch stays over 0.7 semitones from the note's median
for four frames, or where the level rises sharply out of a dip (a new attack on the same pitch). A change of
pitch is dated back to the attack before it; one by octaves without an attack is no change, as the network
takes partials of dying strings for fundamentals. A note's pitch is the one most of its frames round to, its
confidence their mean. At a threshold of 0 every frame is voiced, silence too. A note after silence begins a
frame before its first voiced one: the network is sure that much late.

Source: package ``swift-f0`` (MIT); its confidence is calibrated so that 0.5 means voiced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import mode
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth_engine.transcription.heard_notes import HeardNote, TranscriberMissing, hz_to_pitch

RATE_HZ = 16_000
FRAME_S = 256 / RATE_HZ
MEND = "pip install 'timbred[judges]'"
LOWEST_PITCH, HIGHEST_PITCH = 30, 96  # 46.9 to 2094 Hz

_BENT_SEMITONES = 2.0
_GAP_FRAMES = 3
_AWAY_SEMITONES = 0.7
_AWAY_FRAMES = 4
_RISE_FRAMES = 3
_RISE_DB = 12.0  # of an attack at an onset threshold of 1
_ATTACK_DB = 2.0  # a rise as small as this dates a change of pitch
_STRONG_FRAMES = 9  # 0.14 s: where strength is read

Frame = tuple[float, float, float]  # pitch in semitones, confidence, level in dB


def is_installed() -> bool:
    """Whether the engine can be used."""
    try:
        _detector()
    except TranscriberMissing:
        return False
    return True


def hear(blocks: Iterable[NDArray[np.float32]], peak: float) -> Iterator[Frame]:
    """Frames of a sound at 16 kHz, one every 16 ms.

    Raises
    ------
    TranscriberMissing
        If `swift-f0` or `onnxruntime` is not installed.
    """
    stream = _detector()(threads=1, spin=False).stream()
    scale = np.float32(1.0 / peak) if peak > 0 else np.float32(0.0)
    for block in blocks:
        if block.size:
            yield from _frames(stream.push(block * scale, RATE_HZ))
    yield from _frames(stream.flush())


def _detector() -> Any:
    try:
        from swift_f0 import SwiftF0  # noqa: PLC0415  an extra that only transcribing needs
    except ImportError:
        raise TranscriberMissing(f"the swift-f0 engine is not installed; to install it: {MEND}") from None
    return SwiftF0


def _frames(result: Any) -> Iterator[Frame]:
    for hz, confidence, level_db in zip(result.pitch_hz, result.confidence, result.loudness_db, strict=True):
        yield hz_to_pitch(float(hz)), float(confidence), float(level_db)


class _Note:
    """A note that is being heard."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.frames: list[Frame] = []
        self.gap = 0

    @property
    def median(self) -> float:
        return float(np.median([pitch for pitch, _, _ in self.frames]))

    def finished(self) -> HeardNote:
        levels = [level_db for _, _, level_db in self.frames]
        pitch = mode(round(pitch) for pitch, _, _ in self.frames)
        return HeardNote(
            self.first * FRAME_S,
            (self.first + len(self.frames)) * FRAME_S,
            pitch,
            float(np.mean([confidence for _, confidence, _ in self.frames])),
            10.0 ** (max(levels[:_STRONG_FRAMES]) / 20.0),
            tuple(_bend(heard - pitch) for heard, _, _ in self.frames),
            FRAME_S,
        )


def _bend(semitones: float) -> float:
    """A bend as far as one note goes; beyond that the network took another partial for the fundamental."""
    return round(semitones, 3) if abs(semitones) <= _BENT_SEMITONES else 0.0


def track(frames: Iterable[Frame], confidence: float, onset: float) -> Iterator[HeardNote]:
    """Notes of a pitch track, in order.

    Parameters
    ----------
    frames : iterable of (pitch in semitones, confidence 0..1, level in dB)
    confidence : float
        Frames below it are unvoiced.
    onset : float
        0..1: an attack is a rise of 12 dB times this within three frames.
    """
    note: _Note | None = None
    for index, frame in enumerate(frames):
        if note is not None and frame[1] < confidence:
            note.gap += 1
            if note.gap > _GAP_FRAMES:
                yield note.finished()
                note = None
        elif note is None:
            note = _Note(max(index - 1, 0)) if frame[1] >= confidence else None
            if note is not None:
                note.frames.append(frame)
        else:
            note.frames += [(note.median, 0.0, frame[2])] * note.gap  # the bridge: no pitch of its own
            note.gap = 0
            note.frames.append(frame)
            split = _split(note, onset)
            if split:
                tail, note.frames = _own(note.frames[-split:]), note.frames[:-split]
                if note.frames:
                    yield note.finished()
                note = _Note(index + 1 - split)
                note.frames = tail
    if note is not None:
        yield note.finished()


def _split(note: _Note, onset: float) -> int:
    """How many of the last frames belong to a note of their own; 0 for none."""
    frames = note.frames
    if len(frames) > _AWAY_FRAMES:
        before = float(np.median([pitch for pitch, _, _ in frames[-40:-_AWAY_FRAMES]]))
        away = [pitch - before for pitch, _, _ in frames[-_AWAY_FRAMES:]]
        if all(abs(steps) > _AWAY_SEMITONES for steps in away):
            attack = _frames_since_attack(frames)
            if attack or not _is_octave(float(np.median(away))):
                return attack or _AWAY_FRAMES
    levels = [level_db for _, _, level_db in frames[-_RISE_FRAMES - 1 :]]
    settled = len(frames) > 2 * _AWAY_FRAMES
    if settled and levels[-1] - min(levels) >= _RISE_DB * max(onset, 0.1) and levels[-1] == max(levels):
        return 1
    return 0


def _own(tail: list[Frame]) -> list[Frame]:
    """Frames of a new note: those between its attack and its first sure pitch get that pitch."""
    settled = tail[-_AWAY_FRAMES:]
    pitch = float(np.median([pitch for pitch, _, _ in settled]))
    return [(pitch, sure, level_db) for _, sure, level_db in tail[: -len(settled)]] + settled


def _is_octave(steps: float) -> bool:
    """Whether a step is one to a partial an octave or two off: what a dying string does to the network."""
    return abs(steps) > 6.0 and abs(steps - 12.0 * round(steps / 12.0)) < _AWAY_SEMITONES


def _frames_since_attack(frames: list[Frame]) -> int:
    """Frames from the last dip in level on, where it rises at once; 0 without such an attack."""
    levels = [level_db for _, _, level_db in frames[-2 * _AWAY_FRAMES - 1 :]]
    dip = int(np.argmin(levels[: -_AWAY_FRAMES + 1]))
    after = levels[dip + 1 : dip + 1 + _RISE_FRAMES]
    return len(levels) - dip - 1 if max(after) - levels[dip] >= _ATTACK_DB else 0
