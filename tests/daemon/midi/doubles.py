"""Doubles: a ring that records, a MIDI system whose devices the test plugs and unplugs."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from daemon.midi.sources import Source
from synth_engine.abi import EventKind


@dataclass
class RecordingWriter:
    """A ring with room for ``room`` records (None: endless)."""

    room: int | None = None
    records: list[tuple[EventKind, dict[str, Any]]] = field(default_factory=list)

    def push(self, kind: EventKind, **fields: Any) -> bool:
        if self.room is not None and len(self.records) >= self.room:
            return False
        self.records.append((kind, fields))
        return True

    def kinds(self) -> list[EventKind]:
        return [kind for kind, _ in self.records]


class FakePort:
    def __init__(self) -> None:
        self.waiting: deque[tuple[list[int], float]] = deque()
        self.closed = False
        self.broken = False

    def send(self, *data: int, seconds: float = 0.0) -> None:
        self.waiting.append((list(data), seconds))

    def read(self) -> tuple[list[int], float] | None:
        if self.broken:
            raise RuntimeError("broken")
        return self.waiting.popleft() if self.waiting else None

    def close(self) -> None:
        self.closed = True


class FakeSystem:
    name = "fake"

    def __init__(self, sources: Mapping[str, Source] | None = None) -> None:
        self.sources = dict(sources or {})
        self.ports: dict[str, FakePort] = {}
        self.alive = True
        self.refuses: Sequence[str] = ()
        self.closed = 0

    def plug(self, name: str, identity: object = 0, **about: Any) -> None:
        self.sources[name] = Source(identity, **about)

    def inputs(self) -> Mapping[str, Source]:
        if not self.alive:
            raise OSError("no fake MIDI here")
        return dict(self.sources)

    def open(self, name: str) -> FakePort:
        if name in self.refuses:
            raise OSError("busy")
        self.ports[name] = FakePort()
        return self.ports[name]

    def open_virtual(self) -> FakePort:
        return self.open("timbred")

    def close(self) -> None:
        self.closed += 1
