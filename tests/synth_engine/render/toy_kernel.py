"""The kernel's side of slot ownership in plain Python: key table, voices, references, returns."""

from __future__ import annotations

from collections import Counter, deque

from synth_engine.abi import KEY_COUNT, NO_SLOT
from synth_engine.banks.keys import SetKey


class ToyKernel:
    """Applies events in order; a voice follows its key and lets go of its old slot one step later."""

    def __init__(self) -> None:
        self.ring: deque[tuple[str, SetKey | int]] = deque()
        self.keys = [NO_SLOT] * KEY_COUNT
        self.voices: dict[int, list[int]] = {}  # key -> slots in use, newest last
        self.returns: deque[int] = deque()
        self._references: Counter[int] = Counter()

    def referenced(self) -> set[int]:
        """Slots the kernel uses or is about to be told to use."""
        asked = {event.slot for _, event in self.ring if isinstance(event, SetKey)}
        return asked | {slot for slot, count in self._references.items() if count > 0}

    def busy(self) -> bool:
        """Whether another step or a look at the returns would change anything."""
        return bool(self.ring or self.returns or any(len(slots) > 1 for slots in self.voices.values()))

    def step(self, events: int) -> None:
        """One block: some events, then cross-fades end."""
        for _ in range(min(events, len(self.ring))):
            kind, event = self.ring.popleft()
            if isinstance(event, SetKey):
                self._set_key(event)
            elif kind == "on":
                self._start(event)
            else:
                self._stop(event)
        for slots in self.voices.values():
            while len(slots) > 2:
                self._release(slots.pop(0))
        for slots in self.voices.values():
            if len(slots) > 1:
                self._release(slots.pop(0))

    def _set_key(self, event: SetKey) -> None:
        old, self.keys[event.key] = self.keys[event.key], event.slot
        self._references[event.slot] += 1
        if event.key in self.voices:
            self._references[event.slot] += 1
            self.voices[event.key].append(event.slot)
        if old != NO_SLOT:
            self._release(old)

    def _start(self, key: int) -> None:
        self._stop(key)
        slot = self.keys[key]
        if slot != NO_SLOT:
            self._references[slot] += 1
            self.voices[key] = [slot]

    def _stop(self, key: int) -> None:
        for slot in self.voices.pop(key, []):
            self._release(slot)

    def _release(self, slot: int) -> None:
        self._references[slot] -= 1
        assert self._references[slot] >= 0
        if self._references[slot] == 0:
            self.returns.append(slot)
