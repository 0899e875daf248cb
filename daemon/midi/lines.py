"""One open input with everything that belongs to it: decoder, arrival clock, ring."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from daemon.events import Command
from daemon.midi.decoder import Decoder
from daemon.midi.delivery import EventWriterLike, deliver
from daemon.midi.stamps import ArrivalClock
from daemon.midi.systems import InputPort

_SENSING_TIMEOUT_NS = 300_000_000  # MIDI 1.0: then the sender counts as gone and its notes end
_MESSAGES_PER_TURN = 512  # a flood on one port must not keep the others waiting


@dataclass
class Line:
    """From one device to the instrument.

    Attributes
    ----------
    name : the port's name for people, maps and command sources.
    identity : of the device behind it; differs after it went and came back. None for the virtual port.
    port, decoder, clock : the input, its decoder, its arrival stamps.
    writer : the ring that belongs to this port as long as it is open.
    messages : int, messages read so far.
    unpushed : int, performance commands for which the ring had no room.
    """

    name: str
    identity: object
    port: InputPort
    decoder: Decoder
    writer: EventWriterLike
    clock: ArrivalClock = field(default_factory=ArrivalClock)
    messages: int = 0
    unpushed: int = 0
    _last_read_ns: int = 0

    def read(self, now_ns: int) -> Iterator[Command]:
        """Decode what has come in and deliver it; yields every command for the control thread."""
        for _ in range(_MESSAGES_PER_TURN):
            received = self.port.read()
            if received is None:
                break
            data, seconds_since_previous = received
            stamp_ns = self.clock.stamp(seconds_since_previous, now_ns)
            self.messages += 1
            self._last_read_ns = now_ns
            yield from self._deliver(self.decoder.feed(data, stamp_ns))
        if self.decoder.sensing and now_ns - self._last_read_ns > _SENSING_TIMEOUT_NS:
            yield from self.release(now_ns)

    def release(self, now_ns: int) -> Iterator[Command]:
        """End what the port holds: it has gone, or is going."""
        yield from self._deliver(self.decoder.release_all(now_ns))

    def _deliver(self, commands: list[Command]) -> Iterator[Command]:
        for command in commands:
            delivered = deliver(self.writer, command)
            self.unpushed += getattr(delivered, "delivered", True) is False
            yield delivered
