"""What a host hands to the compiled callback through ``userdata``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synth_engine.kernel.records import CONTEXT
from synth_engine.shared_memory import EngineMemory


class HostContext:
    """One CONTEXT record and what keeps its addresses valid.

    Attributes
    ----------
    record : structured array ()
        May be written while the callback runs: each field is one aligned store.
    address : int
        For ``userdata``.
    """

    def __init__(self, memory: EngineMemory, scratch_frames: int = 0) -> None:
        self._memory = memory
        self.scratch: NDArray[np.float32] = np.zeros((max(scratch_frames, 1), 2), np.float32)
        self.record: NDArray[np.void] = np.zeros((), CONTEXT)
        self.record["engine_address"] = memory.engine_address
        self.record["pool_address"] = memory.pool_address
        self.record["scratch_address"] = self.scratch.ctypes.data
        self.record["scratch_frames"] = scratch_frames
        self.address = int(self.record.ctypes.data)
