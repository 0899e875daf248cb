"""An engine on the virtual clock, and the few sounds the kernel's tests listen to."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synth_engine.abi import BANK_RATE_HZ, SLOT_FRAMES, SLOT_GUARD_FRAMES, EventKind, KernelParameter
from synth_engine.hosts.offline import OfflineHost
from synth_engine.rings import EventWriter, Return, ReturnReader
from synth_engine.shared_memory import EngineMemory

SECOND_NS = 1_000_000_000
CENTRE_GAIN = float(np.sqrt(0.5))  # pan in the middle


def sine(frequency_hz: float, level: float = 0.1, phase: float = 0.0) -> NDArray[np.float32]:
    """A note of one partial, as a bank holds it."""
    times_s = np.arange(SLOT_FRAMES) / BANK_RATE_HZ
    return (level * np.sin(2 * np.pi * frequency_hz * times_s + phase)).astype(np.float32)


def impulse(level: float = 1.0) -> NDArray[np.float32]:
    """The probe note: its first frame and nothing else."""
    note = np.zeros(SLOT_FRAMES, np.float32)
    note[0] = level
    return note


def constant(level: float = 0.1) -> NDArray[np.float32]:
    """A note that shows the gain it is played with."""
    return np.full(SLOT_FRAMES, level, np.float32)


class Player:
    """Memory, offline host and both ends of the rings; gain 1, no latency, quickest envelope."""

    def __init__(self, rate_hz: int = 48_000, block_frames: int = 128, ring: int = 1) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self.memory = EngineMemory.create(Path(folder))  # the maps outlive the files
        self.rate_hz = rate_hz
        self.host = OfflineHost(self.memory, rate_hz, block_frames)
        self.control = EventWriter(self.memory, 0)
        self.writer = EventWriter(self.memory, ring)
        self.returns = ReturnReader(self.memory)
        self.set(
            MASTER_GAIN=1.0, LATENCY_S=0.0, ATTACK_S=0.0, DECAY_S=0.1, SUSTAIN_GAIN=1.0, RELEASE_S=0.05,
            LIMITER_GAIN=10.0, VELOCITY_CURVE=1.0,
        )  # fmt: skip

    def set(self, **values: float) -> None:
        """Kernel parameters by name."""
        for name, value in values.items():
            self.memory.record["parameters"][KernelParameter[name]] = value

    def load(self, slot: int, note: NDArray[np.float32]) -> None:
        """Put a note into the pool."""
        self.memory.pool[slot, SLOT_GUARD_FRAMES : SLOT_GUARD_FRAMES + SLOT_FRAMES] = note

    def set_key(self, key: int, slot: int, source_pitch: float | None = None) -> None:
        """Give a key its slot, rendered at the key's own pitch unless said otherwise."""
        pitch = float(key) if source_pitch is None else source_pitch
        assert self.control.push(EventKind.SET_KEY, key=key, slot=slot, source_pitch=pitch)

    def extend(self, slot: int, next_slot: int, leave_s: float, enter_s: float) -> None:
        """Voices in a slot go on in another."""
        assert self.control.push(
            EventKind.EXTEND_SLOT, key=slot, slot=next_slot, value=leave_s, source_pitch=enter_s
        )

    def stamp(self, frame: int) -> int:
        """Time stamp of a frame counted from the next one to be rendered."""
        return self.host.now_ns + frame * SECOND_NS // self.rate_hz

    def set_key_at_bank_rate(self, key: int, slot: int) -> None:
        """Give a key a slot so that it plays one frame of the note per frame of output."""
        self.set_key(key, slot, key - 12.0 * math.log2(self.rate_hz / BANK_RATE_HZ))

    def send(self, kind: EventKind, frame: int = 0, **fields: float) -> None:
        """A timed event ``frame`` frames from now."""
        assert self.writer.push(kind, stamp_ns=self.stamp(frame), **fields)

    def note_on(self, key: int, velocity: float = 1.0, frame: int = 0, channel: int = 0) -> None:
        self.send(EventKind.NOTE_ON, frame, key=key, channel=channel, value=velocity)

    def note_off(self, key: int, frame: int = 0, channel: int = 0) -> None:
        self.send(EventKind.NOTE_OFF, frame, key=key, channel=channel)

    def render(self, frames: int) -> NDArray[np.float32]:
        """float32 (frames, 2)"""
        return self.host.render(frames)

    def mono(self, frames: int) -> NDArray[np.float64]:
        """Left channel with the pan's share taken out: what the voices add up to."""
        return self.render(frames)[:, 0] / CENTRE_GAIN

    def drain(self) -> list[Return]:
        return self.returns.drain()

    def telemetry(self, name: str) -> int:
        return int(self.memory.record["telemetry"][name])

    @property
    def voices(self) -> NDArray[np.void]:
        return self.memory.record["voices"]

    def close(self) -> None:
        self.memory.close()
