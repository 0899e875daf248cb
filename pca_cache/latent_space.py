"""Where the instrument stands: base points from seeds and anchors, and PCA coordinates as an offset.

The offset is added to the first hidden layer's activation and never replaces it: the activation carries
the pitch, and what is the same for every pitch cannot take it away.
"""

from __future__ import annotations

import difflib
import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pca_cache.basis import Basis
from pca_cache.latent_point import LatentError, LatentPoint

SMALLEST_WEIGHT_SUM = 0.05  # of the weights' magnitudes: a mix is stretched twentyfold at most
COORDINATE_STEP = 1e-4  # sigma; two points nearer than this are one to caches


RowOfWord = Callable[[int], NDArray[np.float32]]


def random_latent(seed: int, latent_size: int, conditions: RowOfWord | None = None) -> NDArray[np.float32]:
    """The latent point of a seed: N(0, 1) numbers, for ever the same, and a conditional model's conditions.

    Raw 64-bit words of PCG64, whose stream NumPy guarantees for all time (NEP 19), in pairs through the
    Box-Muller transform. ``Generator.standard_normal`` would do the same in one call, but NumPy keeps
    the right to change it, and a seed written into a preset has to find its sound again.

    Parameters
    ----------
    seed : int
        0 or more.
    latent_size : int
        How many numbers.
    conditions : callable, optional
        From a random 64-bit word to the numbers the point ends with; without it all are N(0, 1).

    Returns
    -------
    float32, shape (latent_size,)

    Source: Box and Muller, A Note on the Generation of Random Normal Deviates (1958).
    """
    source = np.random.PCG64(seed)
    end = np.zeros(0, np.float32) if conditions is None else conditions(int(source.random_raw()))
    noise_size = latent_size - end.size
    pairs = (noise_size + 1) // 2
    words = source.random_raw(2 * pairs)
    uniform = (
        (words >> np.uint64(11)).astype(np.float64) + 0.5
    ) * 2.0**-53  # inside 0..1, both ends excluded
    radius = np.sqrt(-2.0 * np.log(uniform[:pairs]))
    angle = 2.0 * math.pi * uniform[pairs:]
    noise = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:noise_size]
    return np.concatenate([noise, end]).astype(np.float32)


def point_identity(
    latent: NDArray[np.float32], coordinates: Iterable[float], basis_identity: str = ""
) -> str:
    """A name for a point that caches can go by: 32 hexadecimal digits, the same in every process.

    Coordinates are rounded to :data:`COORDINATE_STEP`; zeros at the end do not count, and with all of
    them zero the basis does not either. The model is not part of it: caches are kept by its digest.
    """
    steps = [round(c / COORDINATE_STEP) for c in coordinates]
    while steps and steps[-1] == 0:
        steps.pop()
    digest = hashlib.sha256(np.ascontiguousarray(latent, "<f4").tobytes())
    if steps:
        digest.update(f"{basis_identity}:{steps}".encode())
    return digest.hexdigest()[:32]


class LatentSpace:
    """Latent points of one model.

    Parameters
    ----------
    basis : Basis or None
        Directions of the model; without them coordinates do nothing.
    anchors : mapping of str to float32, shape (latent_size,)
        Points with names.
    latent_size : int
        Numbers in a latent point.
    conditions : callable, optional
        See :func:`random_latent`.

    Raises
    ------
    LatentError
        If an anchor has another size.
    """

    def __init__(
        self,
        basis: Basis | None,
        anchors: Mapping[str, Sequence[float] | NDArray[np.float32]],
        latent_size: int,
        conditions: RowOfWord | None = None,
    ) -> None:
        self.basis = basis
        self._conditions = conditions
        self.latent_size = latent_size
        self._anchors = {name: np.asarray(vector, np.float32) for name, vector in anchors.items()}
        for name, anchor in self._anchors.items():
            if anchor.shape != (latent_size,):
                raise LatentError(f"anchor {name!r} has shape {anchor.shape}, expected ({latent_size},)")

    @property
    def anchor_names(self) -> tuple[str, ...]:
        """Names a mix may use, in the model's order."""
        return tuple(self._anchors)

    @property
    def coordinate_count(self) -> int:
        """How many coordinates have an effect."""
        return 0 if self.basis is None else self.basis.count

    def latent(self, point: LatentPoint) -> NDArray[np.float32]:
        """The base point itself, without the coordinates: float32 (latent_size,).

        Raises
        ------
        LatentError
            For an unknown anchor ("did you mean ..."), weights that cancel out, or a wrong size.
        """
        if point.kind == "seed":
            return random_latent(point.seed, self.latent_size, self._conditions)
        if point.kind == "anchors":
            return self.mix(point.weights)
        if len(point.vector) != self.latent_size:
            raise LatentError(f"a latent vector of {len(point.vector)} numbers, expected {self.latent_size}")
        return np.asarray(point.vector, np.float32)

    def mix(self, weights: Iterable[tuple[str, float]]) -> NDArray[np.float32]:
        """A weighted mix of anchors, float32 (latent_size,), the weights divided by their sum.

        Weights below 0 and above the sum go beyond the anchors.

        Raises
        ------
        LatentError
            If a name is unknown, there is none, or the weights are not finite or (nearly) cancel out.
        """
        pairs = tuple(weights)
        for name, weight in pairs:
            if name not in self._anchors:
                raise LatentError(f"no anchor is called {name!r}{self._hint(name)}")
            if not math.isfinite(weight):
                raise LatentError(f"the weight of anchor {name!r} is {weight}, expected a finite number")
        total = math.fsum(weight for _, weight in pairs)
        if not pairs or abs(total) <= SMALLEST_WEIGHT_SUM * math.fsum(abs(weight) for _, weight in pairs):
            raise LatentError(f"the weights of the anchors sum to {total:g}, too near to zero for a mix")
        mixed = np.zeros(self.latent_size)
        for name, weight in pairs:
            mixed += weight / total * self._anchors[name].astype(np.float64)
        return mixed.astype(np.float32)

    def offset(self, coordinates: Iterable[float]) -> NDArray[np.float32]:
        """What coordinates add to the activation.

        Parameters
        ----------
        coordinates : iterable of float
            Standard deviations along directions 1, 2, ...; those beyond the basis have no effect.

        Returns
        -------
        float32, shape (frames, bins, channels)
            The same for every pitch and every base point; empty, shape (0,), without a basis.
        """
        if self.basis is None:
            return np.zeros(0, np.float32)
        values = np.fromiter(coordinates, np.float32)[: self.basis.count]
        scaled = values * self.basis.sigmas[: values.size]
        return np.tensordot(scaled, self.basis.components[: values.size], axes=1).astype(np.float32)

    def identity(self, point: LatentPoint) -> str:
        """:func:`point_identity` of a point here; coordinates without effect do not count."""
        basis_identity = "" if self.basis is None else self.basis.identity
        coordinates = point.coordinates[: self.coordinate_count]
        return point_identity(self.latent(point), coordinates, basis_identity)

    def _hint(self, name: str) -> str:
        close = difflib.get_close_matches(name, self._anchors, n=1)
        return f", did you mean {close[0]!r}?" if close else ""
