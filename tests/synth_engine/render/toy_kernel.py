"""The kernel's side of slot ownership in plain Python: key table, voices, references, returns."""

from __future__ import annotations

from collections import Counter, deque

from synth_engine.abi import KEY_COUNT, NO_SLOT
from synth_engine.banks.keys import SetKey
from synth_engine.render.continuations import ExtendSlot


class ToyKernel:
    """Applies events in order; a voice follows its key and lets go of its old slot one step later."""

    def __init__(self) -> None:
        self.ring: deque[tuple[str, SetKey | ExtendSlot | int]] = deque()
        self.keys = [NO_SLOT] * KEY_COUNT
        self.voices: dict[int, list[int]] = {}  # key -> slots in use, newest last
        self.next: dict[int, int] = {}  # key -> the part its voice goes on in
        self.returns: deque[int] = deque()
        self._references: Counter[int] = Counter()

    def referenced(self) -> set[int]:
        """Slots the kernel uses or is about to be told to use."""
        asked = {event.slot for _, event in self.ring if isinstance(event, SetKey)}
        asked |= {event.next_slot for _, event in self.ring if isinstance(event, ExtendSlot)}
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
            elif isinstance(event, ExtendSlot):
                self._extend(event)
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

    def running_out(self) -> set[int]:
        """Slots with a voice that has nothing to go on in."""
        return {slots[-1] for key, slots in self.voices.items() if key not in self.next}

    def move_on(self) -> None:
        """Every voice reaches its next part."""
        for key, part in self.next.items():
            self._release(self.voices[key].pop())
            self.voices[key].append(part)
        self.next.clear()

    def _extend(self, event: ExtendSlot) -> None:
        for key, slots in self.voices.items():
            if slots[-1] == event.slot and key not in self.next:
                self._references[event.next_slot] += 1
                self.next[key] = event.next_slot
        if self._references[event.next_slot] == 0:
            self.returns.append(event.next_slot)

    def _set_key(self, event: SetKey) -> None:
        old, self.keys[event.key] = self.keys[event.key], event.slot
        self._references[event.slot] += 1
        if event.key in self.voices:
            self._references[event.slot] += 1
            self.voices[event.key].append(event.slot)
            self._forget_next(event.key)
        if old != NO_SLOT:
            self._release(old)

    def _start(self, key: int) -> None:
        self._stop(key)
        slot = self.keys[key]
        if slot != NO_SLOT:
            self._references[slot] += 1
            self.voices[key] = [slot]

    def _forget_next(self, key: int) -> None:
        if key in self.next:
            self._release(self.next.pop(key))

    def _stop(self, key: int) -> None:
        self._forget_next(key)
        for slot in self.voices.pop(key, []):
            self._release(slot)

    def _release(self, slot: int) -> None:
        self._references[slot] -= 1
        assert self._references[slot] >= 0
        if self._references[slot] == 0:
            self.returns.append(slot)
