"""Where the instrument stands in the latent space, and telling it: the newest point wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from daemon.surface import Argument, Reply
from mappings.catalogue import PCA_COUNT
from pca_cache.labels import DirectionLabel
from pca_cache.latent_point import LatentPoint
from pca_cache.latent_space import LatentSpace


class PointSink(Protocol):
    """The latent half of ``synth_engine.instrument.Instrument``."""

    def set_point(
        self, latent: NDArray[np.float32], offset: NDArray[np.float32] | None, identity: str
    ) -> None:
        """Render this point from now on. ``identity`` names it for caches."""


class LatentControl:
    """Base point and PCA coordinates.

    Many changes may come in one turn of the event loop (a preset moves sixteen coordinates at once);
    the instrument hears of the last only. ``call_soon`` is the loop's.

    **Thread** control.
    """

    def __init__(
        self,
        space: LatentSpace,
        point: LatentPoint,
        sink: PointSink,
        call_soon: Callable[[Callable[[], None]], object],
    ) -> None:
        self._space = space
        self._point = point
        self._sink = sink
        self._call_soon = call_soon
        self._coordinates = [0.0] * PCA_COUNT
        self._waiting = False

    @property
    def space(self) -> LatentSpace:
        """The space of the model in use."""
        return self._space

    def use_space(self, space: LatentSpace) -> None:
        """Go on in another space of the same model: its basis has been fitted meanwhile."""
        self._space = space
        self._changed()

    def direction_labels(self) -> Sequence[DirectionLabel]:
        """What each direction does, if it has been measured."""
        return () if self._space.basis is None else self._space.basis.labels

    def anchor_names(self) -> Sequence[str]:
        """Names a mix may use."""
        return self._space.anchor_names

    def use_seed(self, seed: int) -> None:
        """Stand at the random point of that seed."""
        self._use(LatentPoint.from_seed(seed))

    def use_anchors(self, weights: Mapping[str, float]) -> None:
        """Stand at a mix of anchors. Raises LatentError for an unknown name or weights without a sum."""
        self._use(LatentPoint.from_anchors(weights))

    def use_vector(self, vector: tuple[float, ...]) -> None:
        """Stand at any numbers, as many as the model's latent points have. Raises LatentError."""
        self._use(LatentPoint("vector", vector=vector))

    def use_document(self, document: Mapping[str, object]) -> None:
        """Stand where a preset or the saved state says. Raises LatentError."""
        self._use(LatentPoint.from_json(document))

    def latent_of(self, point: LatentPoint) -> NDArray[np.float32]:
        """The numbers of a point, without its coordinates. Raises LatentError."""
        return self._space.latent(point)

    def present_latent(self) -> NDArray[np.float32]:
        """The numbers of the base point."""
        return self._space.latent(self._point)

    def travel_to(self, latent: NDArray[np.float32]) -> None:
        """Stand at any numbers, float32 (latent_size,)."""
        self.use_vector(tuple(latent.tolist()))

    def to_document(self) -> Mapping[str, object]:
        """The base point for a preset or the saved state."""
        return self._point.to_json()

    def set_coordinate(self, component: int, sigma: float) -> None:
        """Move along a principal component (from 1), in standard deviations."""
        if self._coordinates[component - 1] != sigma:
            self._coordinates[component - 1] = sigma
            self._changed()

    def as_messages(self) -> Sequence[Reply]:
        """The base point as the message that would bring it back."""
        point = self._point
        if point.kind == "seed":
            return (("/latent/random", (point.seed,)),)
        if point.kind == "anchors":
            words: list[Argument] = []
            for name, weight in point.weights:
                words += [name, weight]
            if len(words) == 2:
                return (("/latent/anchor", (words[0],)),)
            return (("/latent/mix", tuple(words)),)
        return (("/latent/vector", tuple(float(v) for v in point.vector)),)

    def send(self) -> None:
        """Tell the instrument where it stands now."""
        self._waiting = False
        latent = self._space.latent(self._point)
        offset = self._space.offset(self._coordinates)
        point = self._point.moved(tuple(self._coordinates))
        self._sink.set_point(latent, offset if offset.size else None, self._space.identity(point))

    def _use(self, point: LatentPoint) -> None:
        self._space.latent(point)  # refuses what does not exist before anything changes
        self._point = point
        self._changed()

    def _changed(self) -> None:
        if not self._waiting:
            self._waiting = True
            self._call_soon(self.send)
