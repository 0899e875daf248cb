"""Which stretch of each note a training step computes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth_engine.generator.architecture import Architecture

_HALO_ROWS = 1  # rows at a cut edge that see zeros where their neighbours were; they are not charged


@dataclass(frozen=True)
class Crop:
    """Which stretch of each note a step computes.

    Attributes
    ----------
    block : int
        The last block computed whole (counted from 1).
    rows : int
        Its time rows that go on to the next block.
    onset_share : float
        Share of notes whose stretch begins with the note; the rest begin anywhere.
    """

    block: int = 4
    rows: int = 6
    onset_share: float = 0.4

    def draw(
        self, architecture: Architecture, notes: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        """Draw stretches.

        Returns
        -------
        rows : NDArray[np.int32], shape (notes, rows)
            Rows of the block's output.
        frames : NDArray[np.int32], shape (notes, frames)
            Spectrogram frames they become.
        weights : NDArray[np.float32], shape (notes, frames)
            1 for frames that are right, 0 for those beside a cut.
        """
        total = architecture.start_frames * 2 ** (self.block - 1)
        scale = architecture.representation.frames // total
        last = total - self.rows
        starts = np.where(rng.random(notes) < self.onset_share, 0, rng.integers(0, last + 1, notes))
        rows = (starts[:, None] + np.arange(self.rows)).astype(np.int32)
        frames = (starts[:, None] * scale + np.arange(self.rows * scale)).astype(np.int32)
        weights = np.ones((notes, self.rows * scale), np.float32)
        weights[starts > 0, : _HALO_ROWS * scale] = 0.0
        weights[starts < last, -_HALO_ROWS * scale :] = 0.0
        return rows, frames, weights
