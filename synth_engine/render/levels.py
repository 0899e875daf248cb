"""One level for all notes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NOTE_PEAK = 0.95  # of the training notes
LEVEL_GAIN = (0.25, 4.0)


def level_gain(sound: NDArray[np.float32]) -> float:
    """What brings a note to the peak that the notes of the training set have.

    The network keeps that level only roughly (0.27 to 2.0 over anchors and random points), and the
    player would hear one key stick out or the limiter work. Neither silence nor a faint tail is blown up:
    the gain stays within :data:`LEVEL_GAIN`.
    """
    lowest, highest = LEVEL_GAIN
    peak = float(np.max(np.abs(sound), initial=0.0))
    return highest if peak == 0.0 else min(max(NOTE_PEAK / peak, lowest), highest)
