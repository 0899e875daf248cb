"""One line of a controller map: which control moves which parameter, and how far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from mappings.parameters import ParameterSpec

CHANNEL_COUNT = 16
FINE_HALF_ABOVE = 32  # controller n + 32 carries the fine half of controller n, 0..31
_CENTRE_7BIT, _FULL_7BIT = 64, 127
_CENTRE_14BIT, _FULL_14BIT = 8192, 16383


class SourceKind(Enum):
    """What a player can move. CONTROL and NOTE carry a number 0..127, the others none."""

    CONTROL = "cc"
    PRESSURE = "pressure"  # channel pressure (aftertouch)
    KEY_PRESSURE = "key_pressure"  # polyphonic aftertouch, any key
    BEND = "bend"
    NOTE = "notes"


@dataclass(frozen=True)
class Source:
    """A control, or the keys from ``first`` to ``last``."""

    kind: SourceKind
    first: int = 0
    last: int = 0

    def numbers(self) -> range:
        """The controller or key numbers that belong to it (one, 0, where there are none)."""
        return range(self.first, self.last + 1)

    def __str__(self) -> str:
        if self.kind is SourceKind.CONTROL:
            return f"cc {self.first}"
        if self.kind is SourceKind.NOTE:
            return f"notes {self.first}-{self.last}" if self.first < self.last else f"note {self.first}"
        return str(self.kind.value)


CURVES: dict[str, Callable[[float], float]] = {
    "linear": lambda p: p,
    "exponential": lambda p: p,  # bent by Route.value: equal ratios for equal steps
    "squared": lambda p: p * p,  # the volume law of General MIDI
    "root": lambda p: p**0.5,
    "s": lambda p: p * p * (3.0 - 2.0 * p),  # fine at both ends
}


@dataclass(frozen=True)
class Route:
    """From one source to one parameter.

    Attributes
    ----------
    source : the control.
    target : the parameter it moves, or a row of :data:`mappings.actions.ACTIONS`.
    low, high : values at positions 0 and 1, in the parameter's unit; low may be the greater.
    curve : a name from :data:`CURVES`.
    sound : True if the control keeps its built-in work too: keys play, bend bends, CC 64 holds.
    numbered : False for an action without a range: there is no number to tell it.
    bits : 7, or 14 for a control whose fine half comes as number + 32.
    default : value that Reset All Controllers (CC 121) brings back; None: RP-015's, if it has one.
    """

    source: Source
    target: ParameterSpec
    low: float
    high: float
    curve: str = "linear"
    sound: bool = False
    numbered: bool = True
    bits: int = 7
    default: float | None = None

    def value(self, position: float) -> float:
        """The parameter's value, in its unit, for a control at ``position`` 0..1."""
        position = CURVES[self.curve](min(max(position, 0.0), 1.0))
        if self.target.switch:
            return self.high if position >= 0.5 else self.low
        if self.curve == "exponential":
            return float(self.low * (self.high / self.low) ** position)
        return self.low + (self.high - self.low) * position


def key_position(source: Source, key: int, velocity: int) -> float:
    """Position 0..1 of a key in its run, leftmost to rightmost; of a key alone, how hard it was struck."""
    if source.first == source.last:
        return velocity / _FULL_7BIT
    return (key - source.first) / (source.last - source.first)


def controller_position(value: int, bits: int = 7) -> float:
    """Position 0..1 of a controller value, its middle (64, or 8192 of 14 bits) exactly at 0.5.

    The plain quotient would leave a knob at its centre detent slightly off the middle, so a
    bipolar parameter could never be brought to 0.

    Source
    ------
    The min-center-max scaling of MIDI 2.0 Bit Scaling and Resolution (M2-115-U), without its bit repeats.
    """
    centre, full = (_CENTRE_7BIT, _FULL_7BIT) if bits == 7 else (_CENTRE_14BIT, _FULL_14BIT)
    if value <= centre:
        return 0.5 * value / centre
    return 0.5 + 0.5 * (value - centre) / (full - centre)
