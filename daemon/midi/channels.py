"""What the sixteen channels of a port remember between messages, and the MPE zones they form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from daemon.midi.registered import ParameterSelect, entered_bend_range
from mappings.routes import CHANNEL_COUNT

BEND_CENTRE = 8192
_BEND_TOP = 16383
_MEMBER_BEND_CENTS = 4800  # MPE 1.0, 2.4: until the sender sets another
_LOWER_MANAGER, _UPPER_MANAGER = 0, CHANNEL_COUNT - 1
_MOST_MEMBERS_OF_TWO_ZONES = CHANNEL_COUNT - 2

ChannelBend = tuple[int, float]  # channel, semitones


@dataclass
class Channel:
    """State of one channel.

    Attributes
    ----------
    bend : raw 14-bit pitch bend, 0..16383.
    bend_range_cents : as set by RPN 0; None until then.
    told_semitones : bend as last handed on, a manager's included.
    pedal : last CC 64 as 0..1.
    select : the RPN or NRPN that data entry is for.
    """

    bend: int = BEND_CENTRE
    bend_range_cents: int | None = None
    told_semitones: float = 0.0
    pedal: float = 0.0
    select: ParameterSelect = field(default_factory=ParameterSelect)


class Channels:
    """The channels of one port.

    A zone is a manager channel (the first or the last) and its members, one note each. What the manager
    sends counts for the whole zone; its bend is added to each member's own.

    Attributes
    ----------
    default_bend_cents : bend range of ordinary channels and of managers that have not set theirs.

    Source
    ------
    MIDI Polyphonic Expression 1.0 (RP-053), sections 2.1 to 2.4.
    """

    def __init__(self, default_bend_cents: int = 200) -> None:
        self.default_bend_cents = default_bend_cents
        self._channels = [Channel() for _ in range(CHANNEL_COUNT)]
        self._members = {_LOWER_MANAGER: 0, _UPPER_MANAGER: 0}

    def __getitem__(self, number: int) -> Channel:
        return self._channels[number]

    def reach(self, number: int) -> tuple[int, ...]:
        """The channels a message on this one counts for: itself, and its members if it manages a zone."""
        return (number, *self._members_of(number))

    def bend(self, number: int, value: int) -> Iterator[ChannelBend]:
        """Take a raw bend; yields every channel it moves and where to."""
        self._channels[number].bend = value
        return self._bends(self.reach(number))

    def enter_bend_range(self, number: int, data_entry: int, value: int) -> Iterator[ChannelBend]:
        """Take data entry for RPN 0; yields the channels whose held bend it moves."""
        before = self._bend_range_cents(number)
        cents = entered_bend_range(before, data_entry, value)
        manager = self._manager_of(number)
        sharing = (number,) if manager is None else self._members_of(manager)
        for channel in sharing:
            self._channels[channel].bend_range_cents = cents
        moved = cents != before and any(self._channels[channel].bend != BEND_CENTRE for channel in sharing)
        return self._bends(sharing if manager is not None else self.reach(number)) if moved else iter(())

    def configure_zone(self, manager: int, members: int) -> tuple[int, ...]:
        """MPE configuration message; the channels that must end their notes and begin anew.

        On any channel but the first and the last it means nothing.
        """
        if manager not in self._members:
            return ()
        other = _UPPER_MANAGER if manager == _LOWER_MANAGER else _LOWER_MANAGER
        before = {*self.reach(manager), *self.reach(other)}
        members = min(members, CHANNEL_COUNT - 1)
        self._members[manager] = members
        if members:
            self._members[other] = min(self._members[other], max(_MOST_MEMBERS_OF_TWO_ZONES - members, 0))
        return tuple(sorted(before | {*self.reach(manager), *self.reach(other)}))

    def reset(self, number: int) -> None:
        """Forget everything about a channel but the zone it is in."""
        self._channels[number] = Channel()

    def dissolve_zones(self) -> None:
        """Make every channel an ordinary one."""
        self._members = dict.fromkeys(self._members, 0)

    def _members_of(self, manager: int) -> tuple[int, ...]:
        count = self._members.get(manager, 0)
        step = 1 if manager == _LOWER_MANAGER else -1
        return tuple(manager + step * place for place in range(1, count + 1))

    def _manager_of(self, number: int) -> int | None:
        return next((manager for manager in self._members if number in self._members_of(manager)), None)

    def _bends(self, numbers: tuple[int, ...]) -> Iterator[ChannelBend]:
        for number in numbers:
            manager = self._manager_of(number)
            added = 0.0 if manager is None else self._own_bend(manager)
            semitones = self._channels[number].told_semitones = self._own_bend(number) + added
            yield number, semitones

    def _own_bend(self, number: int) -> float:
        offset = self._channels[number].bend - BEND_CENTRE
        full = self._bend_range_cents(number) / 100
        return full * offset / (BEND_CENTRE if offset < 0 else _BEND_TOP - BEND_CENTRE)

    def _bend_range_cents(self, number: int) -> int:
        cents = self._channels[number].bend_range_cents
        if cents is not None:
            return cents
        return self.default_bend_cents if self._manager_of(number) is None else _MEMBER_BEND_CENTS
