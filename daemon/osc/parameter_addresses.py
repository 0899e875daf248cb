"""Two addresses for every row of the catalogue: its value, and its position 0..1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from daemon.events import SetParameter, SetPosition
from daemon.osc.arguments import number
from daemon.osc.calls import Address, Call
from daemon.surface import Reply
from mappings.parameters import ParameterSpec

_UNIT_WORDS = {"db": "dB", "s": "s", "semitones": "semitones", "sigma": "sigma", "": ""}


def rows(catalogue: Mapping[str, ParameterSpec]) -> Iterator[Address]:
    """The rows of the address table that follow from a catalogue."""
    for spec in catalogue.values():
        yield Address(
            spec.path,
            f"[{with_unit(f'{spec.minimum:g}..{spec.maximum:g}', spec)}]",
            f"{spec.description} At the start {with_unit(f'{spec.default:g}', spec)}.",
            partial(_set_or_ask_value, spec),
            most=1,
            in_patterns=True,
        )
    for spec in catalogue.values():
        yield Address(
            f"{spec.path}/normalized",
            "[0..1]",
            f"{spec.label} as a fader's position ({spec.curve.value}).",
            partial(_set_or_ask_position, spec),
            most=1,
            in_patterns=True,
        )


def with_unit(text: str, spec: ParameterSpec) -> str:
    """A figure with the parameter's unit behind it."""
    return f"{text} {_UNIT_WORDS.get(spec.unit, spec.unit)}".rstrip()


def _set_or_ask_value(spec: ParameterSpec, call: Call) -> Iterable[Reply]:
    if not call.arguments:
        return ((spec.path, (float(call.surface.parameter_value(spec.path)),)),)
    value = number(call.arguments[0], "the value")
    used = float(spec.clamp(value))
    replies = call.surface.handle(SetParameter(spec.path, used, call.source))
    return replies if used == value else (*replies, _clipped(spec.path, value, with_unit(f"{used:g}", spec)))


def _set_or_ask_position(spec: ParameterSpec, call: Call) -> Iterable[Reply]:
    path = f"{spec.path}/normalized"
    if not call.arguments:
        return ((path, (spec.value_to_position(call.surface.parameter_value(spec.path)),)),)
    position = number(call.arguments[0], "the position")
    used = min(max(position, 0.0), 1.0)
    replies = call.surface.handle(SetPosition(spec.path, used, call.source))
    return replies if used == position else (*replies, _clipped(path, position, f"{used:g}"))


def _clipped(path: str, asked: float, used: str) -> Reply:
    return "/error", (path, f"{asked:g} is out of range; set to {used}")
