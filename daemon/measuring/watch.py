"""What a running kernel does, read from its shared memory by somebody it does not know of."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth_engine.abi import NO_SLOT, RETURN_RING_EVENTS, ReturnKind, VoiceStage
from synth_engine.shared_memory import EngineMemory

LOOK_S = 0.0002
_TRIES = 100


class Onset(NamedTuple):
    """A note that has begun.

    Attributes
    ----------
    key : int
    slot : int
        It began with; a stand-in perhaps.
    stamp_ns : int
        When the event arrived, CLOCK_MONOTONIC.
    sound_ns : float
        When its first frame is rendered, by the smoothed clock of the blocks.
    """

    key: int
    slot: int
    stamp_ns: int
    sound_ns: float


class KernelWatch:
    """A reader of everything the kernel tells, that takes nothing from control.

    Parameters
    ----------
    memory : EngineMemory
        Of a running daemon.
    """

    def __init__(self, memory: EngineMemory) -> None:
        self._record = memory.record
        self._read = self._written

    @property
    def _written(self) -> int:
        return int(self._record["returns"]["write_index"])

    def count(self, name: str) -> int:
        """One number of the telemetry."""
        return int(self._record["telemetry"][name])

    def onsets(self) -> list[Onset]:
        """Notes that have begun since the last call, oldest first."""
        written = self._written
        found = []
        for index in range(max(self._read, written - RETURN_RING_EVENTS), written):
            row = self._record["returns"]["records"][index % RETURN_RING_EVENTS]
            if int(row["kind"]) == ReturnKind.NOTE_STARTED:
                sound_ns = self._frame_ns(int(row["frame"]))
                found.append(Onset(int(row["key"]), int(row["slot"]), int(row["stamp_ns"]), sound_ns))
        self._read = written
        return found

    def await_onset(self, key: int, limit_s: float) -> Onset | None:
        """The next note of ``key``; None if there is none in time."""
        deadline_s = time.monotonic() + limit_s
        while time.monotonic() < deadline_s:
            for onset in self.onsets():
                if onset.key == key:
                    return onset
            time.sleep(LOOK_S)
        return None

    def slots(self, keys: Collection[int]) -> dict[int, int]:
        """Slot that the newest held voice of each key sounds from; keys without one are left out."""
        voices = self._voices()
        return {key: int(voices["slot"][row]) for key, row in self._newest(voices, keys).items()}

    def own_slots(self, keys: Collection[int]) -> dict[int, int]:
        """As `slots`, but only voices that sound from a note rendered at their key's own pitch."""
        voices = self._voices()
        return {
            key: int(voices["slot"][row])
            for key, row in self._newest(voices, keys).items()
            if abs(float(voices["source_pitch"][row]) - key) < 0.5
        }

    def seconds_in(self, keys: Collection[int]) -> dict[int, float]:
        """How far into their notes the held voices are."""
        voices = self._voices()
        return {key: float(voices["position"][row]) for key, row in self._newest(voices, keys).items()}

    def _voices(self) -> NDArray[np.void]:
        voices: NDArray[np.void] = self._record["voices"].copy()
        return voices

    @staticmethod
    def _newest(voices: NDArray[np.void], keys: Collection[int]) -> dict[int, int]:
        good = (voices["stage"] != VoiceStage.FREE) & (voices["fading"] == 0) & (voices["held"] == 1)
        good &= voices["slot"] != NO_SLOT
        rows = [row for row in np.flatnonzero(good).tolist() if int(voices["key"][row]) in keys]
        rows.sort(key=lambda row: int(voices["started_frame"][row]))
        return {int(voices["key"][row]): row for row in rows}

    def _frame_ns(self, frame: int) -> float:
        """When an output frame is rendered: the block's filtered start, and frames from there."""
        telemetry = self._record["telemetry"]
        for _ in range(_TRIES):  # the kernel may be in the middle of a block
            before = int(telemetry["blocks"])
            row = telemetry.copy()
            if int(row["blocks"]) == before == int(telemetry["blocks"]):
                break
            time.sleep(LOOK_S)
        first = int(row["frames"]) - int(row["block_frames"])
        return float(row["block_time_ns"]) + 1e9 * (frame - first) / int(row["rate_hz"])


def wait_until(condition: Callable[[], bool], limit_s: float) -> float | None:
    """Look often until ``condition`` holds; ``time.perf_counter`` then, None if it never does."""
    deadline_s = time.perf_counter() + limit_s
    while not condition():
        if time.perf_counter() > deadline_s:
            return None
        time.sleep(LOOK_S)
    return time.perf_counter()
