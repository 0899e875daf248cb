"""Fitting: the right directions, the same ones every time, and none that is only the pitch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from pca_cache.basis import BasisError
from pca_cache.fit import FitPlan, fit
from tests.pca_cache.conftest import LATENT_SIZE, PITCHES, Activate

PLAN = FitPlan("d1", LATENT_SIZE, PITCHES, components=4, samples=3000, seed=1)


def planted(pitch_strength: float) -> tuple[Activate, NDArray[np.float64]]:
    """A layer whose timbre directions are known: z drives four of them, pitch drives others much more."""
    directions = np.linalg.qr(np.random.default_rng(3).standard_normal((2 * 16 * 4, 5 + len(PITCHES))))[0].T
    strengths = np.array([4.0, 3.0, 2.0, 1.0])

    def run(latents: NDArray[np.float32], pitches: NDArray[np.int64]) -> NDArray[np.float32]:
        flat = (latents[:, :4] * strengths) @ directions[:4]
        flat += pitch_strength * directions[5:][pitches - PITCHES[0]] + 10.0 * directions[4]
        return flat.reshape(-1, 2, 16, 4).astype(np.float32)

    return run, directions[:4]


def test_directions_and_sigmas_of_a_known_layer_are_found_however_strong_the_pitch_is() -> None:
    run, directions = planted(pitch_strength=50.0)
    basis = fit(run, replace(PLAN, samples=8000))
    found = basis.components.reshape(4, -1)
    assert np.abs(np.sum(found * directions, axis=1)) == pytest.approx(np.ones(4), abs=1e-2)
    assert basis.sigmas == pytest.approx([4, 3, 2, 1], rel=0.03)
    assert basis.explained == pytest.approx(np.array([16, 9, 4, 1]) / 30, abs=0.02)


def test_incremental_batches_come_to_what_one_whole_pca_does(activate: Activate) -> None:
    basis = fit(activate, replace(PLAN, components=2, samples=6000))
    generator = np.random.default_rng(99)
    pitches = np.asarray(PITCHES)[np.arange(6000) % len(PITCHES)]
    whole = activate(generator.standard_normal((6000, LATENT_SIZE), dtype=np.float32), pitches).reshape(
        6000, -1
    )
    for pitch in PITCHES:
        whole[pitches == pitch] -= whole[pitches == pitch].mean(axis=0)
    sigmas = np.sqrt(PCA(2, svd_solver="full").fit(whole).explained_variance_)
    assert basis.sigmas == pytest.approx(sigmas, rel=0.05)


def test_the_same_seed_gives_the_same_basis_and_another_seed_another(activate: Activate) -> None:
    first, second, other = (fit(activate, replace(PLAN, seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(first.components, second.components)
    assert np.array_equal(first.sigmas, second.sigmas)
    assert not np.array_equal(first.components, other.components)


def test_directions_are_of_unit_length_at_right_angles_strongest_first_with_stable_signs(
    activate: Activate,
) -> None:
    basis = fit(activate, PLAN)
    flat = basis.components.reshape(basis.count, -1)
    assert flat @ flat.T == pytest.approx(np.eye(basis.count), abs=1e-5)
    assert np.all(np.diff(basis.sigmas) <= 0)
    assert np.all(flat[np.arange(4), np.argmax(np.abs(flat), axis=1)] > 0)


def test_all_pitches_are_seen_and_progress_ends_at_the_total(activate: Activate) -> None:
    seen: set[int] = set()
    steps: list[tuple[int, int]] = []

    def watched(latents: NDArray[np.float32], pitches: NDArray[np.int64]) -> NDArray[np.float32]:
        seen.update(pitches.tolist())
        return activate(latents, pitches)

    basis = fit(watched, PLAN, lambda done, total: steps.append((done, total)))
    assert seen == set(PITCHES) == set(basis.pitches)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert steps[-1][0] == steps[-1][1]
    assert basis.samples == 3000 // PLAN.batch * PLAN.batch
    assert set(basis.versions) == {"numpy", "scikit-learn"}


def test_latent_points_may_be_drawn_from_elsewhere_than_a_normal_distribution(activate: Activate) -> None:
    asked: list[int] = []

    def draw(generator: np.random.Generator, count: int) -> NDArray[np.float32]:
        asked.append(count)
        return generator.uniform(-1, 1, (count, LATENT_SIZE)).astype(np.float32)

    fit(activate, replace(PLAN, samples=400, draw=draw))
    assert len(asked) == 1 + 400 // PLAN.batch


def test_a_model_that_makes_no_sense_is_refused_in_words(activate: Activate) -> None:
    def broken(latents: NDArray[np.float32], pitches: NDArray[np.int64]) -> NDArray[np.float32]:
        return activate(latents, pitches) * np.float32("nan")

    with pytest.raises(BasisError, match="NaN"):
        fit(broken, PLAN)
    with pytest.raises(BasisError, match=r"activations of shape \(256, 128\)"):
        fit(lambda z, p: activate(z, p).reshape(len(z), -1), PLAN)
    with pytest.raises(BasisError, match="at least 48 samples, got 10"):
        fit(activate, replace(PLAN, samples=10))
