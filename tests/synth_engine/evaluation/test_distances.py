"""Distances whose value is known by other means."""

from __future__ import annotations

import numpy as np
import pytest

from synth_engine.evaluation import distances


def test_the_frechet_distance_of_gaussians_is_the_formula() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(size=(20_000, 3)) * (1.0, 2.0, 0.5)
    second = rng.normal(size=(20_000, 3)) * (2.0, 1.0, 0.5) + (3.0, 0.0, 0.0)
    # Independent components: (mean gap)^2 plus the squared gap of the standard deviations.
    assert distances.frechet_distance(first, second) == pytest.approx(9.0 + 1.0 + 1.0, rel=0.03)


def test_the_frechet_distance_of_fewer_notes_than_features_is_finite_and_zero_to_itself() -> None:
    notes = np.random.default_rng(1).normal(size=(10, 50))
    assert distances.frechet_distance(notes, notes) == pytest.approx(0.0, abs=1e-9)


def test_the_kernel_distance_is_unbiased_and_grows_with_the_gap() -> None:
    rng = np.random.default_rng(2)
    draws = [rng.normal(size=(40, 20)) for _ in range(80)]
    same = [distances.kernel_distance(a, b) for a, b in zip(draws[::2], draws[1::2], strict=True)]
    assert abs(np.mean(same)) < 3 * np.std(same) / np.sqrt(len(same))
    assert min(same) < 0.0
    assert distances.kernel_distance(draws[0], draws[1] + 1.0) > 10 * max(map(abs, same))


def test_the_kernel_distance_is_the_definition() -> None:
    x, y = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[0.5, 0.5], [1.0, 1.0]])

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return (a @ b / 2 + 1) ** 3

    expected = k(x[0], x[1]) + k(y[0], y[1]) - 2 * np.mean([k(a, b) for a in x for b in y])
    assert distances.kernel_distance(x, y) == pytest.approx(expected)


def test_a_bin_differs_only_where_chance_cannot_explain_it() -> None:
    real = np.repeat(np.arange(5), 100)
    assert distances.different_bins(real, real, 5) == 0
    few_moved = np.repeat(np.arange(5), (105, 95, 100, 100, 100))
    assert distances.different_bins(real, few_moved, 5) == 0
    collapsed = np.zeros(500, np.int64)
    assert distances.different_bins(real, collapsed, 5) == 5


def test_pairs_within_a_group_and_across_groups_are_told_apart() -> None:
    features = np.array([[0.0], [1.0], [10.0], [11.0]])
    means = distances.mean_pairwise(features, np.array([0, 0, 1, 1]))
    assert means["within"] == pytest.approx(1.0)
    assert means["across"] == pytest.approx(10.0)
    assert "within" not in distances.mean_pairwise(features, np.arange(4))


def test_copies_have_no_distance_to_what_they_copy() -> None:
    real = np.random.default_rng(3).normal(size=(6, 4))
    assert distances.nearest_distances(real[:3], real) == pytest.approx(np.zeros(3), abs=1e-6)
    assert distances.nearest_distances(real).min() > 0.1
