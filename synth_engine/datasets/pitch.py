"""The pitch of a note as SwiftF0 hears it: a gate for rendered notes, an ear for recorded ones.

Basic-pitch is left out on purpose: it judges what a model trained on these notes plays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth_engine.datasets.finishing import resample
from synth_engine.generator.spectral import SAMPLE_RATE_HZ

VOICED = 0.5  # SwiftF0's own mark
TOLERANCE_SEMITONES = 0.5
_GATE_START_FRAMES, _GATE_FRAMES = 800, 16_000  # 50 ms to 1.05 s: a quarter of the work of a whole note
_BLIND_UNDER_PITCH = 37.0  # SwiftF0 begins at 46.9 Hz and is worse near there; an octave up it is not


class DetectorMissing(RuntimeError):
    """The package that hears pitches is not installed."""


@dataclass(frozen=True)
class Heard:
    """A pitch that was heard.

    Attributes
    ----------
    pitch : float
        MIDI pitch, with cents after the point.
    confidence : float
        Share of the sounding time that agrees within half a semitone, times its mean voicing, 0..1.
    """

    pitch: float
    confidence: float


class PitchDetector:
    """SwiftF0 on whole notes, MIDI 18..96. **Thread** any, also several at once.

    Raises
    ------
    DetectorMissing
        If `swift-f0` is not installed.

    Source: Nieradzik, SwiftF0: fast and accurate monophonic pitch detection (2025).
    """

    def __init__(self) -> None:
        try:
            from swift_f0 import SwiftF0  # noqa: PLC0415  # an extra
        except ImportError as error:
            raise DetectorMissing(
                "hearing pitches needs swift-f0 and onnxruntime: pip install 'timbred[judges]'"
            ) from error
        self._network = SwiftF0(threads=1, spin=False)

    def hear(self, wave: NDArray[np.float32]) -> Heard | None:
        """Return the pitch of a note at 16 kHz, shape (frames,); None if there is none.

        A low note is also heard at twice the speed; the surer of the two counts.
        """
        straight = self._hear(wave)
        if straight is not None and straight.pitch >= _BLIND_UNDER_PITCH + 12.0:
            return straight
        faster = self._hear(_octave_up(wave))
        if faster is None or (straight is not None and straight.confidence >= faster.confidence):
            return straight
        return Heard(faster.pitch - 12.0, faster.confidence)

    def agrees(self, wave: NDArray[np.float32], pitch: float) -> bool:
        """Whether a note at 16 kHz is heard at `pitch`, as it is or at twice the speed."""
        part = wave[_GATE_START_FRAMES : _GATE_START_FRAMES + _GATE_FRAMES]
        if pitch >= _BLIND_UNDER_PITCH and _near(self._hear(part), pitch):
            return True
        part = wave[_GATE_START_FRAMES : _GATE_START_FRAMES + 2 * _GATE_FRAMES]
        return _near(self._hear(_octave_up(part)), pitch + 12.0)

    def _hear(self, wave: NDArray[np.float32]) -> Heard | None:
        loudest = float(np.abs(wave).max(initial=0.0))
        if loudest == 0.0:
            return None
        result = self._network.detect((wave / loudest).astype(np.float32), SAMPLE_RATE_HZ)
        sounding = result.loudness_db > result.loudness_db.max() - 40.0
        voiced = sounding & (result.confidence >= VOICED)
        if not voiced.any():
            return None
        pitches = 69.0 + 12.0 * np.log2(result.pitch_hz[voiced] / 440.0)
        median = float(np.median(pitches))
        agreeing = np.abs(pitches - median) <= TOLERANCE_SEMITONES
        return Heard(median, float(result.confidence[voiced][agreeing].sum() / sounding.sum()))


def _octave_up(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    return resample(wave, SAMPLE_RATE_HZ, SAMPLE_RATE_HZ // 2)


def _near(heard: Heard | None, pitch: float) -> bool:
    return heard is not None and abs(heard.pitch - pitch) <= TOLERANCE_SEMITONES
