"""Reading a note between its frames.

Banks are oversampled twice (content to 8 kHz at 32 kHz), so the kernel may cross over anywhere from
8 to 24 kHz: 16 taps under a Kaiser window of beta 12 then keep images and table noise together
below -110 dB, and the pass band flat.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synth_engine.abi import SLOT_GUARD_FRAMES
from synth_engine.kernel.toolchain import kernel_vectorised

TAPS = 16
PHASES = 512
KAISER_BETA = 12.0
FIRST_TAP = TAPS // 2 - 1  # taps reach from FIRST_TAP frames before the position to TAPS // 2 after


def kernel_table() -> NDArray[np.float32]:
    """The windowed sinc at ``PHASES + 1`` fractions of a frame.

    Returns
    -------
    float32 (PHASES + 1, TAPS)
        Each row sums to 1; row 0 is exactly one frame, so a note at its own rate passes unchanged.

    Source
    ------
    Kaiser and Schafer, "On the use of the I0-sinh window for spectrum analysis", IEEE ASSP 28 (1980).
    """
    fraction = np.arange(PHASES + 1)[:, np.newaxis] / PHASES
    distance = np.arange(TAPS)[np.newaxis, :] - FIRST_TAP - fraction
    inside = np.maximum(1.0 - (distance / (TAPS / 2)) ** 2, 0.0)
    rows = np.sinc(distance) * np.i0(KAISER_BETA * np.sqrt(inside)) / np.i0(KAISER_BETA)
    rows[np.abs(rows) < 1e-12] = 0.0  # sinc of a whole number is zero, but for rounding
    rows /= rows.sum(axis=1, keepdims=True)
    return rows.astype(np.float32)


TABLE = kernel_table()
TABLE.flags.writeable = False


@kernel_vectorised
def interpolate(note, position):
    """The note at a fractional frame; no edge is tested, the guards are silent.

    Parameters
    ----------
    note : float32 (SLOT_STRIDE_FRAMES,)
        A row of the pool, guards included.
    position : float64
        Frames from the note's first; at least 0, at most SLOT_FRAMES + SLOT_GUARD_FRAMES - TAPS.
    """
    whole = int(position)
    place = (position - whole) * PHASES
    row = int(place)
    share = np.float32(place - row)
    first = np.uint64(whole + SLOT_GUARD_FRAMES - FIRST_TAP)
    phase = np.uint64(row)
    after = np.uint64(row + 1)
    total = np.float32(0.0)
    for tap in range(np.uint64(TAPS)):
        near = TABLE[phase, tap]
        total += note[first + tap] * (near + share * (TABLE[after, tap] - near))
    return total
