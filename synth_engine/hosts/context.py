"""What a host hands to the compiled callback through ``userdata``."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from synth_engine.abi import HostKind
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

    def announce(self, rate_hz: int, kind: HostKind) -> None:
        """Tell the telemetry who renders from now on; before the first block.

        Voices of a predecessor fade in: their last block broke off somewhere.
        """
        record, telemetry = self._memory.record, self._memory.record["telemetry"]
        telemetry["rate_hz"] = rate_hz
        telemetry["host"] = kind
        telemetry["audio_pid"] = os.getpid()
        telemetry["last_block_ns"] = 0  # the time without a host is not a late block
        if kind is not HostKind.OFFLINE:
            record["left_gain"] = 0.0
            record["right_gain"] = 0.0
