"""Names a model's directions (``timbred pca describe``); renders notes, so control never imports this."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from daemon.basis_fit import plan_fit
from daemon.progress import counting
from pca_cache.basis import Basis
from pca_cache.describe import Responses, describe, detunes, effect_sizes, without_pitch
from pca_cache.fit import fit
from synth_engine.evaluation import directions
from synth_engine.evaluation.directions import ENDS, LEVELS, DirectionProbe, Hook, HookPlayer
from synth_engine.evaluation.note_sets import Note
from synth_engine.evaluation.second_hook import second_layer
from synth_engine.generator.entry import Entry
from synth_engine.generator.model import Model

Progress = Callable[[int, int], None]

CORRECTED_WAYS = 4  # between pitches, that are taken out of a direction that detunes
_MEAN_POINTS = 64
_FIRST_LAYER: Hook = "block_1/conv0"
_SECOND_LAYER: Hook = "block_1/conv1"


@dataclass(frozen=True)
class Description:
    """A basis with names, and how they were found.

    Attributes
    ----------
    basis : Basis
        Signed, corrected where need be, labelled.
    signs : NDArray[np.float64], shape (directions,)
        -1 for a direction that now points the other way.
    corrected : tuple of int
        Places (from 0) of directions that detuned and do so less now.
    responses, random : Responses
        What notes did along the directions as they were (after correction), and along random ones.
    probes : tuple of Note
        The points tried.
    """

    basis: Basis
    signs: NDArray[np.float64]
    corrected: tuple[int, ...]
    responses: Responses
    random: Responses
    probes: tuple[Note, ...]


def describe_basis(model: Model, basis: Basis, probes: int, seed: int, progress: Progress) -> Description:
    """Measure what every direction of a basis does, and name it.

    Parameters
    ----------
    model : Model
        Whose directions.
    basis : Basis
        Fitted at block 1's first layer.
    probes : int
        Points and pitches tried, half mixes of anchors, half random.
    seed : int
        Of the points and of the random directions; the same seed finds the same names.
    progress : callable
        Told notes done and in all; may raise to interrupt.
    """
    points = directions.probe_notes(model, probes, seed)
    count = basis.count
    total = directions.notes_to_follow(count, LEVELS, probes) + directions.notes_to_follow(
        count, ENDS, probes
    )
    probe = DirectionProbe(_players(model, _FIRST_LAYER), points, counting(progress, total))
    responses = probe.follow(_offsets(basis), LEVELS)
    random = probe.follow(directions.random_offsets(_offsets(basis), seed), ENDS)
    basis, responses, corrected = _corrected(model, basis, responses, probe)
    labels, signs = describe(responses, random)
    components = (basis.components * signs[:, None, None, None]).astype(np.float32)
    revision = _revision(basis, signs, corrected)
    named = replace(basis, components=components, labels=tuple(labels), revision=revision)
    return Description(named, signs, corrected, responses, random, tuple(points))


def compare_layers(
    model: Model, basis: Basis, probes: int, seed: int, progress: Progress
) -> dict[str, dict[str, float]]:
    """Fit directions at block 1's second layer too, and measure both alike.

    Returns
    -------
    dict
        By layer: `named`, directions that change a quality alike everywhere; `qualities`, how many different
        ones; `beating`, directions whose spectral change is greater than a random one's of equal length;
        `effect`, mean of the directions' best effect; `change_db`, mean spectral change; `drift_cents`, mean.
    """
    points = directions.probe_notes(model, probes, seed)
    each = 2 * directions.notes_to_follow(basis.count, ENDS, probes)
    tell = counting(progress, 2 * each)
    found: dict[str, dict[str, float]] = {}
    fitted: tuple[tuple[Hook, Basis], ...] = (
        (_FIRST_LAYER, basis),
        (_SECOND_LAYER, fit_second(model, basis)),
    )
    for layer, own in fitted:
        probe = DirectionProbe(_players(model, layer), points, tell)
        responses = probe.follow(_offsets(own), ENDS)
        random = probe.follow(directions.random_offsets(_offsets(own), seed), ENDS)
        found[layer] = _merits(responses, random)
    return found


def fit_second(model: Model, basis: Basis) -> Basis:
    """Directions of the second layer, fitted as those of the first were."""
    entry, second = Entry(model), second_layer(model)

    def activate(latents: NDArray[np.float32], pitches: NDArray[np.int64]) -> NDArray[np.float32]:
        return second(entry.activate(latents, pitches.astype(np.float64)))

    return fit(activate, plan_fit(model, basis.count, basis.samples, basis.seed))


def _merits(responses: Responses, random: Responses) -> dict[str, float]:
    labels, _ = describe(responses, random)
    best = np.abs(effect_sizes(responses.gaps())).max(axis=1)
    named = [label for label in labels if not label.name.startswith("timbre ")]
    change = np.median(responses.change_db, axis=1)
    drift = np.abs(responses.cents - responses.cents[:, 1:2])
    return {
        "named": float(len(named)),
        "qualities": float(
            len({word for label in named for word in label.name.rstrip(" 23456789").split(", ")})
        ),
        "beating": float((change > np.median(random.change_db, axis=1)).sum()),
        "effect": round(float(best.mean()), 2),
        "change_db": round(float(change.mean()), 2),
        "drift_cents": round(float(np.nanmedian(drift, axis=2).max(axis=1).mean()), 2),
    }


def _corrected(
    model: Model, basis: Basis, responses: Responses, probe: DirectionProbe
) -> tuple[Basis, Responses, tuple[int, ...]]:
    """Take the way between pitches out of directions that detune, where that helps."""
    wrong = np.flatnonzero(detunes(responses))
    if not wrong.size:
        return basis, responses, ()
    changed = basis.components.copy()
    changed[wrong] = without_pitch(basis.components[wrong], _pitch_means(model, basis.seed), CORRECTED_WAYS)
    tried = replace(basis, components=changed)
    after = probe.follow(_offsets(tried)[wrong], tuple(responses.levels))
    before = _drift(responses)[wrong]
    better = [n for n, (old, new) in enumerate(zip(before, _drift(after), strict=True)) if new < old]
    components, merged = basis.components.copy(), {k: v.copy() for k, v in vars(responses).items()}
    for n in better:
        place = int(wrong[n])
        components[place] = changed[place]
        for name in ("qualities", "cents", "levels_dbfs", "change_db"):
            merged[name][place] = getattr(after, name)[n]
    return replace(basis, components=components), Responses(**merged), tuple(int(wrong[n]) for n in better)


def _drift(responses: Responses) -> NDArray[np.float64]:
    zero = int(np.argmin(np.abs(responses.levels)))
    drift = np.abs(responses.cents - responses.cents[:, zero : zero + 1])
    return np.asarray(np.nanmedian(drift, axis=2).max(axis=1))


def _pitch_means(model: Model, seed: int) -> NDArray[np.float64]:
    """Mean activation of every pitch over the same points, shape (pitches, frames, bins, channels)."""
    entry = Entry(model)
    latents = plan_fit(model, 1, 1, seed).latents(np.random.default_rng(seed), _MEAN_POINTS)
    means = [entry.activate(latents, np.full(_MEAN_POINTS, float(p))).mean(axis=0) for p in model.pitches]
    return np.array(means, np.float64)


def _revision(basis: Basis, signs: NDArray[np.float64], corrected: tuple[int, ...]) -> str:
    """A new name for directions that were changed, so that nothing rendered along the old ones is used."""
    if (signs > 0).all() and not corrected:
        return basis.revision
    about = f"{basis.revision}:{signs.astype(int).tolist()}:{corrected}"
    return hashlib.sha256(about.encode()).hexdigest()[:16]


def _offsets(basis: Basis) -> NDArray[np.float32]:
    return (basis.components * basis.sigmas[:, None, None, None]).astype(np.float32)


def _players(model: Model, layer: Hook, threads: int = 2) -> list[HookPlayer]:
    return [HookPlayer(model, layer) for _ in range(threads)]
