"""What the doors say to the controller. Doors only build these; the controller acts on them.

All are immutable; ``source`` names the door ("midi:PORT", "osc:HOST:PORT", "state", ...), so that a
change is not echoed to where it came from. Stamps are CLOCK_MONOTONIC nanoseconds of arrival.
``delivered`` is True when the door's own thread has already put the event into its kernel ring.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Union

ALL_CHANNELS = -1


@dataclass(frozen=True)
class NoteOn:
    """``key`` 0..127, ``velocity`` > 0 .. 1, ``channel`` 0..15."""

    key: int
    velocity: float
    channel: int
    stamp_ns: int
    source: str
    delivered: bool = False


@dataclass(frozen=True)
class NoteOff:
    """``velocity`` is the release velocity 0..1."""

    key: int
    velocity: float
    channel: int
    stamp_ns: int
    source: str
    delivered: bool = False


@dataclass(frozen=True)
class Sustain:
    """``value`` 0..1; 0.5 and more is down."""

    value: float
    channel: int
    stamp_ns: int
    source: str
    delivered: bool = False


@dataclass(frozen=True)
class PitchBend:
    """``semitones`` after the bend range has been applied."""

    semitones: float
    channel: int
    stamp_ns: int
    source: str
    delivered: bool = False


@dataclass(frozen=True)
class AllNotesOff:
    """CC 123: the pedal still holds. ``channel`` may be ALL_CHANNELS."""

    channel: int
    stamp_ns: int
    source: str
    delivered: bool = False


@dataclass(frozen=True)
class AllSoundOff:
    """CC 120."""

    channel: int
    stamp_ns: int
    source: str
    delivered: bool = False


@dataclass(frozen=True)
class ResetControllers:
    """CC 121: bend, pedal, expression and modulation back; not volume and pan."""

    channel: int
    stamp_ns: int
    source: str
    delivered: bool = False


@dataclass(frozen=True)
class SetParameter:
    """``value`` in the parameter's natural unit; the controller clamps it."""

    path: str
    value: float
    source: str


@dataclass(frozen=True)
class SetPosition:
    """The same as a controller position 0..1, through the parameter's curve."""

    path: str
    position: float
    source: str


@dataclass(frozen=True)
class ProgramChange:
    """``program`` 0..127: the preset of that number in the list of presets."""

    program: int
    source: str


@dataclass(frozen=True)
class LatentRandom:
    """A new base point; the same seed gives the same point. None: a seed is drawn and reported."""

    seed: int | None
    source: str


@dataclass(frozen=True)
class LatentAnchors:
    """A weighted mix of named anchors; weights need not sum to 1."""

    weights: tuple[tuple[str, float], ...]
    source: str


@dataclass(frozen=True)
class LatentVector:
    """The numbers of a point themselves."""

    vector: tuple[float, ...]
    source: str


@dataclass(frozen=True)
class LoadPreset:
    """By name, or by number as text."""

    name: str
    source: str


@dataclass(frozen=True)
class SavePreset:
    """Keep the present sound under a name."""

    name: str
    source: str


class JourneyWay(Enum):
    """What a journey does at its last key point."""

    ROUND = "round and round"
    BACK = "there and back"
    ONCE = "once"
    WANDER = "wandering"  # to ever new random points


@dataclass(frozen=True)
class StartJourney:
    """Travel through ``points``: names of anchors or presets, and seeds; none if it wanders."""

    points: tuple[str | int, ...]
    way: JourneyWay
    source: str


@dataclass(frozen=True)
class StopJourney:
    """Stay where the journey is now."""

    source: str


@dataclass(frozen=True)
class Panic:
    """Silence, now."""

    source: str


Performance = Union[NoteOn, NoteOff, Sustain, PitchBend, AllNotesOff, AllSoundOff, ResetControllers]
Command = Union[
    Performance,
    SetParameter,
    SetPosition,
    ProgramChange,
    LatentRandom,
    LatentAnchors,
    LatentVector,
    LoadPreset,
    SavePreset,
    StartJourney,
    StopJourney,
    Panic,
]


class CommandError(ValueError):
    """A command that cannot be carried out; the text is for the player and goes to ``/error``."""
