"""What a parameter is: its range, unit, curve and where its value goes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum


class Curve(Enum):
    """How a controller position 0..1 becomes a value between minimum and maximum."""

    LINEAR = "linear"
    EXPONENTIAL = "exponential"  # equal ratios for equal steps; minimum must be > 0


class Target(Enum):
    """Who uses the value."""

    KERNEL = "kernel"  # ``key`` names a synth_engine.abi.KernelParameter
    LATENT = "latent"  # ``key`` is the number of the PCA component, from 1
    CONTROL = "control"  # used by the control thread itself


@dataclass(frozen=True)
class ParameterSpec:
    """One row of the catalogue.

    Attributes
    ----------
    path : OSC address and the parameter's only name.
    label : short name for displays.
    unit : "db", "s", "semitones", "sigma" or "" (a plain number).
    minimum, maximum, default : float, in that unit.
    target, key : who uses the value, and under which name.
    curve : how positions 0..1 map to values.
    switch : True if only the two ends make sense.
    in_presets : False for what belongs to the room or the player rather than to the sound.
    description : one sentence for a musician.
    """

    path: str
    label: str
    unit: str
    minimum: float
    maximum: float
    default: float
    target: Target
    key: str
    description: str
    curve: Curve = Curve.LINEAR
    switch: bool = False
    in_presets: bool = True

    def clamp(self, value: float) -> float:
        """The nearest value in range; the default for NaN."""
        if math.isnan(value):
            return self.default
        return min(max(value, self.minimum), self.maximum)

    def position_to_value(self, position: float) -> float:
        """Controller position 0..1 to natural units."""
        position = min(max(position, 0.0), 1.0)
        if self.curve is Curve.EXPONENTIAL:
            return float(self.minimum * (self.maximum / self.minimum) ** position)
        return self.minimum + (self.maximum - self.minimum) * position

    def value_to_position(self, value: float) -> float:
        """Natural units to controller position 0..1."""
        value = self.clamp(value)
        if self.curve is Curve.EXPONENTIAL:
            return math.log(value / self.minimum) / math.log(self.maximum / self.minimum)
        return (value - self.minimum) / (self.maximum - self.minimum)

    def kernel_value(self, value: float) -> float:
        """The number the kernel wants: decibels become linear gain (the minimum means silence)."""
        if self.unit != "db":
            return value
        return 0.0 if value <= self.minimum else 10.0 ** (value / 20.0)
