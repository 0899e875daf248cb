"""The interpreter's ends of the rings: one writer of events, one reader of what the kernel returns.

A record is complete before the index that shows it is stored. The interpreter has no fences, but
each of the two stores is one aligned copy and they are thousands of instructions apart; the kernel
pairs them with fences of its own.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from synth_engine import abi
from synth_engine.abi import EventKind, ReturnKind
from synth_engine.shared_memory import EngineMemory

_EVENT = struct.Struct("<qddiiii")
_RETURN = struct.Struct("<qqiiii")
_INDEX = struct.Struct("<q")
assert _EVENT.size == abi.EVENT.itemsize
assert _RETURN.size == abi.RETURN.itemsize


def _offset(dtype_fields: object, name: str) -> int:
    return int(dtype_fields[name][1])  # type: ignore[index]


_WRITE = _offset(abi.EVENT_RING.fields, "write_index")
_READ = _offset(abi.EVENT_RING.fields, "read_index")
_RECORDS = _offset(abi.EVENT_RING.fields, "records")
_EVENTS_AT = _offset(abi.ENGINE.fields, "events")
_RETURNS_AT = _offset(abi.ENGINE.fields, "returns")


class Return(NamedTuple):
    """One message of the kernel; see :class:`synth_engine.abi.ReturnKind` for the fields in use."""

    kind: ReturnKind
    key: int
    channel: int
    slot: int
    stamp_ns: int
    frame: int


class EventWriter:
    """The writing end of one event ring. **Thread**: one and the same for its whole life.

    Parameters
    ----------
    memory : EngineMemory
    ring : int
        0 is the control thread's, 1 .. RING_COUNT - 1 are the MIDI ports'.

    Raises
    ------
    ValueError
        If there is no such ring.
    """

    def __init__(self, memory: EngineMemory, ring: int) -> None:
        if not 0 <= ring < abi.RING_COUNT:
            raise ValueError(f"ring {ring}, expected 0..{abi.RING_COUNT - 1}")
        self._map = memory.engine_map
        start = _EVENTS_AT + ring * abi.EVENT_RING.itemsize
        self._write_at = start + _WRITE
        self._read_at = start + _READ
        self._records_at = start + _RECORDS
        self._written = int(_INDEX.unpack_from(self._map, self._write_at)[0])

    def push(
        self,
        kind: EventKind,
        *,
        key: int = 0,
        channel: int = 0,
        slot: int = abi.NO_SLOT,
        value: float = 0.0,
        source_pitch: float = 0.0,
        stamp_ns: int = 0,
    ) -> bool:
        """Put one event into the ring; False if it is full.

        Parameters
        ----------
        kind : EventKind
            Says which of the others count; see there.
        stamp_ns : int
            CLOCK_MONOTONIC of the arrival; 0 means now.
        """
        written = self._written
        if written - _INDEX.unpack_from(self._map, self._read_at)[0] >= abi.RING_EVENTS:
            return False
        place = self._records_at + (written % abi.RING_EVENTS) * _EVENT.size
        _EVENT.pack_into(self._map, place, stamp_ns, value, source_pitch, kind, key, channel, slot)
        self._written = written + 1
        _INDEX.pack_into(self._map, self._write_at, written + 1)
        return True


class ReturnReader:
    """The reading end of the return ring. **Thread**: control."""

    def __init__(self, memory: EngineMemory) -> None:
        self._map = memory.engine_map
        self._read = int(_INDEX.unpack_from(self._map, _RETURNS_AT + _READ)[0])

    def drain(self) -> list[Return]:
        """Everything the kernel has said since the last call, oldest first."""
        written = _INDEX.unpack_from(self._map, _RETURNS_AT + _WRITE)[0]
        messages = []
        for index in range(self._read, written):
            place = _RETURNS_AT + _RECORDS + (index % abi.RETURN_RING_EVENTS) * _RETURN.size
            stamp_ns, frame, kind, key, channel, slot = _RETURN.unpack_from(self._map, place)
            messages.append(Return(ReturnKind(kind), key, channel, slot, stamp_ns, frame))
        self._read = written
        _INDEX.pack_into(self._map, _RETURNS_AT + _READ, written)
        return messages
