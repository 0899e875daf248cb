"""Words and numbers for points of the latent space: names of anchors and presets, and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mappings.catalogue import PCA_COUNT
from mappings.documents import did_you_mean
from mappings.presets import PresetError, PresetStore
from pca_cache.latent_point import LatentError, LatentPoint


@dataclass(frozen=True)
class KeyPoint:
    """A place to pass by.

    Attributes
    ----------
    name : str
        For people: an anchor's or preset's name, a seed.
    point : LatentPoint
        Where it is; without coordinates it leaves the PCA knobs where they are.
    """

    name: str
    point: LatentPoint

    @classmethod
    def from_seed(cls, seed: int) -> KeyPoint:
        """The point that ``/latent/random SEED`` goes to."""
        return cls(str(seed), LatentPoint.from_seed(seed))

    def to_json(self) -> dict[str, Any]:
        """Plain values for a document."""
        return {"name": self.name, "point": self.point.to_json()}

    @classmethod
    def from_json(cls, plain: object) -> KeyPoint:
        """What :meth:`to_json` wrote. Raises LatentError."""
        if not isinstance(plain, Mapping) or not isinstance(plain.get("point"), Mapping):
            raise LatentError(f"a key point is {plain!r}, expected name and point")
        return cls(str(plain.get("name", "")), LatentPoint.from_json(plain["point"]))


class KeyPoints:
    """Finds key points.

    Parameters
    ----------
    anchors : sequence of str
        Names of the model's anchors; they come before presets of the same name.
    presets : PresetStore
    """

    def __init__(self, anchors: Sequence[str], presets: PresetStore) -> None:
        self._anchors = anchors
        self._presets = presets

    def find(self, word: str | int) -> KeyPoint:
        """The point of a seed, or of the name of an anchor or a preset.

        Raises
        ------
        LatentError
            If there is none, with the nearest name.
        """
        if isinstance(word, int):
            return KeyPoint.from_seed(word)
        if word in self._anchors:
            return KeyPoint(word, LatentPoint.from_anchors({word: 1.0}))
        names = self._presets.names()
        if word in names:
            return self._of_preset(word)
        known = (*self._anchors, *names)
        raise LatentError(f"no anchor and no preset is called {word!r}{did_you_mean(word, known)}")

    def _of_preset(self, name: str) -> KeyPoint:
        try:
            preset = self._presets.load(name)
        except PresetError as error:
            raise LatentError(str(error)) from None
        if not preset.latent:
            raise LatentError(f"preset {name!r} has no latent point")
        coordinates = tuple(preset.parameters.get(f"/pca/{n}", 0.0) for n in range(1, PCA_COUNT + 1))
        return KeyPoint(name, LatentPoint.from_json(preset.latent).moved(coordinates))
