"""A generator at rest: sizes, weights, named anchors and where it all comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from synth_engine.generator.architecture import Architecture
from synth_engine.generator.conditions import Condition, ConditionRows
from synth_engine.generator.spectral import Representation

FORMAT_VERSION = 1


class ModelError(ValueError):
    """A model folder cannot be used; the message names the file, what was expected and what was found."""


@dataclass(frozen=True)
class Anchor:
    """A named point of the latent space.

    Attributes
    ----------
    latent : NDArray[np.float32], shape (latent_size,)
        Where it lies.
    family : str
        Instrument family, such as "string".
    lowest_pitch, highest_pitch : int
        MIDI pitches the instrument was heard at in training, both ends included.
    """

    latent: NDArray[np.float32]
    family: str
    lowest_pitch: int
    highest_pitch: int


@dataclass(frozen=True)
class Model:
    """A verified generator.

    Attributes
    ----------
    architecture : Architecture
        Sizes.
    weights : mapping of str to NDArray[np.float32]
        As stored, with the names and shapes of `Architecture.weight_shapes`.
    anchors : mapping of str to Anchor
        Named points, in the order of the file.
    condition_rows : ConditionRows
        Which conditions occur together in the data, and how often; empty without conditions.
    provenance : mapping
        What made it: data, recipe, steps, seed, date, library versions.
    licence : str
        Licence and notices.
    metrics : mapping
        Figures of its evaluation.
    digest : str
        SHA-256 of the weights file in hexadecimal; the key of everything derived from the weights.
    """

    architecture: Architecture
    weights: Mapping[str, NDArray[np.float32]]
    anchors: Mapping[str, Anchor] = field(default_factory=dict)
    condition_rows: ConditionRows = field(default_factory=ConditionRows)
    provenance: Mapping[str, object] = field(default_factory=dict)
    licence: str = ""
    metrics: Mapping[str, object] = field(default_factory=dict)
    digest: str = ""

    @property
    def latent_size(self) -> int:
        """Components of a latent point."""
        return self.architecture.latent_size

    @property
    def noise_size(self) -> int:
        """Components of a latent point before its conditions."""
        return self.architecture.noise_size

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What the last components of a latent point say."""
        return self.architecture.conditions

    @property
    def pitches(self) -> tuple[int, ...]:
        """MIDI pitches of the one-hot input."""
        return self.architecture.pitches

    @property
    def hook_shape(self) -> tuple[int, int, int]:
        """Shape (frames, bins, channels) of the activation that PCA edits are added to."""
        return self.architecture.hook_shape

    @property
    def representation(self) -> Representation:
        """The spectrograms this model makes."""
        return self.architecture.representation
