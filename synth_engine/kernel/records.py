"""Records that only the hosts and the kernel's entries share; control knows :mod:`synth_engine.abi`."""

from __future__ import annotations

import numpy as np

from synth_engine import abi

MAX_BLOCK_FRAMES = 16_384

CONTEXT = np.dtype(
    [
        ("engine_address", "<i8"),
        ("pool_address", "<i8"),
        ("now_ns", "<i8"),  # virtual clock of the offline host; 0: the kernel reads CLOCK_MONOTONIC
        ("closing", "<i8"),  # 1: fade the output to silence
        ("stop", "<i8"),  # 1: the paced loop of the null host returns
        ("scratch_address", "<i8"),  # where the null host's blocks go
        ("scratch_frames", "<i8"),
    ],
    align=True,
)
"""What an entry is told through its ``userdata``: addresses, and the host's wishes."""

POOL = np.dtype([("notes", "<f4", (abi.SLOT_COUNT, abi.SLOT_STRIDE_FRAMES))])
OUTPUT = np.dtype([("samples", "<f4", (MAX_BLOCK_FRAMES, 2))])
