"""From the key to the sound, in frames: single notes at random phases against the block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.system.capture import Recording
from tests.system.midi_player import Performance
from tests.system.score import Score, note_score

HOLD_S = 0.06
SPACING_S = 0.34  # long enough for a short release to be over
EARLY_S = 0.003
ONSET_DB = -26.0  # relative to the note's own peak: the first frame at this level is the onset


@dataclass(frozen=True)
class Latency:
    """Key-to-sound figures, in frames at ``rate_hz``; ``frames`` is int64, one for each note heard."""

    frames: NDArray[np.int64]
    missed: int
    rate_hz: int

    def percentile(self, share: float) -> float:
        """E.g. ``percentile(95)``."""
        return float(np.percentile(self.frames, share))

    def summary(self) -> dict[str, float]:
        """The figures worth printing; frames, and milliseconds for the median."""
        return {
            "notes": float(self.frames.size),
            "missed": float(self.missed),
            "median_frames": self.percentile(50),
            "p5_frames": self.percentile(5),
            "p95_frames": self.percentile(95),
            "max_frames": float(self.frames.max()),
            "jitter_p95_p5_frames": self.percentile(95) - self.percentile(5),
            "median_ms": self.percentile(50) * 1000 / self.rate_hz,
        }


def probe_score(count: int, key: int = 69, seed: int = 0) -> Score:
    """``count`` short notes of one key, each at a random phase."""
    phases = np.random.default_rng(seed).uniform(0, 0.02, count)
    starts = [index * SPACING_S + float(phase) for index, phase in enumerate(phases)]
    return note_score([(start_s, start_s + HOLD_S, key, 100) for start_s in starts])


def measure_latency(recording: Recording, score: Score, performance: Performance) -> Latency:
    """Frames from each note-on, as placed in JACK's cycle, to the first audible frame of its sound."""
    mono = np.abs(recording.frames).max(axis=0)
    found = [
        _onset(mono, recording.place(performance.frames[note.index]), recording.rate_hz)
        for note in score.notes
    ]
    heard = [delay for delay in found if delay is not None]
    return Latency(np.asarray(heard, np.int64), len(found) - len(heard), recording.rate_hz)


def _onset(mono: NDArray[np.float32], place: int, rate_hz: int) -> int | None:
    """Frames from ``place`` to the first one within :data:`ONSET_DB` of the peak that follows.

    It may be negative: FluidSynth renders 64 frames at a time and begins a note at their first. What
    rings on from the note before must be under the threshold, or the note counts as missed.
    """
    early, before = round(EARLY_S * rate_hz), round(2 * EARLY_S * rate_hz)
    after = mono[place - early : place + round(0.2 * rate_hz)]
    threshold = float(after.max(initial=0.0)) * 10 ** (ONSET_DB / 20)
    if threshold < 1e-6 or float(mono[place - before : place - early].max(initial=0.0)) > threshold * 0.7:
        return None
    return int(np.argmax(after >= threshold)) - early


def describe(latencies: Sequence[tuple[str, Latency]]) -> str:
    """A table, one row a measurement."""
    head = (
        f"{'':24s} {'notes':>6s} {'missed':>6s} {'median':>7s} {'p5':>6s} {'p95':>6s} {'max':>6s} {'ms':>7s}"
    )
    rows = [
        f"{name:24s} {latency.frames.size:6d} {latency.missed:6d} {latency.percentile(50):7.0f} "
        f"{latency.percentile(5):6.0f} {latency.percentile(95):6.0f} {latency.frames.max():6d} "
        f"{latency.percentile(50) * 1000 / latency.rate_hz:7.2f}"
        for name, latency in latencies
    ]
    return "\n".join([head, *rows])
