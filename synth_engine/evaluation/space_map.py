"""A map of the latent space: anchors and random points in a plane, near each other if they sound alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from pca_cache.basis import Basis
from synth_engine.evaluation.examination import image_of, levelled
from synth_engine.generator.entry import Entry
from synth_engine.generator.model import Model
from synth_engine.generator.runtime import NoteRenderer

FloatArray = NDArray[np.floating]

RANDOM_FAMILY = "random"
# The same for all points, or those of high instruments would lie together because they are high.
PITCHES = (48, 60, 72)
_PERPLEXITY = 12.0
_KEPT_DIMENSIONS = 30  # of the pictures, before t-SNE
_MARGIN = 0.02


@dataclass(frozen=True, eq=False)
class Place:
    """A point of the latent space to be put on the map.

    Attributes
    ----------
    name : str
        Anchor's name, or the seed of a random point.
    family : str
        Instrument family, or "random".
    latent : NDArray[np.float32], shape (latent_size,)
        The point.
    """

    name: str
    family: str
    latent: NDArray[np.float32]


@dataclass(frozen=True)
class SpaceMap:
    """Where everything lies.

    Attributes
    ----------
    places : tuple of Place
        The points.
    sounds : NDArray[np.float64], shape (points, 2)
        t-SNE of how they sound, 0..1.
    plane : NDArray[np.float64], shape (points, 2)
        Coordinates along the first two directions, in sigma.
    notes : NDArray[np.float64], shape (points * 3, 2)
        t-SNE of single notes, 0..1, each point's three in a row.
    pitches : NDArray[np.int64], shape (points * 3,)
        Their pitches.
    """

    places: tuple[Place, ...]
    sounds: FloatArray
    plane: FloatArray
    notes: FloatArray
    pitches: NDArray[np.int64]

    def to_json(self) -> list[dict[str, object]]:
        """For a pad: name, family, and x, y from 0 to 1; `plane` is in sigma along directions 1 and 2."""
        return [
            {
                "name": place.name,
                "family": place.family,
                "x": round(float(x), 4),
                "y": round(float(y), 4),
                "plane": [round(float(v), 3) for v in plane],
            }
            for place, (x, y), plane in zip(self.places, self.sounds, self.plane, strict=True)
        ]


def places_of(model: Model, random_latents: Mapping[str, NDArray[np.float32]]) -> tuple[Place, ...]:
    """The model's anchors, then random points by name."""
    anchors = [Place(name, anchor.family, anchor.latent) for name, anchor in model.anchors.items()]
    return (*anchors, *(Place(name, RANDOM_FAMILY, z) for name, z in random_latents.items()))


def map_space(
    model: Model,
    basis: Basis,
    places: Sequence[Place],
    seed: int,
    tell: Callable[[], None] | None = None,
    threads: int = 2,
) -> SpaceMap:
    """Listen to every point at three pitches and lay out what was heard.

    Parameters
    ----------
    model : Model
        Renders the notes.
    basis : Basis
        Its directions; the first two span the plane.
    places : sequence of Place
        More than a dozen.
    seed : int
        Of t-SNE; the same seed draws the same map.
    tell : callable or None
        Called after every note; may raise to interrupt.
    threads : int
        Notes rendered at the same time.

    Source: van der Maaten and Hinton, Visualizing Data using t-SNE (JMLR 2008).
    """
    pitches = tuple(min(max(pitch, model.pitches[0]), model.pitches[-1]) for pitch in PITCHES)
    jobs = [(place.latent, pitch) for place in places for pitch in pitches]
    images = _listen(model, jobs, threads, tell)
    points = images.reshape(len(places), -1)
    with threadpool_limits(limits=1):
        return SpaceMap(
            places=tuple(places),
            sounds=_laid_out(points, seed),
            plane=_plane(model, basis, points_of(places), pitches),
            notes=_laid_out(images, seed),
            pitches=np.array([pitch for _, pitch in jobs], np.int64),
        )


def _listen(
    model: Model,
    jobs: Sequence[tuple[NDArray[np.float32], int]],
    threads: int,
    tell: Callable[[], None] | None,
) -> FloatArray:
    """One picture a note, a row each."""
    entry = Entry(model)
    renderers: SimpleQueue[NoteRenderer] = SimpleQueue()
    for _ in range(threads):
        renderers.put(NoteRenderer(model, threads=1))

    def image(job: tuple[NDArray[np.float32], int]) -> NDArray[np.float32]:
        latent, pitch = job
        renderer = renderers.get()
        try:
            pitches = np.array([float(pitch)])
            return image_of(
                levelled(renderer.waves(entry.activate(latent[None], pitches), pitches)[0])
            ).ravel()
        finally:
            renderers.put(renderer)

    found = []
    pool = ThreadPoolExecutor(threads, "timbred-map")
    with threadpool_limits(limits=1):
        try:
            for row in pool.map(image, jobs):
                found.append(row)
                if tell is not None:
                    tell()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return np.stack(found)


def _laid_out(rows: FloatArray, seed: int) -> FloatArray:
    """t-SNE, each axis stretched to 0..1."""
    kept = PCA(min(_KEPT_DIMENSIONS, *rows.shape), random_state=seed).fit_transform(rows.astype(np.float64))
    perplexity = min(_PERPLEXITY, (len(rows) - 1) / 3.0)
    flat = TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(kept)
    low, high = flat.min(axis=0), flat.max(axis=0)
    stretched = (flat - low) / np.maximum(high - low, 1e-9)
    return np.asarray(_MARGIN + (1.0 - 2.0 * _MARGIN) * stretched, np.float64)


def points_of(places: Sequence[Place]) -> NDArray[np.float32]:
    """The latent points, shape (points, latent_size)."""
    return np.stack([place.latent for place in places])


def _plane(model: Model, basis: Basis, latents: NDArray[np.float32], pitches: Sequence[int]) -> FloatArray:
    """Coordinates along the first two directions around each pitch's mean, averaged over the pitches."""
    entry = Entry(model)
    axes = (basis.components[:2] / basis.sigmas[:2, None, None, None]).reshape(2, -1)
    found = np.zeros((len(latents), 2))
    for pitch in pitches:
        hooks = entry.activate(latents, np.full(len(latents), float(pitch))).reshape(len(latents), -1)
        found += (hooks - hooks.mean(axis=0)) @ axes.T / len(pitches)
    return found
