"""An independent ear: basic-pitch (Spotify, Apache-2.0), a network that never saw this instrument.

Only its weights are used, ``nmp.onnx`` from the wheel (``pip install --no-deps basic-pitch``).

Source: R. Bittner et al., "A lightweight instrument-agnostic model for polyphonic note transcription and
multipitch estimation", ICASSP 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import onnxruntime
import soxr
from numpy.typing import NDArray

from tests.system.analysis.onsets import ExpectedNote

RATE_HZ = 22_050
WINDOW_SAMPLES = 43_844
WINDOW_ROWS = 172
HOP_SAMPLES = 256  # one row of its output
EDGE_ROWS = 15  # rows at both ends of a window that saw too little
LOWEST_KEY = 21
KEYS = 88
ONSET_TOLERANCE_S = 0.05  # the usual one of note transcription


@dataclass(frozen=True)
class HeardOnset:
    """How probable an onset is, and where the judge puts it against the score (late is positive)."""

    probability: float
    error_ms: float


@dataclass(frozen=True)
class Hearing:
    """What the judge heard: probabilities, float32 (rows, 88 keys from A0), one row every 11.6 ms."""

    onset: NDArray[np.float32]
    note: NDArray[np.float32]

    def onset_near(
        self, note: ExpectedNote, rate_hz: int, tolerance_s: float = ONSET_TOLERANCE_S
    ) -> HeardOnset:
        """The most probable onset of the note's key near its expected beginning."""
        at_s = note.frame / rate_hz
        first, last = self._rows(at_s - tolerance_s, at_s + tolerance_s)
        near = self.onset[first:last, note.key - LOWEST_KEY]
        if not near.size:
            return HeardOnset(0.0, 0.0)
        best = int(near.argmax())
        return HeardOnset(float(near[best]), 1000 * ((first + best) * HOP_SAMPLES / RATE_HZ - at_s))

    def _rows(self, start_s: float, end_s: float) -> tuple[int, int]:
        first, last = (round(time_s * RATE_HZ / HOP_SAMPLES) for time_s in (start_s, end_s))
        return max(first, 0), max(last + 1, 0)


def judge_path() -> Path | None:
    """Where the judge's weights are, or None if the wheel is not installed."""
    try:
        files = metadata.files("basic-pitch") or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if file.name == "nmp.onnx"), None)


def listen(mono: NDArray[np.float32], rate_hz: int, weights: Path) -> Hearing:
    """Hear a whole recording; its loudest frame is scaled to 0.5 first, as the level is not judged here."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
    peak = float(np.abs(mono).max(initial=0.0)) or 1.0
    heard = soxr.resample(mono * np.float32(0.5 / peak), rate_hz, RATE_HZ).astype(np.float32)
    step = (WINDOW_ROWS - 2 * EDGE_ROWS) * HOP_SAMPLES
    padded = np.pad(heard, (EDGE_ROWS * HOP_SAMPLES, WINDOW_SAMPLES))
    rows: list[list[NDArray[np.float32]]] = [[], []]
    for start in range(0, heard.size, step):
        window = padded[start : start + WINDOW_SAMPLES].reshape(1, -1, 1)
        outputs = session.run(
            ["StatefulPartitionedCall:2", "StatefulPartitionedCall:1"], {"serving_default_input_2:0": window}
        )
        for kept, output in zip(rows, outputs, strict=True):
            kept.append(output[0, EDGE_ROWS : WINDOW_ROWS - EDGE_ROWS])
    return Hearing(onset=np.concatenate(rows[0]), note=np.concatenate(rows[1]))


@dataclass(frozen=True)
class Transcription:
    """Notes the judge would write down: (row of the onset, key)."""

    notes: list[tuple[int, int]]


def transcribe(hearing: Hearing, onset_threshold: float = 0.5, note_threshold: float = 0.3) -> Transcription:
    """Peaks of the onset probability that a note follows; the thresholds are the authors' defaults."""
    onset = np.pad(hearing.onset, ((1, 1), (0, 0)))
    peak = (onset[1:-1] >= onset_threshold) & (onset[1:-1] > onset[:-2]) & (onset[1:-1] >= onset[2:])
    follows = np.maximum.reduce([np.roll(hearing.note, -shift, axis=0) for shift in range(4)])
    rows, keys = np.nonzero(peak & (follows >= note_threshold))
    return Transcription([(int(row), int(key) + LOWEST_KEY) for row, key in zip(rows, keys, strict=True)])


@dataclass(frozen=True)
class Agreement:
    """Note-level comparison of a transcription with the score: same key, onset within 50 ms."""

    recall: float
    precision: float

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        total = self.recall + self.precision
        return 2 * self.recall * self.precision / total if total else 0.0


def agreement(written: Transcription, notes: Sequence[ExpectedNote], rate_hz: int) -> Agreement:
    """Match every written note with at most one note of the score."""
    free: dict[int, list[float]] = {}
    for note in notes:
        free.setdefault(note.key, []).append(note.frame / rate_hz)
    matched = 0
    for row, key in written.notes:
        time_s = row * HOP_SAMPLES / RATE_HZ
        near = [start_s for start_s in free.get(key, []) if abs(start_s - time_s) <= ONSET_TOLERANCE_S]
        if near:
            free[key].remove(min(near, key=lambda start_s: abs(start_s - time_s)))
            matched += 1
    return Agreement(matched / max(len(notes), 1), matched / max(len(written.notes), 1))
