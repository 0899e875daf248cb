"""Which notes are judged: real ones held out, real ones the model knows, and generated ones of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth_engine.datasets.labels import Label
from synth_engine.generator.latents import draw_latents
from synth_engine.generator.model import Anchor, Model
from synth_engine.offline.paths import slerp

_MIX_SHARES = (0.25, 0.75)  # a mix is at least this far from both its anchors


@dataclass(frozen=True, eq=False)
class Note:
    """One note to judge: a real one, or a generated one, perhaps with the real one it should be.

    Attributes
    ----------
    group : str
        Instrument, or name of the point.
    pitch : int
        MIDI pitch it should have.
    latent : NDArray[np.float32], shape (latent_size,), or None
        Point to generate it from; None for a real note.
    real : int or None
        Its place in the data set: the note itself, or for a generated one the same note played by the
        instrument it imitates.
    """

    group: str
    pitch: int
    latent: NDArray[np.float32] | None = None
    real: int | None = None


def split_instruments(labels: Sequence[Label], model: Model) -> tuple[list[int], list[int]]:
    """Part a data set into notes the model cannot have learned from, and the others.

    Held out are the instruments whose split is not "train" and that are no anchors; where there are none, all
    that are no anchors; where there are none either, every second instrument (then nothing was held out,
    and the two halves still say how far real instruments are from each other).

    Returns
    -------
    held_out, known : list of int
        Indices of notes; no instrument has notes in both.
    """
    names = sorted({label.instrument for label in labels})
    splits = {label.instrument: label.split for label in labels}
    held = {name for name in names if splits[name] != "train" and name not in model.anchors}
    held = held or {name for name in names if name not in model.anchors}
    if not held or len(held) == len(names):
        held = set(names[::2])
    held_out = [i for i, label in enumerate(labels) if label.instrument in held]
    known = [i for i, label in enumerate(labels) if label.instrument not in held]
    return held_out, known


def real_notes(
    labels: Sequence[Label], among: Sequence[int], count: int, rng: np.random.Generator
) -> list[Note]:
    """Draw notes: an instrument evenly, then one of its notes evenly, none twice.

    Fewer than `count` where there are not so many.
    """
    left: dict[str, list[int]] = {}
    for i in rng.permutation(np.asarray(among, np.int64)):
        left.setdefault(labels[i].instrument, []).append(int(i))
    chosen: list[int] = []
    while left and len(chosen) < count:
        for name in rng.permutation(sorted(left)):  # every instrument once, then again
            chosen.append(left[str(name)].pop())
            if not left[str(name)]:
                del left[str(name)]
    return [Note(labels[i].instrument, labels[i].pitch, real=i) for i in chosen[:count]]


def anchor_notes(
    model: Model, count: int, rng: np.random.Generator, places: dict[tuple[str, int], int] | None = None
) -> list[Note]:
    """Draw anchors evenly and pitches evenly in their ranges, no note twice while there are others.

    Parameters
    ----------
    places : dict, optional
        (instrument, pitch) to the place of the real note in the data set.
    """
    left: dict[str, list[int]] = {}
    notes: list[Note] = []
    while len(notes) < count:
        for name in rng.permutation(list(model.anchors)):
            anchor = model.anchors[str(name)]
            pitches = left.get(str(name)) or [int(p) for p in rng.permutation(_pitches(anchor))]
            left[str(name)] = pitches
            pitch = pitches.pop()
            notes.append(Note(str(name), pitch, anchor.latent, (places or {}).get((str(name), pitch))))
    return notes[:count]


def mix_notes(model: Model, count: int, rng: np.random.Generator) -> list[Note]:
    """Draw points on the arcs between pairs of anchors, at pitches that both play."""
    notes = []
    for first, second, pitches in anchor_pairs(model, count, rng):
        share = rng.uniform(*_MIX_SHARES)
        latent = slerp(model.anchors[first].latent, model.anchors[second].latent, share).astype(np.float32)
        notes.append(Note(f"{first}+{second}", int(rng.choice(pitches)), latent))
    return notes


def anchor_pairs(
    model: Model, count: int, rng: np.random.Generator
) -> list[tuple[str, str, NDArray[np.int64]]]:
    """Draw pairs of anchors and the pitches that both play.

    Raises
    ------
    ValueError
        If no two anchors of the model have a pitch in common.
    """
    names = list(model.anchors)
    sets = {name: set(_pitches(model.anchors[name])) for name in names}
    pairs = [(a, b) for n, a in enumerate(names) for b in names[n + 1 :] if sets[a] & sets[b]]
    if not pairs:
        raise ValueError("no two anchors of the model have a pitch in common")
    chosen = rng.choice(len(pairs), count, replace=len(pairs) < count)
    return [(a, b, np.array(sorted(sets[a] & sets[b]))) for a, b in (pairs[i] for i in chosen)]


def random_notes(
    model: Model, count: int, rng: np.random.Generator, pitches: Sequence[int] | None = None
) -> list[Note]:
    """Draw random points as training did; pitches evenly from the model's, or from those given.

    Distances compare like with like only if the generated notes are as high and low as the real ones.
    """
    latents = draw_latents(model, rng, count)
    drawn = rng.choice(np.asarray(pitches if pitches is not None else model.pitches), count)
    return [
        Note(f"random {n}", int(p), latent) for n, (p, latent) in enumerate(zip(drawn, latents, strict=True))
    ]


def _pitches(anchor: Anchor) -> range:
    return range(anchor.lowest_pitch, anchor.highest_pitch + 1)
