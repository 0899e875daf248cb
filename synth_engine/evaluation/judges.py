"""Judges that have never seen our data: the pitch of a note, and whether it is there at all."""

from __future__ import annotations

import importlib.util
from pathlib import Path

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


class JudgeMissing(RuntimeError):
    """The judge's package is not installed."""


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
        return int(notes.mean(axis=(0, 1)).argmax()) + _LOWEST_JUDGED_PITCH


def loudest_dbfs(wave: NDArray[np.float32]) -> float:
    """Root mean square of the loudest 50 ms of a note at 16 kHz, in dB below full scale."""
    frames = SAMPLE_RATE_HZ // 20
    parts = wave[: len(wave) // frames * frames].reshape(-1, frames)
    return float(10.0 * np.log10(np.square(parts, dtype=np.float64).mean(axis=1).max() + 1e-12))
