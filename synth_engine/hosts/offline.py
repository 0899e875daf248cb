"""Sound without a device and without waiting: blocks on a virtual clock, exact to the frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synth_engine.abi import HostKind
from synth_engine.hosts.context import HostContext
from synth_engine.kernel.compiled import load_kernel
from synth_engine.kernel.records import MAX_BLOCK_FRAMES
from synth_engine.shared_memory import EngineMemory

_SECOND_NS = 1_000_000_000


class OfflineHost:
    """Renders as fast as the machine can. **Thread**: one at a time.

    Parameters
    ----------
    memory : EngineMemory
    rate_hz : int
        1 .. 384000.
    block_frames : int
        1 .. MAX_BLOCK_FRAMES; the sound does not depend on it.
    start_ns : int
        What the virtual clock reads at the first frame; events' stamps count from there.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    def __init__(
        self, memory: EngineMemory, rate_hz: int, block_frames: int, *, start_ns: int = _SECOND_NS
    ) -> None:
        if not 1 <= rate_hz <= 384_000:
            raise ValueError(f"rate {rate_hz} Hz, expected 1..384000")
        if not 1 <= block_frames <= MAX_BLOCK_FRAMES:
            raise ValueError(f"block of {block_frames} frames, expected 1..{MAX_BLOCK_FRAMES}")
        self._kernel = load_kernel()
        self._context = HostContext(memory)
        self._rate_hz = rate_hz
        self._block_frames = block_frames
        self._start_ns = start_ns
        self._frames = 0
        self._context.announce(rate_hz, HostKind.OFFLINE)

    @property
    def now_ns(self) -> int:
        """Virtual time of the next frame to be rendered."""
        return self._start_ns + self._frames * _SECOND_NS // self._rate_hz

    def render(self, frames: int) -> NDArray[np.float32]:
        """The next ``frames`` of sound, in blocks; the last one may be shorter.

        Returns
        -------
        float32 (frames, 2)
            Left and right, at most LIMITER_GAIN in size.
        """
        sound = np.zeros((frames, 2), np.float32)
        for first in range(0, frames, self._block_frames):
            block = sound[first : first + self._block_frames]
            self._context.record["now_ns"] = self.now_ns
            self._kernel.callback(0, block.ctypes.data, len(block), 0, 0, self._context.address)
            self._frames += len(block)
        return sound
