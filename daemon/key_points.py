"""Words and numbers for points of the latent space: names of anchors and presets, and seeds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mappings.catalogue import CATALOGUE, PCA_COUNT
from mappings.documents import did_you_mean
from mappings.preset_file import Preset, parse_preset
from mappings.presets import PresetError, PresetStore
from pca_cache.basis import Basis
from pca_cache.latent_point import LatentError, LatentPoint
from pca_cache.latent_space import LatentSpace
from synth_engine.generator.model import Model

SPREAD_SIGMA, REACH_SIGMA = 1.5, 3.0  # of random coordinates: well away from each other, not beyond the knobs


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


def latent_space_of(model: Model, basis: Basis | None) -> LatentSpace:
    """The latent space of a model: its anchors, its conditions and, where there is one, its basis."""
    anchors = {name: anchor.latent for name, anchor in model.anchors.items()}
    conditions = model.condition_rows.at_word if model.conditions else None
    return LatentSpace(basis, anchors, model.latent_size, conditions)


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
            return self._named_preset(word)
        known = (*self._anchors, *names)
        raise LatentError(f"no anchor and no preset is called {word!r}{did_you_mean(word, known)}")

    def read(self, path: Path) -> list[KeyPoint]:
        """The points of a JSON file.

        It is a list, or an object with a list under ``points``. Each entry is a seed (a whole number), the
        name of an anchor or a preset, a latent point as presets have it (``kind`` and ``weights``, ``seed``
        or ``vector``, perhaps ``coordinates`` in standard deviations), or a preset. A preset file is one
        point.

        Raises
        ------
        LatentError
            If the file or one of its entries is no such thing; the text says which.
        OSError
            If it cannot be read.
        """
        try:
            plain = json.loads(path.read_bytes())
        except ValueError as error:
            raise LatentError(f"{path}: expected JSON: {error}") from None
        entries = plain.get("points", [plain]) if isinstance(plain, dict) else plain
        if not isinstance(entries, list) or not entries:
            raise LatentError(f"{path}: expected a list of points, or an object with one under 'points'")
        keys = []
        for number, entry in enumerate(entries, 1):
            try:
                keys.append(self._of_entry(entry, f"{path.stem} {number}"))
            except LatentError as error:
                raise LatentError(f"{path}: point {number}: {error}") from None
        return keys

    def _of_entry(self, entry: object, name: str) -> KeyPoint:
        if isinstance(entry, str) or (isinstance(entry, int) and not isinstance(entry, bool)):
            return self.find(entry)
        if not isinstance(entry, dict):
            raise LatentError(f"it is {entry!r}, expected a seed, a name, a latent point or a preset")
        if "latent" not in entry:
            return KeyPoint(name, LatentPoint.from_json(entry))
        try:
            return _of_preset(parse_preset(json.dumps(entry).encode(), CATALOGUE), name)
        except PresetError as error:
            raise LatentError(str(error)) from None

    def _named_preset(self, name: str) -> KeyPoint:
        try:
            return _of_preset(self._presets.load(name), name)
        except PresetError as error:
            raise LatentError(str(error)) from None


def random_keys(seed: int, count: int) -> list[KeyPoint]:
    """The points that ``/latent/random`` goes to with ``seed``, ``seed`` + 1 and so on."""
    return [KeyPoint.from_seed(seed + number) for number in range(count)]


def anchor_keys(anchors: Sequence[str], seed: int, count: int) -> list[KeyPoint]:
    """Anchors in random order, every one once before any comes again; seeded."""
    rng = np.random.default_rng(seed)
    names: list[str] = []
    while len(names) < count:
        names += rng.permutation(list(anchors)).tolist()
    return [KeyPoint(name, LatentPoint.from_anchors({name: 1.0})) for name in names[:count]]


def keys_around(base: KeyPoint, seed: int, count: int, directions: int) -> list[KeyPoint]:
    """Points around one: N(0, `SPREAD_SIGMA`) along every direction, within `REACH_SIGMA`; seeded."""
    rng = np.random.default_rng(seed)
    drawn = np.clip(rng.normal(0.0, SPREAD_SIGMA, (count, directions)), -REACH_SIGMA, REACH_SIGMA)
    return [
        KeyPoint(f"{base.name} {number}", base.point.moved(tuple(row.tolist())))
        for number, row in enumerate(drawn, 1)
    ]


def _of_preset(preset: Preset, name: str) -> KeyPoint:
    if not preset.latent:
        raise LatentError(f"preset {preset.name!r} has no latent point")
    coordinates = tuple(preset.parameters.get(f"/pca/{n}", 0.0) for n in range(1, PCA_COUNT + 1))
    return KeyPoint(preset.name or name, LatentPoint.from_json(preset.latent).moved(coordinates))
