"""Names, ranges and signs of directions whose effects are made up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pca_cache.describe import QUALITIES, Responses, agreements, describe, detunes, safe_range, without_pitch
from pca_cache.labels import DirectionLabel

LEVELS = np.array([-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0])
POINTS = 20
KEYS = [quality.key for quality in QUALITIES]


def responses(
    slopes: list[dict[str, float]], cents: list[float] | None = None, change_db: float = 5.0
) -> Responses:
    """Qualities that move by their slope each sigma, a little different at every point."""
    rng = np.random.default_rng(0)
    spread = 1.0 + 0.2 * rng.standard_normal(POINTS)
    table = np.array([[slope.get(key, 0.0) for key in KEYS] for slope in slopes])
    qualities = LEVELS[None, :, None, None] * spread[None, None, :, None] * table[:, None, None, :]
    drift = np.array(cents or [0.0] * len(slopes))[:, None, None] * LEVELS[None, :, None] * spread
    loud = np.full((len(slopes), len(LEVELS), POINTS), -12.0)
    return Responses(LEVELS, qualities, drift, loud, np.full((len(slopes), POINTS), change_db))


def still(directions: int) -> Responses:
    return responses([{}] * directions, change_db=1.0)


def test_a_direction_is_named_after_what_it_does_most_and_points_where_that_grows() -> None:
    labels, signs = describe(
        responses([{"brightness_octaves": -0.2, "noise_db": 1.0}, {"sustain_db": 3.0}]), still(2)
    )
    assert labels[0].name == "brighter, purer"  # as it is once turned round
    assert labels[1].name == "longer"
    assert signs.tolist() == [-1.0, 1.0]
    assert labels[0].effects["brightness_octaves"] == pytest.approx(0.8, rel=0.2)
    assert all(label.beats_random for label in labels)


def test_what_moves_either_way_gets_no_name_of_a_quality() -> None:
    found = responses([{"brightness_octaves": 0.3}])
    found.qualities[:, :, ::2] *= -1.0
    labels, _ = describe(found, still(1))
    assert labels[0].name == "timbre 1"
    assert not labels[0].beats_random


def test_a_change_nobody_hears_gets_no_name() -> None:
    labels, _ = describe(responses([{"brightness_octaves": 0.001}]), still(1))
    assert labels[0].name == "timbre 1"


def test_names_are_unique() -> None:
    labels, _ = describe(responses([{"tremolo_db": 1.0}] * 3), still(3))
    assert [label.name for label in labels] == ["trembling", "trembling 2", "trembling 3"]


def test_a_random_direction_of_equal_length_that_does_as_much_is_not_beaten() -> None:
    slopes = [{"brightness_octaves": 0.3}]
    assert not describe(responses(slopes), responses(slopes))[0][0].beats_random


def test_the_safe_range_ends_where_the_pitch_drifts_or_notes_fall_silent() -> None:
    found = responses([{}, {}], cents=[4.0, 0.0])
    assert safe_range(found, 0)[:2] == (-2.0, 2.0)
    assert safe_range(found, 0)[2] == pytest.approx(8.0, abs=2.0)
    found.levels_dbfs[1, -2:, :5] = -70.0
    assert safe_range(found, 1)[:2] == (-3.0, 1.0)
    assert detunes(responses([{}, {}], cents=[4.0, 9.0])).tolist() == [False, True]


def test_a_turned_direction_has_its_range_turned() -> None:
    found = responses([{"brightness_octaves": -0.3}])
    found.levels_dbfs[0, -1] = -70.0
    label = describe(found, still(1))[0][0]
    assert (label.lowest_sigma, label.highest_sigma) == (-2.0, 3.0)


def test_measures_that_apply_to_few_points_name_nothing() -> None:
    found = responses([{"release_db": 9.0}])
    found.qualities[0, :, 3:, KEYS.index("release_db")] = np.nan
    assert describe(found, still(1))[0][0].name == "timbre 1"
    assert agreements(found.gaps())[0, KEYS.index("release_db")] == 0.0


def test_the_way_between_pitches_is_taken_out() -> None:
    rng = np.random.default_rng(1)
    way, other = rng.standard_normal((2, 2, 16, 4))
    means = np.arange(12)[:, None, None, None] * way + 0.01 * rng.standard_normal((12, 2, 16, 4))
    components = np.stack([way + other, other])
    components /= np.linalg.norm(components.reshape(2, -1), axis=1)[:, None, None, None]
    left = without_pitch(components, means, 1)
    unit = (way / np.linalg.norm(way)).ravel()
    assert np.abs(left.reshape(2, -1) @ unit).max() < 0.02
    assert np.linalg.norm(left.reshape(2, -1), axis=1) == pytest.approx(np.ones(2), abs=1e-5)


finite = st.floats(-1e6, 1e6)


@given(
    st.text(st.characters(categories=("L", "N")), min_size=1, max_size=60).filter(str.isprintable),
    st.floats(-9, 0), st.floats(0, 9), st.dictionaries(st.sampled_from(KEYS), finite),
)  # fmt: skip
def test_a_label_comes_back_from_plain_values(
    name: str, low: float, high: float, effects: dict[str, float]
) -> None:
    label = DirectionLabel(name, low, high, 1.5, 0.9, 3.0, True, effects)
    assert DirectionLabel.from_json(label.to_json()) == label


@pytest.mark.parametrize(
    "change",
    [{"name": ""}, {"name": "x" * 61}, {"name": "a\nb"}, {"lowest_sigma": 1.0}, {"drift_cents": np.nan}],
)
def test_an_impossible_label_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"direction|range"):
        DirectionLabel.from_json({**DirectionLabel("brighter").to_json(), **change})
