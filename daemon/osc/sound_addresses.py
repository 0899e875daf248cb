"""Where in the latent space the sound comes from, and presets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from daemon.events import (
    CommandError,
    LatentAnchors,
    LatentRandom,
    LatentVector,
    LoadPreset,
    SavePreset,
    SetParameter,
)
from daemon.osc.arguments import name_text, number, whole_number
from daemon.osc.calls import Address, Call, trigger
from daemon.osc.codec import MAX_ARGUMENTS, Impulse
from daemon.surface import Reply
from mappings.parameters import ParameterSpec, Target

MAX_SEED = 2**31 - 1  # the largest an OSC int32 can say


def rows(catalogue: Mapping[str, ParameterSpec]) -> Iterator[Address]:
    """The rows of the address table for latent points and presets."""
    latent = tuple(spec for spec in catalogue.values() if spec.target is Target.LATENT)
    yield trigger("/latent", "Answers with the message that brings the present point back.", _latent_state)
    yield Address(
        "/latent/random",
        "[SEED]",
        "Jumps to a random point; the same seed gives the same one.",
        _random,
        most=1,
    )
    for path in ("/latent/anchor", "/latent/mix"):
        yield Address(
            path,
            "NAME [WEIGHT NAME WEIGHT ...]",
            "Goes to a named point, or between several.",
            _mix,
            1,
            MAX_ARGUMENTS,
        )
    yield Address(
        "/latent/vector",
        "NUMBER [NUMBER ...]",
        "Goes to the point of these numbers, as many as the model's points have.",
        _vector,
        1,
        MAX_ARGUMENTS,
    )
    yield trigger("/latent/anchors", "Lists the named points.", _list_anchors)
    yield trigger("/pca/reset", "Puts every direction back to its default.", partial(_reset, latent))
    yield trigger(
        "/pca/names",
        "Lists what the directions do, one NUMBER NAME LOWEST HIGHEST each: what grows with `/pca/NUMBER`, "
        "and its safe range in standard deviations. An answer without arguments: not measured yet.",
        _list_directions,
    )
    yield Address("/preset/save", "NAME", "Keeps the present sound under a name.", _save_preset, 1, 1)
    yield Address("/preset/load", "NAME|NUMBER", "Brings a kept sound back.", _load_preset, 1, 1)
    yield trigger("/preset/list", "Lists the kept sounds, one NUMBER NAME each.", _list_presets)


def _latent_state(call: Call) -> Iterable[Reply]:
    return call.surface.latent_state()


def _random(call: Call) -> Iterable[Reply]:
    seed = None
    if call.arguments and call.arguments[0] is False:
        return ()  # a button let go
    if call.arguments and call.arguments[0] is not True and not isinstance(call.arguments[0], Impulse):
        seed = whole_number(call.arguments[0], "SEED", 0, MAX_SEED)
    return call.surface.handle(LatentRandom(seed, call.source))


def _mix(call: Call) -> Iterable[Reply]:
    if len(call.arguments) == 1:
        weights: tuple[tuple[str, float], ...] = ((name_text(call.arguments[0], "NAME"), 1.0),)
    elif len(call.arguments) % 2:
        raise CommandError(f"takes NAME WEIGHT in pairs, got {len(call.arguments)} arguments")
    else:
        pairs = zip(call.arguments[::2], call.arguments[1::2], strict=True)
        weights = tuple((name_text(name, "NAME"), number(weight, "WEIGHT")) for name, weight in pairs)
    return call.surface.handle(LatentAnchors(weights, call.source))


def _vector(call: Call) -> Iterable[Reply]:
    vector = tuple(number(value, "NUMBER") for value in call.arguments)
    return call.surface.handle(LatentVector(vector, call.source))


def _list_anchors(call: Call) -> Iterable[Reply]:
    names = tuple(call.surface.anchor_names())
    for first in range(0, max(len(names), 1), 16):  # a few names a message keep datagrams small
        yield "/latent/anchors", names[first : first + 16]


def _reset(latent: tuple[ParameterSpec, ...], call: Call) -> Iterable[Reply]:
    return [
        reply
        for spec in latent
        for reply in call.surface.handle(SetParameter(spec.path, float(spec.default), call.source))
    ]


def _list_directions(call: Call) -> Iterable[Reply]:
    labels = call.surface.direction_labels()
    rows = [
        (number, label.name, label.lowest_sigma, label.highest_sigma)
        for number, label in enumerate(labels, start=1)
    ]
    return [("/pca/names", row) for row in rows] or [("/pca/names", ())]


def _save_preset(call: Call) -> Iterable[Reply]:
    return call.surface.handle(SavePreset(name_text(call.arguments[0], "NAME"), call.source))


def _load_preset(call: Call) -> Iterable[Reply]:
    chosen = call.arguments[0]
    if isinstance(chosen, (int, float)):
        return call.surface.handle(LoadPreset(str(whole_number(chosen, "NUMBER", 0, 9999)), call.source))
    return call.surface.handle(LoadPreset(name_text(chosen, "NAME"), call.source))


def _list_presets(call: Call) -> Iterable[Reply]:
    names = call.surface.preset_names()
    return [("/preset/list", row) for row in enumerate(names)] or [("/preset/list", ())]
