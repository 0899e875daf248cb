"""Base points, mixes, coordinates: what moves, and what must not."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pca_cache.basis import Basis
from pca_cache.fit import FitPlan, fit
from pca_cache.latent_point import LatentError, LatentPoint
from pca_cache.latent_space import LatentSpace, point_identity, random_latent
from tests.pca_cache.conftest import LATENT_SIZE, PITCHES, Activate

ANCHORS = {
    "violin": np.eye(LATENT_SIZE)[0],
    "flute": np.eye(LATENT_SIZE)[1],
    "choir_aahs": np.eye(LATENT_SIZE)[2],
}
GOLDEN_SEED_0 = [0.9446683526, 0.6266867518, 2.1574027538, 0.0984543785, -1.4924848080]
GOLDEN_SEED_LAST = [-1.5005888939, -0.2276287705, 0.6004856229]
numbers = st.floats(-5, 5)


@pytest.fixture(scope="module")
def basis(activate: Activate) -> Basis:
    return fit(activate, FitPlan("d", LATENT_SIZE, PITCHES, components=4, samples=3000))


@pytest.fixture(scope="module")
def space(basis: Basis) -> LatentSpace:
    return LatentSpace(basis, ANCHORS, LATENT_SIZE)


def test_the_latent_point_of_a_seed_is_for_ever_the_same() -> None:
    assert random_latent(0, 5) == pytest.approx(GOLDEN_SEED_0, abs=1e-6)
    assert random_latent(2**31 - 1, 3) == pytest.approx(GOLDEN_SEED_LAST, abs=1e-6)
    assert random_latent(0, 5).dtype == np.float32


def test_latent_points_of_seeds_are_normally_distributed_and_differ() -> None:
    drawn = np.concatenate([random_latent(seed, 255) for seed in range(40)])
    assert stats.kstest(drawn, "norm").pvalue > 0.01
    assert np.isfinite(drawn).all()


def test_a_seed_of_a_conditional_model_chooses_its_conditions_too() -> None:
    rows = np.eye(3, dtype=np.float32)
    point = random_latent(7, 8, lambda word: rows[word % 3])
    assert np.array_equal(point, random_latent(7, 8, lambda word: rows[word % 3]))
    assert point.shape == (8,)
    assert sorted(point[5:]) == [0, 0, 1]
    found = {tuple(random_latent(seed, 8, lambda word: rows[word % 3])[5:]) for seed in range(40)}
    assert len(found) == 3


def test_weights_need_not_sum_to_one(space: LatentSpace) -> None:
    assert space.mix([("violin", 3), ("flute", 1)])[:3] == pytest.approx([0.75, 0.25, 0])
    assert space.mix([("violin", 0.3), ("flute", 0.1)])[:3] == pytest.approx([0.75, 0.25, 0])


def test_weights_below_zero_and_above_one_go_beyond_the_anchors(space: LatentSpace) -> None:
    assert space.mix([("violin", 1.5), ("flute", -0.5)])[:3] == pytest.approx([1.5, -0.5, 0])


def test_one_anchor_is_itself_whatever_its_weight(space: LatentSpace) -> None:
    assert np.array_equal(space.mix([("flute", 0.2)]), ANCHORS["flute"])


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([("vioin", 1)], "no anchor is called 'vioin', did you mean 'violin'?"),
        ([("zzz", 1)], "no anchor is called 'zzz'$"),
        ([("violin", float("nan"))], "weight of anchor 'violin' is nan"),
        ([("violin", 1), ("flute", -1)], "sum to 0, too near to zero"),
        ([("violin", 0)], "too near to zero"),
        ([], "too near to zero"),
    ],
)
def test_a_mix_that_cannot_be_is_refused_in_words(
    space: LatentSpace, weights: list[tuple[str, float]], words: str
) -> None:
    with pytest.raises(LatentError, match=words):
        space.mix(weights)


def test_an_edit_moves_every_pitch_by_the_same_and_so_keeps_what_tells_them_apart(
    space: LatentSpace, activate: Activate
) -> None:
    latent = np.repeat(random_latent(4, LATENT_SIZE)[None], len(PITCHES), axis=0)
    plain = activate(latent, np.asarray(PITCHES))
    edited = plain + space.offset([3, -2, 1, 4])
    between = plain - plain.mean(axis=0)
    assert edited - edited.mean(axis=0) == pytest.approx(between, abs=1e-5)
    assert np.linalg.norm(between) > 1.0  # there was something to keep


def test_a_coordinate_of_one_moves_by_one_standard_deviation(space: LatentSpace, basis: Basis) -> None:
    offset = space.offset([0, 1])
    assert offset.shape == basis.hook_shape
    assert offset.dtype == np.float32
    assert np.linalg.norm(offset) == pytest.approx(basis.sigmas[1], rel=1e-5)


@given(a=st.lists(numbers, max_size=4), b=st.lists(numbers, min_size=4, max_size=4))
def test_offsets_add_up(a: list[float], b: list[float], space: LatentSpace) -> None:
    a += [0.0] * (4 - len(a))
    both = space.offset(np.add(a, b).tolist())
    assert space.offset(a) + space.offset(b) == pytest.approx(both, abs=1e-4)


def test_no_coordinates_is_no_offset_and_those_beyond_the_basis_do_nothing(
    space: LatentSpace, basis: Basis
) -> None:
    assert not space.offset([]).any()
    assert space.offset([]).shape == basis.hook_shape
    assert np.array_equal(space.offset([1, 0, 0, 0, 5, 6]), space.offset([1]))


def test_without_a_basis_there_is_no_offset() -> None:
    space = LatentSpace(None, ANCHORS, LATENT_SIZE)
    assert space.offset([1, 2]).shape == (0,)
    assert space.coordinate_count == 0
    assert space.identity(LatentPoint(coordinates=(1.0,))) == space.identity(LatentPoint())


def test_identities_are_equal_for_equal_points_only(space: LatentSpace) -> None:
    point = LatentPoint.from_anchors({"violin": 1, "flute": 2})
    same = [
        point,
        point.moved((0.0, -0.0)),
        LatentPoint.from_anchors({"violin": 2, "flute": 4}),
        point.moved((1e-6,)),
    ]
    other = [point.moved((0.01,)), point.moved((0, 0.01)), LatentPoint.from_seed(1), LatentPoint.from_seed(2)]
    assert len({space.identity(p) for p in same}) == 1
    assert len({space.identity(p) for p in (*other, point)}) == 5


def test_another_basis_is_another_identity_once_coordinates_count() -> None:
    latent = random_latent(1, 8)
    assert point_identity(latent, [0, 0], "a") == point_identity(latent, [], "b")
    assert point_identity(latent, [1], "a") != point_identity(latent, [1], "b")


def test_an_identity_is_the_same_in_another_process(space: LatentSpace) -> None:
    code = (
        "from pca_cache.latent_space import *;"
        "print(point_identity(random_latent(5, 16), [0.5, 0, -2], 'basis'), end='')"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed == point_identity(random_latent(5, 16), [0.5, 0, -2, 0], "basis")


points = st.one_of(
    st.builds(LatentPoint.from_seed, st.integers(0, 2**63 - 1)),
    st.builds(
        LatentPoint.from_anchors, st.dictionaries(st.text(max_size=9), numbers, min_size=1, max_size=4)
    ),
    st.builds(
        lambda v: LatentPoint("vector", vector=tuple(v)), st.lists(numbers, min_size=1, max_size=LATENT_SIZE)
    ),
)


@given(point=points, coordinates=st.lists(numbers, max_size=16))
def test_a_point_comes_back_from_json_as_it_was(point: LatentPoint, coordinates: list[float]) -> None:
    point = point.moved(tuple(coordinates))
    assert LatentPoint.from_json(json.loads(json.dumps(point.to_json()))) == point


def test_an_anchor_named_twice_is_written_once_with_both_weights() -> None:
    point = LatentPoint("anchors", weights=(("violin", 1.0), ("flute", 1.0), ("violin", 2.0)))
    assert point.to_json()["weights"] == {"violin": 3.0, "flute": 1.0}


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        ({}, "kind of latent point is None, expected one of seed, anchors, vector"),
        ({"kind": "dream"}, "'dream'"),
        ({"kind": ["seed"]}, "expected one of"),
        ({"kind": "seed", "seed": 1.5}, "seed is 1.5, expected a whole number"),
        ({"kind": "seed", "seed": True}, "seed is True"),
        ({"kind": "seed", "seed": -1}, "seed is -1, expected 0 to"),
        ({"kind": "seed", "coordinates": 3}, "coordinates is 3, expected numbers"),
        ({"kind": "seed", "coordinates": ["x"]}, "an entry of coordinates is 'x'"),
        ({"kind": "seed", "coordinates": [float("inf")]}, "NaN or an infinity"),
        ({"kind": "anchors"}, "names no anchor"),
        ({"kind": "anchors", "weights": [1]}, "expected anchors with numbers"),
        ({"kind": "anchors", "weights": {"violin": None}}, "the weight of 'violin' is None"),
        ({"kind": "vector"}, "has no numbers"),
        ({"kind": "vector", "vector": [10**400]}, "too large a number"),
    ],
)
def test_a_point_that_cannot_be_is_refused_in_words(plain: dict[str, object], words: str) -> None:
    with pytest.raises(LatentError) as caught:
        LatentPoint.from_json(plain)
    assert words in str(caught.value)


def test_points_of_every_kind_lead_to_latents(space: LatentSpace) -> None:
    assert np.array_equal(space.latent(LatentPoint.from_seed(3)), random_latent(3, LATENT_SIZE))
    assert np.array_equal(space.latent(LatentPoint.from_anchors({"flute": 1})), ANCHORS["flute"])
    vector = LatentPoint("vector", vector=tuple(range(LATENT_SIZE)))
    assert space.latent(vector).tolist() == list(range(LATENT_SIZE))
    with pytest.raises(LatentError, match="vector of 2 numbers, expected 8"):
        space.latent(LatentPoint("vector", vector=(1.0, 2.0)))
    with pytest.raises(LatentError, match=r"anchor 'a' has shape \(3,\), expected \(8,\)"):
        LatentSpace(None, {"a": [1, 2, 3]}, 8)
    assert space.anchor_names == ("violin", "flute", "choir_aahs")
