"""Timbres by name, by chance and by General MIDI program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mappings.documents import did_you_mean
from synth_engine.datasets.programs import PROGRAMS
from synth_engine.generator.latents import draw_latents
from synth_engine.generator.model import Model
from synth_engine.offline.paths import slerp

Choice = Literal["random", "anchors", "mix"]
_GROUP = 8  # General MIDI sorts its programs into groups of eight relatives


class TimbreError(ValueError):
    """A timbre the model does not have; the text is for the player."""


@dataclass(frozen=True)
class Timbre:
    """A latent point and how it came about.

    Attributes
    ----------
    label : str
        Short name, safe in file names.
    latent : NDArray[np.float32], shape (latent_size,)
        The point.
    pitches : tuple of (int, int)
        Lowest and highest MIDI pitch it was trained on.
    origin : dict
        Plain values from which it can be made again.
    """

    label: str
    latent: NDArray[np.float32]
    pitches: tuple[int, int]
    origin: dict[str, Any]


def anchor_timbre(model: Model, name: str) -> Timbre:
    """Return a named anchor.

    Raises
    ------
    TimbreError
        If the model has none of that name.
    """
    anchor = model.anchors.get(name)
    if anchor is None:
        known = ", ".join(sorted(model.anchors)) or "none: its timbres are random ones"
        raise TimbreError(
            f"the model has no anchor {name!r}{did_you_mean(name, list(model.anchors))}; it has {known}"
        )
    span = anchor.lowest_pitch, anchor.highest_pitch
    return Timbre(name, anchor.latent, span, {"kind": "anchors", "weights": {name: 1.0}})


def draw_timbres(model: Model, choice: Choice, seed: int, count: int) -> list[Timbre]:
    """Draw timbres: random points, anchors in random order, or points between two anchors.

    Parameters
    ----------
    model : Model
        Whose.
    choice : {"random", "anchors", "mix"}
        What to draw.
    seed : int
        The same seed gives the same timbres, and the first of many are those of few.
    count : int
        How many.

    Raises
    ------
    TimbreError
        If anchors are asked for and the model has none (two for a mix).
    """
    rng = np.random.default_rng(seed)
    if choice == "random":
        return [_random_timbre(model, rng, seed, number) for number in range(count)]
    needed = 1 if choice == "anchors" else 2
    if len(model.anchors) < needed:
        raise TimbreError(
            f"the model has {len(model.anchors)} anchors, expected {needed} or more; use random"
        )
    if choice == "anchors":
        names: list[str] = []
        while len(names) < count:
            names += rng.permutation(list(model.anchors)).tolist()
        return [anchor_timbre(model, name) for name in names[:count]]
    return [_mixed_timbre(model, rng) for _ in range(count)]


def _random_timbre(model: Model, rng: np.random.Generator, seed: int, number: int) -> Timbre:
    latent = draw_latents(model, rng, 1)[0]
    origin = {"kind": "random", "seed": seed, "number": number}
    return Timbre(f"random{seed}-{number + 1}", latent, (model.pitches[0], model.pitches[-1]), origin)


def _mixed_timbre(model: Model, rng: np.random.Generator) -> Timbre:
    first, second = rng.choice(list(model.anchors), 2, replace=False).tolist()
    share = round(float(rng.uniform(0.1, 0.9)), 2)
    one, other = model.anchors[first], model.anchors[second]
    latent = slerp(one.latent, other.latent, share).astype(np.float32)
    span = max(one.lowest_pitch, other.lowest_pitch), min(one.highest_pitch, other.highest_pitch)
    if span[0] > span[1]:  # a contrabass and a piccolo: what both were trained on is nothing
        span = model.pitches[0], model.pitches[-1]
    weights = {first: round(1.0 - share, 2), second: share}
    return Timbre(f"{first}+{round(100 * share)}_{second}", latent, span, {"kind": "mix", "weights": weights})


def program_anchor(model: Model, program: int) -> str | None:
    """Name the anchor that stands for a General MIDI program.

    Parameters
    ----------
    model : Model
        Whose anchors.
    program : int
        0..127.

    Returns
    -------
    str or None
        The program's own anchor; else that of its nearest relative among the eight of its group; else the
        nearest of all; None if no anchor has the name of a program.
    """
    known = [row for row in PROGRAMS if row.name in model.anchors]
    if not known:
        return None
    same = [row for row in known if row.number // _GROUP == program // _GROUP]
    return min(same or known, key=lambda row: abs(row.number - program)).name


def named_or_drawn(model: Model, names: Sequence[str], choice: Choice, seed: int, count: int) -> list[Timbre]:
    """Return as many timbres: the named anchors over and over, or drawn ones where none is named."""
    if not names:
        return draw_timbres(model, choice, seed, count)
    named = [anchor_timbre(model, name) for name in names]
    return [named[number % len(named)] for number in range(count)]
