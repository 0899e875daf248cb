"""Playing: performance events to the kernel, slots to and fro, what is rendered to whom it may concern.

The part that the live and the offline instrument share. **Thread**: control; no method waits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from synth_engine.abi import NO_SLOT, RING_EVENTS, EventKind, KernelParameter, ReturnKind, VoiceStage
from synth_engine.banks.keys import SetKey
from synth_engine.banks.points import Point
from synth_engine.banks.slots import Owner
from synth_engine.generator.entry import Entry
from synth_engine.generator.model import Model
from synth_engine.render.awaited import AwaitedNotes
from synth_engine.render.continuations import AskPart, ExtendSlot, slots_running_out
from synth_engine.render.part_times import first_leave_s
from synth_engine.render.scheduler import Render, Scheduler, SendPoint
from synth_engine.rings import EventWriter, ReturnReader
from synth_engine.shared_memory import EngineMemory

CONTROL_RING = 0
_RESERVED_EVENTS = 256  # places in the ring that key changes leave to notes
_ALL_CHANNELS = -1


class Performer(ABC):
    """What a player or a program does to the instrument.

    Parameters
    ----------
    memory : EngineMemory
        Shared with the kernel.
    model : Model
        Verified generator.
    clock : callable
        Seconds, monotonic.
    fill_banks : bool
        Whether to render notes nobody has played yet.
    """

    def __init__(
        self, memory: EngineMemory, model: Model, clock: Callable[[], float], *, fill_banks: bool
    ) -> None:
        self.model = model
        self.entry = Entry(model)
        self._memory = memory
        self._clock = clock
        self._events = EventWriter(memory, CONTROL_RING)
        self._returns = ReturnReader(memory)
        self._scheduler = Scheduler(model.pitches, fill_banks=fill_banks)
        self._owed_offs: dict[tuple[int, int], float] = {}  # (key, channel) -> release velocity
        self._awaited = AwaitedNotes()
        self._refused_events = 0
        self._first_leave_s = first_leave_s(model.representation)

    # ---- performance

    def note_on(
        self, key: int, velocity: float, channel: int = 0, stamp_ns: int = 0, *, delivered: bool = False
    ) -> None:
        """A key goes down: ``key`` 0..127, ``velocity`` > 0..1; ``delivered``: the kernel knows already."""
        if not delivered:
            self._owed_offs.pop((key, channel), None)
            self._push(EventKind.NOTE_ON, channel, stamp_ns, key, velocity)
        silent = self._scheduler.keys.slot(key) == NO_SLOT
        self._awaited.note_on(key, channel, velocity, silent=silent)
        self._scheduler.note_on(key, channel, self._clock())
        if not self._scheduler.keys.is_own(key):
            self._wake()

    def note_off(
        self, key: int, velocity: float = 0.0, channel: int = 0, stamp_ns: int = 0, *, delivered: bool = False
    ) -> None:
        """A key comes up; ``velocity`` is the release velocity 0..1."""
        tell = self._awaited.note_off(key, channel) or not delivered
        if tell and not self._push(EventKind.NOTE_OFF, channel, stamp_ns, key, velocity):
            self._owed_offs[key, channel] = velocity  # a lost one would sound for ever
        self._scheduler.note_off(key, channel)

    def sustain(self, value: float, channel: int = 0, stamp_ns: int = 0, *, delivered: bool = False) -> None:
        """The pedal: ``value`` >= 0.5 is down."""
        if not delivered:
            self._push(EventKind.SUSTAIN, channel, stamp_ns, value=value)

    def pitch_bend(
        self, semitones: float, channel: int = 0, stamp_ns: int = 0, *, delivered: bool = False
    ) -> None:
        """Bend every note of ``channel``."""
        if not delivered:
            self._push(EventKind.PITCH_BEND, channel, stamp_ns, value=semitones)

    def all_notes_off(
        self, channel: int = _ALL_CHANNELS, stamp_ns: int = 0, *, delivered: bool = False
    ) -> None:
        """Release every key; the pedal still holds."""
        self._release_all(EventKind.ALL_NOTES_OFF, channel, stamp_ns, delivered)

    def all_sound_off(
        self, channel: int = _ALL_CHANNELS, stamp_ns: int = 0, *, delivered: bool = False
    ) -> None:
        """Fade everything out in a few milliseconds."""
        self._release_all(EventKind.ALL_SOUND_OFF, channel, stamp_ns, delivered)

    def reset_controllers(
        self, channel: int = _ALL_CHANNELS, stamp_ns: int = 0, *, delivered: bool = False
    ) -> None:
        """Bend to 0, pedal up."""
        if not delivered:
            self._push(EventKind.RESET_CONTROLLERS, channel, stamp_ns)

    def panic(self) -> None:
        """Silence at once, whatever the rings hold."""
        self._memory.record["panic"] += 1
        self._owed_offs.clear()
        self._awaited.release(_ALL_CHANNELS)
        self._scheduler.played.release(_ALL_CHANNELS)

    def set_kernel_parameter(self, parameter: KernelParameter, value: float) -> None:
        """Set what the kernel smooths by itself; ``value`` in the unit of `KernelParameter`."""
        self._memory.record["parameters"][int(parameter)] = value

    # ---- timbre

    def set_point(
        self, latent: NDArray[np.float32], offset: NDArray[np.float32] | None, identity: str
    ) -> None:
        """Stand at another latent point.

        Parameters
        ----------
        latent : float32 (latent_size,)
            Base point, in the units of N(0, 1).
        offset : float32 (frames, bins, channels) or None
            Added to the hook of block 1.
        identity : str
            Names the point, offset included: equal texts are the same sound, now and after a restart.

        Raises
        ------
        ValueError
            If a shape does not fit the model, or a number is not finite.
        """
        offset = np.zeros(0, np.float32) if offset is None else np.array(offset, np.float32)
        latent = np.array(latent, np.float32)
        if latent.shape != (self.model.latent_size,) or not np.isfinite(latent).all():
            raise ValueError(
                f"latent of shape {latent.shape}, expected {self.model.latent_size} finite numbers"
            )
        if offset.size and (offset.shape != self.entry.hook_shape or not np.isfinite(offset).all()):
            raise ValueError(f"offset of shape {offset.shape}, expected finite {self.entry.hook_shape}")
        before = self._scheduler.points.current
        point = self._scheduler.set_point(identity, latent, offset, self._clock())
        if point is not before:
            self._point_changed(point)
            self._wake()

    def poll(self) -> None:
        """Take what the kernel gave back and do what is due; to be called every 5-10 ms."""
        for message in self._returns.drain():
            if message.kind == ReturnKind.SLOT_RETURNED:
                self._scheduler.returned(message.slot)
        voices = self._memory.record["voices"]
        sounding = voices["key"][(voices["stage"] != VoiceStage.FREE) & (voices["fading"] == 0)]
        self._scheduler.played.sounding = frozenset(sounding.tolist())
        release_s = float(self._memory.record["parameters"][KernelParameter.RELEASE_S])
        self._scheduler.parts.look(slots_running_out(voices, self._first_leave_s, release_s))
        for (key, channel), velocity in list(self._owed_offs.items()):
            if not self._push(EventKind.NOTE_OFF, channel, 0, key, velocity):
                break
            del self._owed_offs[key, channel]
        self._advance()

    def status(self) -> dict[str, int | float | str]:
        """Figures for a display or a log."""
        scheduler, ledger = self._scheduler, self._scheduler.ledger
        starts = scheduler.starts
        return {
            "model_digest": self.model.digest,
            "rendered_notes": scheduler.rendered_notes,
            "failed_notes": scheduler.failed_notes,
            "bank_share": scheduler.bank_share(),
            "starts_cached": starts.cached,
            "starts_rendered": starts.rendered,
            "starts_late": starts.late,
            "starts_silent": starts.silent,
            "parts_rendered": scheduler.parts.rendered,
            "parts_late": scheduler.parts.late,
            "parts_refused": scheduler.parts.refused,
            "pool_notes": ledger.notes_held(),
            "pool_kernel_slots": ledger.count(Owner.KERNEL) + ledger.count(Owner.LEAVING),
            "pool_worker_slots": ledger.count(Owner.WORKER),
            "stray_returns": scheduler.stray_returns,
            "events_refused": self._refused_events,
        }

    # ---- for the two instruments

    @abstractmethod
    def _wake(self) -> None:
        """Something changed: :meth:`_advance` soon."""

    @abstractmethod
    def _execute(self, instruction: SendPoint | Render | AskPart) -> None:
        """Carry out what is the render side's."""

    @abstractmethod
    def _point_changed(self, point: Point) -> None:
        """Another point is current; :meth:`_wake` follows."""

    def _advance(self) -> None:
        ring = self._memory.record["events"][CONTROL_RING]
        places = RING_EVENTS - _RESERVED_EVENTS - int(ring["write_index"] - ring["read_index"])
        for instruction in self._scheduler.advance(self._clock(), max(places, 0)):
            if isinstance(instruction, SetKey):
                self._set_key(instruction)
            elif isinstance(instruction, ExtendSlot):
                self._extend(instruction)
            else:
                self._execute(instruction)

    def _release_all(self, kind: EventKind, channel: int, stamp_ns: int, delivered: bool) -> None:
        if not delivered:
            self._push(kind, channel, stamp_ns)
        self._awaited.release(channel)
        self._scheduler.played.release(channel)

    def _push(self, kind: EventKind, channel: int, stamp_ns: int, key: int = -1, value: float = 0.0) -> bool:
        """One event for the kernel; False (and counted) if the ring is full."""
        pushed = self._events.push(
            kind, key=key, channel=channel, slot=NO_SLOT, value=value, source_pitch=0.0, stamp_ns=stamp_ns
        )
        self._refused_events += not pushed
        return pushed

    def _extend(self, extend: ExtendSlot) -> None:
        pushed = self._events.push(
            EventKind.EXTEND_SLOT,
            key=extend.slot,
            slot=extend.next_slot,
            value=extend.leave_s,
            source_pitch=extend.enter_s,
        )
        assert pushed, "the scheduler was told of more places than the ring has"

    def _set_key(self, change: SetKey) -> None:
        pushed = self._events.push(
            EventKind.SET_KEY,
            key=change.key,
            channel=0,
            slot=change.slot,
            value=0.0,
            source_pitch=change.source_pitch,
            stamp_ns=0,
        )
        assert pushed, "the scheduler was told of more places than the ring has"
        if change.slot != NO_SLOT:
            for channel, velocity in self._awaited.begin(change.key):
                self._push(EventKind.NOTE_ON, channel, 0, change.key, velocity)
