"""Trim: what is added to the levels of a note's harmonics, and to what lies between them, as time goes on.

A network spends most of its training on the last decibels: which partial of which pitch is how loud. These
are few numbers a note, linear in the activation that a note begins with, so they are fitted in closed form
after training (`synth_engine.training.trim_fit`) and added behind the network. Each of the harmonic slots has
two curves, one for the partials and one for what lies beside them, with straight lines between a few frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from synth_engine.generator.architecture import Architecture
from synth_engine.generator.harmonic import HARMONIC_SLOTS, LOBE_CHANNEL, maps_of_pitch
from synth_engine.generator.readout import Readout

FloatArray = NDArray[np.float32]

KINDS = 2  # the partials, and what lies beside them
BESIDE_LOBE, WITHIN_LOBE = 0.35, 0.8  # of the lobe map: -45 and -14 dB below a partial's peak


@lru_cache(maxsize=8)
def curves(knots: tuple[int, ...], frames: int) -> FloatArray:
    """Weight of each knot at each frame, shape (knots, frames); the first and last go on to the ends."""
    shares = np.eye(len(knots))
    rows = [np.interp(np.arange(frames), knots, share) for share in shares]
    return np.array(rows, np.float32)


def partial_share(lobe: FloatArray) -> FloatArray:
    """How much of a bin belongs to the partial, 0..1, given the lobe map."""
    share: FloatArray = np.clip((lobe - BESIDE_LOBE) / (WITHIN_LOBE - BESIDE_LOBE), 0.0, 1.0)
    return share


class Trim:
    """The trim of one model.

    Parameters
    ----------
    architecture : Architecture
        With harmonic maps.
    weights : mapping
        All weights by name.
    """

    def __init__(self, architecture: Architecture, weights: Mapping[str, FloatArray]) -> None:
        self._size = architecture.representation
        self._knots = architecture.trim_frames
        self._readout = Readout(weights, "trim") if self._knots else None

    def __bool__(self) -> bool:
        return bool(self._knots)

    def of_note(self, hook: FloatArray, pitch: float) -> FloatArray:
        """Return what is added to a note's natural log of mel power.

        Parameters
        ----------
        hook : NDArray[np.float32], shape (frames, bins, channels)
            From `Entry.activate`, edited or not.
        pitch : float
            MIDI pitch, continuous.

        Returns
        -------
        NDArray[np.float32], shape (frames, bins)
        """
        assert self._readout is not None  # callers ask whether there is a trim
        numbers = self._readout.of_hook(hook).reshape(len(self._knots), KINDS, HARMONIC_SLOTS)
        maps = maps_of_pitch(pitch, self._size)
        share = partial_share(maps.channels[:, LOBE_CHANNEL])
        laid = share * numbers[:, 0, maps.slots] + (1.0 - share) * numbers[:, 1, maps.slots]
        trim: FloatArray = curves(self._knots, self._size.frames).T @ laid
        return trim
