"""Ways through the latent space, against the original's numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_engine.offline.paths import TimbrePath, evenly, slerp

GOLDEN = Path(__file__).parents[4] / "shared" / "golden" / "gansynth" / "generate_util.npz"
needs_golden = pytest.mark.skipif(
    not GOLDEN.is_file(), reason=f"golden data of the original is not at {GOLDEN}"
)

points = st.lists(st.floats(-3, 3), min_size=4, max_size=4).map(np.array)


@needs_golden
def test_slerp_equals_the_originals() -> None:
    with np.load(GOLDEN) as golden:
        ours = slerp(golden["slerp_a"][0], golden["slerp_b"][0], golden["slerp_t"])
        np.testing.assert_allclose(ours, golden["slerp_out"], atol=1e-6)


@needs_golden
def test_the_point_of_every_note_equals_the_originals() -> None:
    with np.load(GOLDEN) as golden:
        path = TimbrePath(golden["z_instruments"], golden["t_instruments"])
        for times, expected in (("midi:start_times", "z_notes"), ("z_notes_extrap_times", "z_notes_extrap")):
            ours = [path.latent_at(time_s) for time_s in golden[times]]
            np.testing.assert_allclose(ours, golden[expected], atol=1e-6)


@given(points, points)
def test_slerp_begins_and_ends_at_its_points(start: np.ndarray, end: np.ndarray) -> None:
    np.testing.assert_allclose(slerp(start, end, 0.0), start, atol=1e-6)
    np.testing.assert_allclose(slerp(start, end, 1.0), end, atol=1e-6)


@given(points, st.floats(0, 1))
def test_equal_points_stay_where_they_are(point: np.ndarray, share: float) -> None:
    np.testing.assert_allclose(slerp(point, point, share), point, atol=1e-6)


@given(points.filter(lambda p: np.linalg.norm(p) > 0.1), st.floats(0, 1))
def test_opposite_points_are_joined_by_an_arc_of_their_length(point: np.ndarray, share: float) -> None:
    length = np.linalg.norm(slerp(point, -point, share))
    assert length == pytest.approx(np.linalg.norm(point), rel=1e-6)


def test_before_and_after_a_path_are_its_ends() -> None:
    path = TimbrePath(np.eye(3), np.array([1.0, 2.0, 4.0]))
    np.testing.assert_array_equal(path.latent_at(-5.0), np.eye(3)[0])
    np.testing.assert_array_equal(path.latent_at(99.0), np.eye(3)[2])
    np.testing.assert_allclose(path.latent_at(3.0), [0, 0.5**0.5, 0.5**0.5], atol=1e-7)


def test_a_path_of_one_point_stays() -> None:
    np.testing.assert_array_equal(evenly(np.eye(2)[:1], 9.0).latent_at(5.0), [1.0, 0.0])


@pytest.mark.parametrize("times", [[0.0, 0.0], [1.0, 0.0], [0.0]])
def test_times_that_do_not_ascend_are_refused(times: list[float]) -> None:
    with pytest.raises(ValueError, match="times"):
        TimbrePath(np.eye(2), np.array(times))
