"""Small models with random weights, for tests of whatever plays or edits a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synth_engine.generator.architecture import Architecture
from synth_engine.generator.conditions import Condition, ConditionRows
from synth_engine.generator.model import Anchor, Model
from synth_engine.generator.model_folder import save_model

SMALL_CHANNELS = (8, 8, 8, 8, 8, 4, 4)  # full-size spectrograms: 4 s of sound


def make_random_model(
    path: Path,
    seed: int = 0,
    channels: tuple[int, ...] = SMALL_CHANNELS,
    *,
    latent_size: int = 8,
    harmonic_maps: bool = True,
) -> Model:
    """Write a model folder with N(0, 1) kernels, zero biases and three anchors; returns the model.

    Parameters
    ----------
    path : Path
        Folder to write.
    seed : int
        Seed of weights and anchors; the same seed gives the same digest.
    channels : tuple of int
        Channels of each block; seven blocks make 4 s notes.
    latent_size : int
        Components of a latent point.
    harmonic_maps : bool
        Whether pitch comes from harmonic maps; with them even a random model sounds at its pitch.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    blocks = len(channels)
    wave_frames = 64_000 // 4 ** (7 - blocks)  # a block less is half the frames at half the hop
    architecture = Architecture(
        channels=channels, latent_size=latent_size, harmonic_maps=harmonic_maps, wave_frames=wave_frames
    )
    return save_model(random_model(architecture, seed), path)


def random_model(architecture: Architecture, seed: int = 0) -> Model:
    """Return a model of any architecture with random weights as in `make_random_model`, not written anywhere.

    Where there are conditions, their rows are eight random ones.
    """
    rng = np.random.default_rng(seed)
    weights = {
        name: (rng.normal(size=shape) if not name.endswith("/bias") else np.zeros(shape)).astype(np.float32)
        for name, shape in architecture.weight_shapes().items()
    }
    families = {"violin": "string", "marimba": "mallet", "choir_aahs": "vocal"}
    anchors = {
        name: Anchor(
            rng.normal(size=architecture.latent_size).round(4).astype(np.float32),
            family,
            architecture.pitches[0],
            architecture.pitches[-1],
        )
        for name, family in families.items()
    }
    return Model(
        architecture,
        weights,
        anchors,
        condition_rows=_random_rows(architecture.conditions, rng),
        provenance={"recipe": "random", "seed": seed},
        licence="CC0-1.0",
    )


def _random_rows(conditions: tuple[Condition, ...], rng: np.random.Generator) -> ConditionRows:
    if not conditions:
        return ConditionRows()
    parts = []
    for condition in conditions:
        size = len(condition.values)
        one_hots = np.eye(size)[rng.integers(0, size, 8)]
        parts.append(one_hots if condition.exclusive else rng.integers(0, 2, (8, size)))
    return ConditionRows.of(np.concatenate(parts, axis=1).astype(np.float32))
