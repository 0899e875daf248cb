"""Judges that have never seen our data: the pitch of a note, and whether it is there at all."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from synth_engine.generator.spectral import SAMPLE_RATE_HZ

SILENCE_DBFS = -50.0  # root mean square of the loudest 50 ms; real notes are all above -30

_JUDGE_RATE_HZ = 22_050
_JUDGE_WINDOW_FRAMES = 43_844  # what the network takes at once: just under 2 s
_LOWEST_JUDGED_PITCH = 21
_FADED = 10.0 ** (-40.0 / 20.0)
_NOTE_HEAD = "StatefulPartitionedCall:1"


_NAMED = 0.1
_VOICED = 0.5  # confidence at which SwiftF0 calls a frame voiced


class JudgeMissing(RuntimeError):
    """The judge's package is not installed; the text says how to install it."""


@dataclass(frozen=True)
class Hearing:
    """What a judge heard in one note.

    Attributes
    ----------
    pitch : int or None
        MIDI pitch; None if it heard none.
    entropy_nats : float
        Entropy of its opinion over pitches: 0 is certain, log(88) has no idea.
    """

    pitch: int | None
    entropy_nats: float


class Judge(Protocol):
    """Hears the pitch of one note at 16 kHz."""

    def hear(self, wave: NDArray[np.float32]) -> Hearing:
        """Return what is heard in a wave of shape (frames,)."""


def entropy_nats(weights: NDArray[np.floating]) -> float:
    """Entropy of weights that need not sum to one; 0 if all are zero."""
    shares = weights[weights > 0] / max(float(weights.sum()), 1e-12)
    return max(0.0, float(-(shares * np.log(shares)).sum()))


class PitchJudge:
    """Basic-pitch's note head as a judge of single notes, MIDI 21..108.

    Raises
    ------
    JudgeMissing
        If `basic-pitch` (for its weights) or `onnxruntime` is not installed.

    Source: Bittner et al., A lightweight instrument-agnostic model for polyphonic note transcription
    (ICASSP 2022).
    """

    def __init__(self) -> None:
        package = importlib.util.find_spec("basic_pitch")
        if package is None or not package.submodule_search_locations:
            raise JudgeMissing("evaluation needs basic-pitch's weights: pip install --no-deps basic-pitch")
        try:
            import onnxruntime  # noqa: PLC0415  # an extra that only evaluation needs
        except ImportError as error:
            raise JudgeMissing("evaluation needs onnxruntime: pip install onnxruntime") from error
        folder = Path(package.submodule_search_locations[0])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        weights = folder / "saved_models" / "icassp_2022" / "nmp.onnx"
        self._session = onnxruntime.InferenceSession(str(weights), options, ["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def pitch_of(self, wave: NDArray[np.float32]) -> int:
        """Return the MIDI pitch heard in one note at 16 kHz, shape (frames,)."""
        return int(self._frames(wave).mean(axis=0).argmax()) + _LOWEST_JUDGED_PITCH

    def hear(self, wave: NDArray[np.float32]) -> Hearing:
        """Pitch, and entropy of the pitches named frame by frame, each by its strength.

        Frames weaker than a tenth of the strongest are not counted: after the note they name anything.
        """
        frames = self._frames(wave)
        strengths, named = frames.max(axis=1), frames.argmax(axis=1)
        strong = strengths >= _NAMED * strengths.max()
        weights = np.bincount(named[strong], strengths[strong]).astype(np.float64)
        heard = int(frames.mean(axis=0).argmax()) + _LOWEST_JUDGED_PITCH
        return Hearing(heard, entropy_nats(weights))

    def _frames(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        """The note head, shape (frames, 88)."""
        loud = wave / max(float(np.abs(wave).max()), 1e-6)
        resampled = soxr.resample(loud.astype(np.float32), SAMPLE_RATE_HZ, _JUDGE_RATE_HZ)
        count = max(1, round(len(resampled) / _JUDGE_WINDOW_FRAMES))
        padded = np.zeros(count * _JUDGE_WINDOW_FRAMES, np.float32)
        padded[: len(resampled)] = resampled[: len(padded)]
        windows = padded.reshape(count, -1, 1)
        # The network levels each window by itself, so it would hear the representation's noise floor
        # (-93 dBFS, repeating every hop) as a note where a struck bar has long faded.
        peaks = np.abs(windows).max(axis=(1, 2))
        sounding = windows[peaks >= peaks.max() * _FADED]
        (notes,) = self._session.run([_NOTE_HEAD], {self._input: sounding})
        frames: NDArray[np.float32] = notes.reshape(-1, notes.shape[-1])
        return frames


class SwiftJudge:
    """SwiftF0 as a second opinion: quick, but deaf below 47 Hz (MIDI 30).

    Raises
    ------
    JudgeMissing
        If `swift-f0` or `onnxruntime` is not installed.

    Source: Nieradzik, SwiftF0: Fast and Accurate Monophonic Pitch Detection (2025).
    """

    def __init__(self) -> None:
        try:
            from swift_f0 import SwiftF0  # noqa: PLC0415  # an extra that only evaluation needs
        except ImportError as error:
            raise JudgeMissing("a second opinion needs SwiftF0: pip install swift-f0 onnxruntime") from error
        self._detector = SwiftF0(threads=1, spin=False)

    def hear(self, wave: NDArray[np.float32]) -> Hearing:
        """The median pitch of the voiced frames, and the entropy of their nearest pitches."""
        loud = wave / max(float(np.abs(wave).max()), 1e-6)
        result = self._detector.detect(loud.astype(np.float32), SAMPLE_RATE_HZ)
        voiced = result.pitch_hz[result.confidence >= _VOICED]
        if not voiced.size:
            return Hearing(None, 0.0)
        pitches = np.round(69.0 + 12.0 * np.log2(voiced / 440.0)).astype(np.int64)
        counts = np.bincount(pitches)
        return Hearing(int(np.median(pitches)), entropy_nats(counts.astype(np.float64)))


def loudest_dbfs(wave: NDArray[np.float32]) -> float:
    """Root mean square of the loudest 50 ms of a note at 16 kHz, in dB below full scale."""
    frames = SAMPLE_RATE_HZ // 20
    parts = wave[: len(wave) // frames * frames].reshape(-1, frames)
    return float(10.0 * np.log10(np.square(parts, dtype=np.float64).mean(axis=1).max() + 1e-12))
