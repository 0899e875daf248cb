"""Points of a model's latent space: random ones, and the conditions at their end by name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synth_engine.generator.conditions import Chosen, vector_of
from synth_engine.generator.model import Model

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


def with_conditions(model: Model, latents: FloatArray, vector: FloatArray) -> FloatArray:
    """Return latent points, float32 (..., latent_size), with other conditions at their end.

    Parameters
    ----------
    model : Model
        Whose space.
    latents : NDArray[np.float32], shape (..., latent_size)
        Points whose noise is kept.
    vector : NDArray[np.float32], shape (condition_size,)
        From `condition_vector`, or a mix of several.
    """
    changed = np.array(latents, np.float32)
    changed[..., model.noise_size :] = vector
    return changed
