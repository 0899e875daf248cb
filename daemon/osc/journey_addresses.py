"""Journeys: the latent point moving by itself."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from daemon.events import JourneyWay, StartJourney, StopJourney
from daemon.osc.arguments import name_text, whole_number
from daemon.osc.calls import Address, Call, trigger
from daemon.osc.codec import MAX_ARGUMENTS, Value
from daemon.osc.sound_addresses import MAX_SEED
from daemon.surface import Reply


def _state(call: Call) -> Iterable[Reply]:
    return call.surface.journey_state()


def _start(way: JourneyWay, call: Call) -> Iterable[Reply]:
    words = tuple(map(_word, call.arguments))
    return call.surface.handle(StartJourney(words, way, call.source))


def _wander(call: Call) -> Iterable[Reply]:
    return call.surface.handle(StartJourney((), JourneyWay.WANDER, call.source))


def _stop(call: Call) -> Iterable[Reply]:
    return call.surface.handle(StopJourney(call.source))


def _word(value: Value) -> str | int:
    if isinstance(value, str):
        return name_text(value, "POINT")
    return whole_number(value, "POINT (a seed)", 0, MAX_SEED)


_POINTS = "POINT [POINT ...]"
ROWS = (
    trigger(
        "/journey",
        "Answers `moving NAME SHARE` (to that point, 0 to 1 of the leg), `resting` (nothing sounds), "
        "`held` (speed 0) or `stopped`. Listeners hear `/journey/moving` 1 or 0.",
        _state,
    ),
    Address(
        "/journey/start",
        _POINTS,
        "Travels from here through anchors, presets (names) and random points (seeds), round and round. "
        "One point: glides there and stays.",
        partial(_start, JourneyWay.ROUND),
        1,
        MAX_ARGUMENTS,
    ),
    Address(
        "/journey/back", _POINTS, "The same, there and back again.", partial(_start, JourneyWay.BACK), 1,
        MAX_ARGUMENTS,
    ),
    Address(
        "/journey/once", _POINTS, "The same, up to the last point.", partial(_start, JourneyWay.ONCE), 1,
        MAX_ARGUMENTS,
    ),
    trigger("/journey/wander", "Travels to ever new random points.", _wander),
    trigger("/journey/stop", "Stays here. Any other choice of a point stops a journey, too.", _stop),
)  # fmt: skip
