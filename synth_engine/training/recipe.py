"""Every number of a training run, and the order of its instruments."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from synth_engine.datasets.labels import Label
from synth_engine.generator.architecture import Architecture
from synth_engine.training.crop import Crop

_NAME = "recipe.json"

# Half the width of the released GANSynth models: 30 ms a note on one server core, 3.3 M weights.
_EMBEDDED = Architecture(
    channels=(128, 128, 128, 128, 64, 32, 16), latent_size=64, harmonic_maps=True, voicing=8
)


@dataclass(frozen=True)
class Recipe:
    """Every number of a training run.

    Attributes
    ----------
    architecture : Architecture
        Sizes of the generator.
    batch : int
        Notes a step, each of another instrument.
    peak_rate : float
        Adam's highest learning rate.
    crop : Crop
        Stretch of each note that a step computes.
    magnitude_weight, frequency_weight, divergence_weight, pooled_weight, adversarial_weight : float
        Weights of the terms of the loss; an adversarial weight of 0 means no critic.
    averaging : float
        Decay of the moving average of all weights.
    first_log_variance : float
        Log variance every instrument's Gaussian starts with.
    seed : int
        Seed of the weights, the latents and the order of notes.
    convolution_dtype : str
        See `synth_engine.generator.network.Generator`.
    """

    architecture: Architecture = field(default_factory=lambda: _EMBEDDED)
    batch: int = 8
    peak_rate: float = 4e-3
    crop: Crop = field(default_factory=Crop)
    magnitude_weight: float = 5.0
    frequency_weight: float = 1.0
    divergence_weight: float = 3e-4
    pooled_weight: float = 2.0
    adversarial_weight: float = 0.0
    averaging: float = 0.998
    first_log_variance: float = -2.0
    seed: int = 0
    convolution_dtype: str = "bfloat16"


def write_recipe(recipe: Recipe, run: Path) -> None:
    """Keep a run's recipe beside its checkpoints."""
    run.mkdir(parents=True, exist_ok=True)
    (run / _NAME).write_text(json.dumps(asdict(recipe), indent=1) + "\n", encoding="utf-8")


def read_recipe(run: Path) -> Recipe:
    """Return the recipe of a run.

    Raises
    ------
    FileNotFoundError
        If `run` holds none.
    """
    values = json.loads((run / _NAME).read_text(encoding="utf-8"))
    architecture = Architecture.from_plain(values.pop("architecture"))
    return Recipe(architecture=architecture, crop=Crop(**values.pop("crop", {})), **values)


def instruments_of(labels: list[Label]) -> list[str]:
    """Return the instruments' names in their order in the latent tables: sorted."""
    return sorted({label.instrument for label in labels})
