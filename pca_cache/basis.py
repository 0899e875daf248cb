"""The directions of one model's latent space, as numbers, with everything needed to find them again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pca_cache.labels import DirectionLabel

LAYER = "block_1/conv0"
UNIT_LENGTH_TOLERANCE = 1e-3  # float16 on disk costs up to 3e-4


class BasisError(ValueError):
    """A basis that cannot be used; the text says what was wrong and what was expected."""


@dataclass(frozen=True, eq=False)
class Basis:
    """GANSpace directions of a generator's first hidden layer.

    Attributes
    ----------
    model_digest : str
        Digest of the model they were fitted on; they mean nothing to another.
    layer : str
        The activation they were observed at and are added to, after leaky ReLU and pixel norm.
    pitches : tuple of int
        MIDI pitches observed.
    components : float32, shape (count, frames, bins, channels)
        Directions of unit length, at right angles to each other, strongest first.
    sigmas : float32, shape (count,)
        Standard deviation of the activation along each; multiplies coordinates.
    explained : float32, shape (count,)
        Share of the variance around the pitches' means, 0..1.
    samples : int
        Activations the directions were fitted on.
    seed : int
        Seed of the latent points drawn.
    versions : mapping of str to str
        Libraries that made it.
    labels : tuple of DirectionLabel
        What each direction does, one each, or none if nobody has measured it.
    revision : str
        What was done to the directions since they were fitted (signs, corrections); empty if nothing.

    Raises
    ------
    BasisError
        If shapes, finiteness, lengths or order are not as said above.

    Source: Harkonen et al., GANSpace: Discovering Interpretable GAN Controls (NeurIPS 2020), section 2.
    """

    model_digest: str
    layer: str
    pitches: tuple[int, ...]
    components: NDArray[np.float32]
    sigmas: NDArray[np.float32]
    explained: NDArray[np.float32]
    samples: int
    seed: int
    versions: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[DirectionLabel, ...] = ()
    revision: str = ""

    def __post_init__(self) -> None:
        count = self.components.shape[0] if self.components.ndim == 4 else 0
        if count == 0:
            raise BasisError(
                f"components have shape {self.components.shape}, expected (count, frames, bins, channels)"
            )
        for name, per_component in (("sigmas", self.sigmas), ("explained", self.explained)):
            if per_component.shape != (count,):
                raise BasisError(f"{name} have shape {per_component.shape}, expected ({count},)")
        for name, numbers in (
            ("components", self.components),
            ("sigmas", self.sigmas),
            ("explained", self.explained),
        ):
            if not np.isfinite(numbers).all():
                raise BasisError(f"{name} hold a NaN or an infinity")
        if (self.sigmas < 0).any():
            raise BasisError("sigmas are negative")
        if len(self.labels) not in (0, count):
            raise BasisError(f"{len(self.labels)} names for {count} directions")
        lengths = np.linalg.norm(self.components.reshape(count, -1), axis=1)
        if np.abs(lengths - 1.0).max() > UNIT_LENGTH_TOLERANCE:
            raise BasisError(f"components have lengths {lengths.min():.4g}..{lengths.max():.4g}, expected 1")

    def __str__(self) -> str:
        return (
            f"{self.count} directions from {self.samples} activations at {len(self.pitches)} pitches, "
            f"{100 * float(self.explained.sum()):.0f} % of the variance"
        )

    @property
    def count(self) -> int:
        """Number of directions."""
        return int(self.components.shape[0])

    @property
    def hook_shape(self) -> tuple[int, int, int]:
        """Shape (frames, bins, channels) of the activation."""
        frames, bins, channels = self.components.shape[1:]
        return int(frames), int(bins), int(channels)

    @property
    def identity(self) -> str:
        """Hexadecimal name of this fit: another one of the same model gives coordinates another meaning."""
        about = (
            self.model_digest, self.layer, self.pitches, self.components.shape,
            self.samples, self.seed, *map(float, self.sigmas), *filter(None, (self.revision,)),
        )  # fmt: skip
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()
