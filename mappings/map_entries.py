"""Reading the entries of a controller map, with messages for the person who wrote them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mappings.actions import ACTIONS, PANIC, PRESET
from mappings.catalogue import CATALOGUE
from mappings.parameters import Curve, ParameterSpec
from mappings.routes import CHANNEL_COUNT, CURVES, Route, Source, SourceKind

FORMAT_VERSION = 1

_HEAD_KEYS = ("format_version", "name", "inherit", "match", "map")
_MATCH_KEYS = ("port",)
_ENTRY_KEYS = ("source", "channel", "target", "range", "curve", "sound", "bits", "default")
_SOURCE_FORMS = ("cc 0..119", "pressure", "key_pressure", "bend", "notes 36-51", "note 36")
_PLAIN_KINDS = (SourceKind.PRESSURE, SourceKind.KEY_PRESSURE, SourceKind.BEND)
_NOT_MAPPABLE_CC = {
    **dict.fromkeys(range(98, 102), "selects RPNs and NRPNs"),
    **dict.fromkeys(range(120, 128), "is a channel mode message"),
}
_KEYS = re.compile(r"notes?\s+(\d{1,3})(?:\s*-\s*(\d{1,3}))?")
_ENTRY_HEADER = re.compile(r"^\s*\[\[\s*[\"']?map[\"']?\s*\]\]")


class MapError(ValueError):
    """A controller map that cannot be used; the text says where and why, for the person who wrote it."""


@dataclass(frozen=True)
class Head:
    """What a map file says before its entries."""

    name: str
    ports: tuple[str, ...]
    inherit: bool
    entries: tuple[Mapping[str, Any], ...]


def read_head(document: Mapping[str, Any], where: str) -> Head:
    """Check everything outside the entries. Raises MapError."""
    _check_keys(document, _HEAD_KEYS, where)
    version = document.get("format_version")
    if version != FORMAT_VERSION:
        got = "is missing" if version is None else f"is {version!r}"
        raise MapError(f"{where}: format_version {got}; this timbred reads format_version = {FORMAT_VERSION}")
    match = _typed(document, "match", dict, {}, where)
    _check_keys(match, _MATCH_KEYS, f"{where}, [match]")
    ports = match.get("port", [])
    ports = [ports] if isinstance(ports, str) else ports
    if not isinstance(ports, list) or not all(isinstance(port, str) and port for port in ports):
        raise MapError(f"{where}, [match]: port must be a name pattern or a list of them, not {ports!r}")
    entries = _typed(document, "map", list, [], where)
    if not all(isinstance(entry, dict) for entry in entries):
        raise MapError(f"{where}: every map entry must be a [[map]] table")
    name = _typed(document, "name", str, "", where)
    inherit = _typed(document, "inherit", bool, True, where)
    return Head(name, tuple(ports), inherit, tuple(entries))


def entry_lines(text: str, count: int) -> list[int | None]:
    """Line number of each ``[[map]]`` header; None for each where they cannot be told apart."""
    lines = [number for number, line in enumerate(text.splitlines(), 1) if _ENTRY_HEADER.match(line)]
    return list(lines) if len(lines) == count else [None] * count


def read_route(entry: Mapping[str, Any], where: str) -> tuple[Route, tuple[int, ...]]:
    """One ``[[map]]`` entry: the route and its channels 0..15. Raises MapError."""
    _check_keys(entry, _ENTRY_KEYS, where)
    source = _read_source(_required(entry, "source", where), where)
    target = _read_target(_required(entry, "target", where), where)
    low, high = _read_range(entry, target, where)
    curve = _read_curve(entry, target, (low, high), where)
    bits = entry.get("bits", 7)
    if bits not in (7, 14) or isinstance(bits, bool):
        raise MapError(f"{where}: bits must be 7 or 14, not {bits!r}")
    if bits == 14 and (source.kind is not SourceKind.CONTROL or source.first > 31):
        raise MapError(f"{where}: bits = 14 needs a source from cc 0 to cc 31 (its fine half is 32 higher)")
    default = entry.get("default")
    if default is not None:
        default = _number_in_range(default, target, f"{where}: default")
    sound = _typed(entry, "sound", bool, False, where)
    numbered = target.path != PANIC and (target.path not in ACTIONS or "range" in entry)
    if target.path == PRESET and not numbered:
        raise MapError(f"{where}: {PRESET} needs a range: [0, 7] for eight presets, [3, 3] for one")
    if target.path in ACTIONS and default is not None:
        raise MapError(f"{where}: {target.path} happens, it has no value to come back to; take default out")
    route = Route(source, target, low, high, curve, sound, numbered, bits, default)
    return route, _read_channels(entry, where)


def _read_source(text: Any, where: str) -> Source:
    words = text.split() if isinstance(text, str) else []
    if len(words) == 1:
        for kind in _PLAIN_KINDS:
            if words[0] == kind.value:
                return Source(kind)
    if len(words) == 2 and words[0] == "cc" and words[1].isdecimal():
        number = int(words[1])
        if number in _NOT_MAPPABLE_CC:
            raise MapError(f"{where}: cc {number} {_NOT_MAPPABLE_CC[number]} and cannot be mapped")
        if number < 120:
            return Source(SourceKind.CONTROL, number, number)
    keys = _KEYS.fullmatch(text) if isinstance(text, str) else None
    if keys:
        first, last = int(keys[1]), int(keys[2] or keys[1])
        if first <= last <= 127:
            return Source(SourceKind.NOTE, first, last)
        raise MapError(
            f"{where}: notes {first}-{last} are no keys; wanted are two of 0..127, the lower one first"
        )
    guess = _did_you_mean(words[0] if words else "", [form.split()[0] for form in _SOURCE_FORMS])
    raise MapError(f"{where}: unknown source {text!r}{guess}; known are {', '.join(_SOURCE_FORMS)}")


def _read_target(text: Any, where: str) -> ParameterSpec:
    targets = {**CATALOGUE, **ACTIONS}
    if isinstance(text, str) and text in targets:
        return targets[text]
    raise MapError(f"{where}: unknown target {text!r}{_did_you_mean(str(text), targets)}")


def _read_range(entry: Mapping[str, Any], target: ParameterSpec, where: str) -> tuple[float, float]:
    ends = entry.get("range", [target.minimum, target.maximum])
    if not isinstance(ends, list) or len(ends) != 2:
        raise MapError(
            f"{where}: range must be two numbers, [at the lowest position, at the highest], not {ends!r}"
        )
    low, high = (_number_in_range(end, target, f"{where}: range") for end in ends)
    return low, high


def _number_in_range(number: Any, target: ParameterSpec, what: str) -> float:
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise MapError(f"{what}: {number!r} is not a number")
    if not target.minimum <= number <= target.maximum:  # nan is outside as well
        limits = f"{target.minimum:g} .. {target.maximum:g} {target.unit}".rstrip()
        raise MapError(f"{what}: {number} is outside {target.path}, which goes {limits}")
    return float(number)


def _read_curve(
    entry: Mapping[str, Any], target: ParameterSpec, ends: tuple[float, float], where: str
) -> str:
    natural = "exponential" if target.curve is Curve.EXPONENTIAL else "linear"
    curve = entry.get("curve", natural)
    if not isinstance(curve, str) or curve not in CURVES:
        guess = _did_you_mean(str(curve), CURVES)
        raise MapError(f"{where}: unknown curve {curve!r}{guess}; known are {', '.join(CURVES)}")
    if curve == "exponential" and ends[0] * ends[1] <= 0:
        raise MapError(
            f"{where}: an exponential curve cannot reach or cross 0; range is [{ends[0]:g}, {ends[1]:g}]"
        )
    return curve


def _read_channels(entry: Mapping[str, Any], where: str) -> tuple[int, ...]:
    channel = entry.get("channel", "any")
    if channel == "any":
        return tuple(range(CHANNEL_COUNT))
    if isinstance(channel, int) and not isinstance(channel, bool) and 1 <= channel <= CHANNEL_COUNT:
        return (channel - 1,)
    raise MapError(f'{where}: channel must be 1..{CHANNEL_COUNT} or "any", not {channel!r}')


def _typed(table: Mapping[str, Any], key: str, kind: type, default: Any, where: str) -> Any:
    value = table.get(key, default)
    if not isinstance(value, kind):
        wanted = {dict: "a table", list: "a list", str: "text", bool: "true or false"}[kind]
        raise MapError(f"{where}: {key} must be {wanted}, not {value!r}")
    return value


def _required(entry: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in entry:
        raise MapError(f"{where}: {key} is missing")
    return entry[key]


def _check_keys(table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise MapError(
                f"{where}: unknown key {key!r}{_did_you_mean(key, known)}; known are {', '.join(known)}"
            )


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f' (did you mean "{close[0]}"?)' if close else ""
