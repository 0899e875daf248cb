"""What one MIDI channel remembers between messages: bend, pedal, the RPN being set, fine halves."""

from __future__ import annotations

from dataclasses import dataclass, field

from mappings.routes import SourceKind

BEND_CENTRE = 8192
_BEND_TOP = 16383
_NULL = 127
_CENTS = 100
_MAX_RANGE_CENTS = 127 * _CENTS + _CENTS - 1

DATA_MSB, DATA_LSB = 6, 38
DATA_INCREMENT, DATA_DECREMENT = 96, 97
_NRPN_LSB, _NRPN_MSB, _RPN_LSB, _RPN_MSB = 98, 99, 100, 101


@dataclass
class ParameterEntry:
    """Registered parameter 0 (pitch bend sensitivity) by select and data entry; all others pass by.

    Attributes
    ----------
    bend_range_cents : int or None; None until the sender has set it.

    Source
    ------
    MIDI 1.0 Detailed Specification 4.2, "Registered Parameter Numbers"; RP-018 (data increment steps in
    cents for RPN 0); selecting 127/127 or any NRPN keeps data entry away from the RPN set before.
    """

    bend_range_cents: int | None = None
    _rpn_msb: int = _NULL
    _rpn_lsb: int = _NULL
    _nrpn_selected: bool = False
    _nrpn: tuple[int, int] = (_NULL, _NULL)

    def select(self, number: int, value: int) -> None:
        """CC 98..101."""
        self._nrpn_selected = number in (_NRPN_LSB, _NRPN_MSB)
        if number == _RPN_MSB:
            self._rpn_msb = value
        elif number == _RPN_LSB:
            self._rpn_lsb = value
        elif number == _NRPN_MSB:
            self._nrpn = value, self._nrpn[1]
        else:
            self._nrpn = self._nrpn[0], value

    def deselect(self) -> None:
        """As 127/127: data entry sets nothing."""
        self._rpn_msb = self._rpn_lsb = _NULL
        self._nrpn, self._nrpn_selected = (_NULL, _NULL), False

    def selected(self) -> bool:
        """True if data entry belongs to some RPN or NRPN; False after the null one."""
        number = self._nrpn if self._nrpn_selected else (self._rpn_msb, self._rpn_lsb)
        return number != (_NULL, _NULL)

    def enter(self, number: int, value: int, default_cents: int) -> bool:
        """CC 6, 38, 96 or 97; True if the bend range changed."""
        if self._nrpn_selected or (self._rpn_msb, self._rpn_lsb) != (0, 0):
            return False
        before = self.bend_range_cents
        cents = default_cents if before is None else before
        if number == DATA_MSB:
            cents = value * _CENTS  # a new MSB resets the LSB; senders that mean cents send them next
        elif number == DATA_LSB:
            cents = cents // _CENTS * _CENTS + min(value, _CENTS - 1)
        else:
            cents += 1 if number == DATA_INCREMENT else -1
        self.bend_range_cents = min(max(cents, 0), _MAX_RANGE_CENTS)
        return self.bend_range_cents != before


@dataclass
class Channel:
    """State of one channel of one port.

    Attributes
    ----------
    bend : raw 14-bit pitch bend, 0..16383.
    pedal : last CC 64 as 0..1.
    entry : the RPN state.
    coarse : latest upper 7 bits of 14-bit controllers, by controller number.
    sends_fine : numbers of the 14-bit controllers whose lower 7 bits have been seen.
    moved : mapped controls that have been moved: (kind, number).
    """

    bend: int = BEND_CENTRE
    pedal: float = 0.0
    entry: ParameterEntry = field(default_factory=ParameterEntry)
    coarse: dict[int, int] = field(default_factory=dict)
    sends_fine: set[int] = field(default_factory=set)
    moved: set[tuple[SourceKind, int]] = field(default_factory=set)

    def bend_semitones(self, default_cents: int) -> float:
        """Present bend in semitones; both ends reach the full range."""
        cents = self.entry.bend_range_cents
        full = (default_cents if cents is None else cents) / _CENTS
        offset = self.bend - BEND_CENTRE
        return full * offset / (BEND_CENTRE if offset < 0 else _BEND_TOP - BEND_CENTRE)
