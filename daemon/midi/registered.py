"""Registered and non-registered parameter numbers: which one data entry is for, and what it does to RPN 0."""

from __future__ import annotations

DATA_MSB, DATA_LSB, DATA_INCREMENT, DATA_DECREMENT = DATA_ENTRY = (6, 38, 96, 97)
PARAMETER_SELECT = range(98, 102)
RPN_BEND_RANGE = (0, 0)
RPN_MPE_CONFIGURATION = (0, 6)

_NRPN_LSB, _NRPN_MSB, _RPN_LSB, _RPN_MSB = PARAMETER_SELECT
_NULL = (127, 127)
_CENTS = 100
_MAX_RANGE_CENTS = 127 * _CENTS + _CENTS - 1


class ParameterSelect:
    """What CC 98 to 101 of one channel have selected.

    Source
    ------
    MIDI 1.0 Detailed Specification 4.2, "Registered Parameter Numbers": data entry belongs to whichever
    kind, RPN or NRPN, was selected last; 127/127 selects none.
    """

    def __init__(self) -> None:
        self._rpn: tuple[int, int] = _NULL
        self._nrpn: tuple[int, int] = _NULL
        self._nrpn_last = False

    def take(self, number: int, value: int) -> None:
        """CC 98..101."""
        self._nrpn_last = number in (_NRPN_LSB, _NRPN_MSB)
        if number == _RPN_MSB:
            self._rpn = value, self._rpn[1]
        elif number == _RPN_LSB:
            self._rpn = self._rpn[0], value
        elif number == _NRPN_MSB:
            self._nrpn = value, self._nrpn[1]
        else:
            self._nrpn = self._nrpn[0], value

    def clear(self) -> None:
        """As 127/127."""
        self._rpn = self._nrpn = _NULL
        self._nrpn_last = False

    @property
    def any(self) -> bool:
        """True if data entry is for some parameter; False if CC 6 and its kin are controls like any."""
        return (self._nrpn if self._nrpn_last else self._rpn) != _NULL

    @property
    def registered(self) -> tuple[int, int] | None:
        """MSB and LSB of the RPN that data entry is for; None if it is for none."""
        return None if self._nrpn_last else self._rpn


def entered_bend_range(cents: int, number: int, value: int) -> int:
    """RPN 0 after a data entry message, in cents.

    Source
    ------
    MIDI 1.0 Detailed Specification 4.2, "Pitch Bend Sensitivity": MSB semitones, LSB cents; RP-018:
    increment and decrement step by one cent. A new MSB puts the LSB to 0.
    """
    if number == DATA_MSB:
        cents = value * _CENTS
    elif number == DATA_LSB:
        cents = cents // _CENTS * _CENTS + min(value, _CENTS - 1)
    else:
        cents += 1 if number == DATA_INCREMENT else -1
    return min(max(cents, 0), _MAX_RANGE_CENTS)
