"""Fits the PCA basis of a model (``timbred pca fit``); loads scikit-learn, so control never imports this."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pca_cache.fit import Draw, FitPlan, fit
from pca_cache.store import basis_path, save_basis
from synth_engine.gansynth.seeds import instrument_names
from synth_engine.generator.entry import Entry
from synth_engine.generator.latents import draw_latents
from synth_engine.generator.model import Model
from synth_engine.generator.model_folder import load_model

MIX_NOISE = 0.2  # about what training put on every anchor


def fit_basis(
    model_path: Path,
    out: Path,
    *,
    components: int,
    samples: int,
    seed: int,
    progress: Callable[[int, int], None],
) -> Path:
    """Fit the basis of a model and write it.

    Parameters
    ----------
    model_path : Path
        Model folder.
    out : Path
        The file to write, or a directory to write ``basis-DIGEST.npz`` into.
    components, samples, seed : int
        See :class:`pca_cache.fit.FitPlan`.
    progress : callable
        Told (done, total) as it goes on.

    Raises
    ------
    ModelError, BasisError, OSError
    """
    model = load_model(model_path)
    plan = plan_fit(model, components, samples, seed)
    entry = Entry(model)

    def activate(latents: NDArray[np.float32], pitches: NDArray[np.int64]) -> NDArray[np.float32]:
        return entry.activate(latents, pitches.astype(np.float64))

    basis = fit(activate, plan, progress=progress)
    path = out if out.suffix == ".npz" else basis_path(out, model.digest)
    save_basis(path, basis)
    return path


def plan_fit(model: Model, components: int, samples: int, seed: int) -> FitPlan:
    """What to fit: directions between the model's instruments, at all its pitches."""
    return FitPlan(
        model_digest=model.digest, latent_size=model.latent_size, pitches=model.pitches,
        components=components, samples=samples, seed=seed, draw=_points(model),
    )  # fmt: skip


def _points(model: Model) -> Draw:
    """Points between pairs of anchors, if the model has instruments for anchors, else random ones.

    N(0, 1) points are alike in every direction, and so is what the first layer makes of them: their
    components would be in no order. Where real instruments lie, and what is between them, is not. A
    conditional model's anchors are no instruments but families, and its conditions give the order.
    """
    instruments = instrument_names(model)
    if model.conditions or len(instruments) < 2:
        return lambda generator, count: draw_latents(model, generator, count)
    anchors = np.stack([model.anchors[name].latent for name in instruments])

    def draw(generator: np.random.Generator, count: int) -> NDArray[np.float32]:
        ends = anchors[generator.integers(0, len(anchors), (count, 2))]
        share = generator.random((count, 1), dtype=np.float32)
        noise = generator.standard_normal((count, model.latent_size), dtype=np.float32)
        mixed: NDArray[np.float32] = share * ends[:, 0] + (1 - share) * ends[:, 1]
        return (mixed + MIX_NOISE * noise).astype(np.float32, copy=False)

    return draw
