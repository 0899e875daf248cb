"""Voicing: what a note's hook says of each of its harmonics, laid over their bins as further maps.

Harmonic maps tell the network where partials lie but not which harmonic is loud; it has to find a place on
the frequency axis for every partial of every pitch. A dense layer from the hook gives every harmonic a few
numbers instead, whatever the pitch: that a clarinet has odd partials, or an organ octaves and fifths, is
learned once. The first half of the numbers is weighted with the window's lobe, so it concerns the partial and
not the noise beside it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from synth_engine.generator.architecture import Architecture
from synth_engine.generator.harmonic import HARMONIC_SLOTS, LOBE_CHANNEL, maps_of_pitch
from synth_engine.generator.readout import Readout

FloatArray = NDArray[np.float32]


class NoteMaps:
    """The maps that a model's last blocks see.

    Parameters
    ----------
    architecture : Architecture
        With harmonic maps.
    weights : mapping
        All weights by name.
    """

    def __init__(self, architecture: Architecture, weights: Mapping[str, FloatArray]) -> None:
        self._size = architecture.representation
        self._voicing = architecture.voicing
        self._readout = Readout(weights, "voicing") if self._voicing else None

    def of_note(self, hook: FloatArray, pitch: float) -> FloatArray:
        """Return the maps of one note.

        Parameters
        ----------
        hook : NDArray[np.float32], shape (frames, bins, channels)
            From `Entry.activate`, edited or not.
        pitch : float
            MIDI pitch, continuous.

        Returns
        -------
        NDArray[np.float32], shape (bins, 5 + voicing)
        """
        maps = maps_of_pitch(pitch, self._size)
        if self._readout is None:
            return maps.channels
        numbers = self._readout.of_hook(hook).reshape(HARMONIC_SLOTS, self._voicing)
        laid = numbers[maps.slots]
        laid[:, : self._voicing // 2] *= maps.channels[:, LOBE_CHANNEL, None]
        return np.concatenate([maps.channels, laid], axis=1)
