"""Named points for models that come without any: an imported network knows no instruments by name."""

from __future__ import annotations

from dataclasses import replace

from pca_cache.latent_space import random_latent
from synth_engine.generator.model import Anchor, Model

SEED_FAMILY = "seed"  # anchors that are no instruments: nothing may be learnt from where they lie


def with_seeded_anchors(model: Model, count: int) -> Model:
    """The model with anchors ``seed-01``, ``seed-02``, ...: the points of ``/latent/random`` 1, 2, ...

    Parameters
    ----------
    model : Model
        Without anchors.
    count : int
        How many, 0..99.
    """
    lowest, highest = model.pitches[0], model.pitches[-1]
    anchors = {
        f"seed-{seed:02d}": Anchor(random_latent(seed, model.latent_size), SEED_FAMILY, lowest, highest)
        for seed in range(1, count + 1)
    }
    return replace(model, anchors=anchors)


def instrument_names(model: Model) -> tuple[str, ...]:
    """Names of the anchors that are instruments of the training, not seeded points."""
    return tuple(name for name, anchor in model.anchors.items() if anchor.family != SEED_FAMILY)
