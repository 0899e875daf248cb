"""Points of a model's latent space: random ones, and the conditions at their end by name."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from pca_cache.latent_space import random_latent
from synth_engine.generator.conditions import Chosen, names_of, vector_of
from synth_engine.generator.model import Anchor, Model

_ANCHOR_SEED = 0

FloatArray = NDArray[np.float32]


def draw_latents(model: Model, rng: np.random.Generator, count: int) -> FloatArray:
    """Draw random points as training did: N(0, I) noise, and conditions that occur together in the data.

    Parameters
    ----------
    model : Model
        Whose space.
    rng : numpy.random.Generator
        Source of chance.
    count : int
        How many points, 0 or more.

    Returns
    -------
    NDArray[np.float32], shape (count, latent_size)
    """
    noise = rng.standard_normal((count, model.noise_size), dtype=np.float32)
    if not model.conditions:
        return noise
    return np.concatenate([noise, model.condition_rows.draw(rng, count)], axis=1)


def condition_vector(model: Model, chosen: Chosen) -> FloatArray:
    """Return the condition numbers of named values, such as ``{"family": "string", "source": "acoustic"}``.

    Conditions that are not named are those found most often with the named ones in the model's data; where
    these never occur together, nothing is set. Give an empty list to set nothing.

    Parameters
    ----------
    model : Model
        Whose conditions.
    chosen : mapping
        Condition's name to one value's name or a sequence of them.

    Returns
    -------
    NDArray[np.float32], shape (condition_size,)

    Raises
    ------
    ConditionError
        If the model has no such condition or value ("did you mean ..."), or a condition whose values exclude
        each other is given two.
    """
    vector = vector_of(model.conditions, chosen)
    named = np.repeat([c.name in chosen for c in model.conditions], [len(c.values) for c in model.conditions])
    rows = model.condition_rows
    if len(rows):
        counts = rows.counts * (rows.vectors[:, named] == vector[named]).all(axis=1)
        if counts.any():
            vector[~named] = rows.vectors[counts.argmax(), ~named]
    return vector


def condition_anchors(model: Model) -> dict[str, Anchor]:
    """Return one anchor for each combination of exclusive conditions in the data, such as "string acoustic".

    They are how a conditional model is played by name: anchors can be mixed like any others. What is not in
    the name is as in `condition_vector`; the noise is the same for all, so a mix changes conditions only.

    Parameters
    ----------
    model : Model
        With conditions; without any exclusive one there are no anchors.

    Returns
    -------
    dict of str to Anchor
        The most frequent combination first.
    """
    exclusive = [condition.name for condition in model.conditions if condition.exclusive]
    counts: Counter[tuple[str, ...]] = Counter()
    for vector, count in zip(model.condition_rows.vectors, model.condition_rows.counts, strict=True):
        named = names_of(model.conditions, vector)
        counts[tuple("".join(named[name]) for name in exclusive)] += int(count)
    noise = random_latent(_ANCHOR_SEED, model.noise_size)
    anchors = {}
    for values, _ in counts.most_common():
        chosen = {name: value for name, value in zip(exclusive, values, strict=True) if value}
        latent = np.concatenate([noise, condition_vector(model, chosen)])
        family = chosen.get("family", "")
        if chosen:
            anchors[" ".join(chosen.values())] = Anchor(latent, family, model.pitches[0], model.pitches[-1])
    return anchors
