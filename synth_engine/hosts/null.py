"""A host without a device: blocks at a device's pace, thrown away.

The daemon stays alive on it while there is no sound card: voices run out, slots come back, time
stamps keep their meaning. The loop is compiled, so no interpreter can hold it up.
"""

from __future__ import annotations

import threading

from synth_engine.abi import HostKind
from synth_engine.hosts.context import HostContext
from synth_engine.kernel.compiled import load_kernel
from synth_engine.kernel.records import MAX_BLOCK_FRAMES
from synth_engine.shared_memory import EngineMemory

_JOIN_S = 2.0


class NullHost:
    """Renders ``block_frames`` every ``block_frames / rate_hz`` seconds, without drift.

    Parameters
    ----------
    memory : EngineMemory
    rate_hz, block_frames : int

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    device = "none"
    host = "null"

    def __init__(self, memory: EngineMemory, rate_hz: int, block_frames: int) -> None:
        if not 1 <= rate_hz <= 384_000 or not 1 <= block_frames <= MAX_BLOCK_FRAMES:
            raise ValueError(
                f"{rate_hz} Hz in blocks of {block_frames}, expected 1..384000 and 1..{MAX_BLOCK_FRAMES}"
            )
        self.rate_hz = rate_hz
        self.block_frames = block_frames
        self.latency_ms = 1000.0 * block_frames / rate_hz
        self._context = HostContext(memory, block_frames)
        self._context.announce(rate_hz, HostKind.NULL)
        self._kernel = load_kernel()
        self._thread = threading.Thread(target=self._run, name="null-host", daemon=True)

    def start(self) -> None:
        """Begin; blocks run from now on."""
        self._thread.start()

    def fade(self) -> None:
        """Let the output fall silent within about 40 ms."""
        self._context.record["closing"] = 1

    def close(self) -> None:
        """Stop after the block in hand."""
        self._context.record["stop"] = 1
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        self._kernel.pace(self._context.address)
