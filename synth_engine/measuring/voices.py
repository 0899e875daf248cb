"""What a voice costs: the compiled kernel rendering held notes on a virtual clock."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from synth_engine import abi
from synth_engine.abi import EventKind, KernelParameter
from synth_engine.hosts.offline import OfflineHost
from synth_engine.measuring.spread import Figures, spread
from synth_engine.rings import EventWriter
from synth_engine.shared_memory import EngineMemory

FULL_SHARE = 0.7  # of a block; the rest is for the driver and for whatever the system does in between
_LOWEST_KEY = 24
_QUIET_GAIN = 0.01  # no limiter
_WARM_BLOCKS = 40
_LONGEST_S = 3.0  # a note is four seconds


class KernelVoices:
    """The compiled kernel with ``count`` held notes of noise.

    Parameters
    ----------
    folder : Path
        For the engine's memory, empty; about 135 MB.
    count : int
        0 .. VOICE_COUNT.
    rate_hz, block_frames : int
        Of the sound.

    Attributes
    ----------
    voices : int
        That sound.
    """

    def __init__(self, folder: Path, count: int, rate_hz: int = 48_000, block_frames: int = 128) -> None:
        self._memory = EngineMemory.create(folder)
        self._block_frames = block_frames
        writer = EventWriter(self._memory, 0)
        generator = np.random.default_rng(0)
        self._memory.record["parameters"][KernelParameter.MASTER_GAIN] = _QUIET_GAIN
        for slot in range(count):
            key, guard = _LOWEST_KEY + slot, abi.SLOT_GUARD_FRAMES
            self._memory.pool[slot, guard:-guard] = generator.normal(0, 0.1, abi.SLOT_FRAMES)
            writer.push(
                EventKind.SET_KEY, key=key, slot=slot, source_pitch=key + 0.3
            )  # none at its own pitch
            writer.push(EventKind.NOTE_ON, key=key, value=0.8)
        self._host = OfflineHost(self._memory, rate_hz, block_frames)
        self.render(_WARM_BLOCKS)
        self.voices = int(self._memory.record["telemetry"]["active_voices"])

    def render(self, blocks: int) -> None:
        """Render so many blocks."""
        self._host.render(blocks * self._block_frames)

    def block_ns(self) -> int:
        """Render one block; what the kernel itself says that it took."""
        self.render(1)
        return int(self._memory.record["telemetry"]["render_ns_last"])

    def close(self) -> None:
        """Give the memory back."""
        self._memory.remove()


def voice_figures(
    counts: Sequence[int], blocks: int, rate_hz: int, block_frames: int, show: Callable[[int, int], None]
) -> dict[str, object]:
    """Time a block with different numbers of voices, taking turns.

    Parameters
    ----------
    counts : sequence of int
        Numbers of voices, at least two different ones.
    blocks : int
        Measured of each; at most 3 s of sound are used.
    rate_hz, block_frames : int
        Of the sound.
    show : callable (done, total)
        Told of progress.

    Returns
    -------
    dict
        ``rows``, one a count: the block's time and, where there are voices, nanoseconds a voice and frame;
        the cost of an empty block and of a voice from a straight line through the medians; how many voices
        fill :data:`FULL_SHARE` of a block.
    """
    blocks = min(blocks, int(_LONGEST_S * rate_hz / block_frames) - _WARM_BLOCKS)
    times_ns: dict[int, list[int]] = {}
    with tempfile.TemporaryDirectory(dir=_shared_memory(), prefix="timbred-measure-") as folder:
        for place, count in enumerate(counts):
            inner = Path(folder) / str(place)
            inner.mkdir()
            kernel = KernelVoices(inner, count, rate_hz, block_frames)
            try:
                times_ns[kernel.voices] = [kernel.block_ns() for _ in range(blocks)]
            finally:
                kernel.close()
            show(place + 1, len(counts))
    return _conclude(times_ns, rate_hz, block_frames)


def _conclude(times_ns: dict[int, list[int]], rate_hz: int, block_frames: int) -> dict[str, object]:
    period_ns = 1e9 * block_frames / rate_hz
    rows: list[dict[str, object]] = []
    for voices, values in times_ns.items():
        row: dict[str, object] = {"voices": voices, "block": spread([ns / 1e3 for ns in values], "us")}
        row["block_p99_us"] = round(float(np.percentile(values, 99)) / 1e3, 2)
        if voices:
            per: Figures = spread([ns / (voices * block_frames) for ns in values], "ns")
            row["voice_frame"] = per
        rows.append(row)
    counts = np.asarray(list(times_ns), np.float64)
    medians_ns = np.asarray([np.median(values) for values in times_ns.values()])
    slope_ns, empty_ns = np.polyfit(counts, medians_ns, 1)
    fitting = int(max(FULL_SHARE * period_ns - max(empty_ns, 0.0), 0.0) / max(slope_ns, 1e-9))
    return {
        "rate_hz": rate_hz,
        "block_frames": block_frames,
        "block_period_us": round(period_ns / 1e3, 2),
        "rows": rows,
        "empty_block_us": round(max(float(empty_ns), 0.0) / 1e3, 3),
        "voice_frame_ns": round(float(slope_ns) / block_frames, 3),
        "full_share": FULL_SHARE,
        "voices_that_fit": fitting,
        "voices_limit": abi.VOICE_COUNT,
    }


def _shared_memory() -> str | None:
    place = Path("/dev/shm")  # noqa: S108  the folder made in it is private
    return str(place) if place.is_dir() else None
