"""Random points and named conditions of a conditional model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_engine.generator.architecture import Architecture
from synth_engine.generator.conditions import Condition, ConditionError, ConditionRows, names_of, vector_of
from synth_engine.generator.latents import condition_anchors, condition_vector, draw_latents
from synth_engine.generator.model import Model, ModelError
from synth_engine.generator.model_folder import load_model, save_model
from synth_engine.generator.random_model import random_model

FAMILY = Condition("family", ("brass", "string", "vocal"), exclusive=True)
SOURCE = Condition("source", ("acoustic", "electronic"), exclusive=True)
QUALITIES = Condition("qualities", ("bright", "dark", "reverb"), exclusive=False)
ALL = (FAMILY, SOURCE, QUALITIES)
ARCHITECTURE = Architecture((4, 4), latent_size=13, wave_frames=60, conditions=ALL)

STRING_ACOUSTIC_DARK = [0, 1, 0, 1, 0, 0, 1, 0]
STRING_ELECTRONIC = [0, 1, 0, 0, 1, 0, 0, 0]
BRASS_ACOUSTIC_BRIGHT_REVERB = [1, 0, 0, 1, 0, 1, 0, 1]
DATA = 5 * [STRING_ACOUSTIC_DARK] + 2 * [STRING_ELECTRONIC] + 13 * [BRASS_ACOUSTIC_BRIGHT_REVERB]


@pytest.fixture
def model() -> Model:
    made = random_model(ARCHITECTURE, seed=2)
    return Model(ARCHITECTURE, made.weights, condition_rows=ConditionRows.of(np.array(DATA, np.float32)))


def test_conditions_are_the_last_numbers_of_the_latent(model: Model) -> None:
    assert (model.latent_size, model.noise_size, ARCHITECTURE.condition_size) == (13, 5, 8)
    assert ARCHITECTURE.input_size == 13 + 61


def test_random_points_have_normal_noise_and_the_conditions_of_the_data(model: Model) -> None:
    drawn = draw_latents(model, np.random.default_rng(0), 4000)
    assert drawn.shape == (4000, 13)
    assert drawn.dtype == np.float32
    assert abs(drawn[:, :5].mean()) < 0.05
    assert drawn[:, :5].std() == pytest.approx(1.0, abs=0.03)
    rows, counts = np.unique(drawn[:, 5:], axis=0, return_counts=True)
    shares = {tuple(map(int, row)): count / 4000 for row, count in zip(rows, counts, strict=True)}
    assert shares == {
        tuple(STRING_ACOUSTIC_DARK): pytest.approx(5 / 20, abs=0.03),
        tuple(STRING_ELECTRONIC): pytest.approx(2 / 20, abs=0.03),
        tuple(BRASS_ACOUSTIC_BRIGHT_REVERB): pytest.approx(13 / 20, abs=0.03),
    }


def test_without_conditions_random_points_are_the_generators_own_normal_numbers() -> None:
    plain = random_model(Architecture((4, 4), latent_size=6, wave_frames=60))
    expected = np.random.default_rng(3).standard_normal((7, 6), dtype=np.float32)
    np.testing.assert_array_equal(draw_latents(plain, np.random.default_rng(3), 7), expected)


def test_no_points_can_be_drawn_too(model: Model) -> None:
    assert draw_latents(model, np.random.default_rng(0), 0).shape == (0, 13)


def test_a_word_always_chooses_the_same_row_and_every_row_is_chosen_as_often_as_it_occurs(
    model: Model,
) -> None:
    rows = [tuple(model.condition_rows.at_word(word)) for word in range(20)]
    assert sorted(rows) == sorted(map(tuple, DATA))
    assert rows == [tuple(model.condition_rows.at_word(word + 20 * 10**15)) for word in range(20)]


def test_named_conditions_bring_along_what_goes_with_them_in_the_data(model: Model) -> None:
    assert condition_vector(model, {"family": "string"}).tolist() == STRING_ACOUSTIC_DARK
    assert condition_vector(model, {"source": ("acoustic",)}).tolist() == BRASS_ACOUSTIC_BRIGHT_REVERB
    electronic = {"family": "string", "source": "electronic"}
    assert condition_vector(model, electronic).tolist() == STRING_ELECTRONIC
    assert condition_vector(model, {}).tolist() == BRASS_ACOUSTIC_BRIGHT_REVERB


def test_conditions_that_never_meet_in_the_data_set_nothing_else(model: Model) -> None:
    vector = condition_vector(model, {"family": "vocal"})
    assert vector.tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
    assert condition_vector(model, {"family": "brass", "qualities": []}).tolist() == [1] + 7 * [0]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"famly": "string"}, "no condition is called 'famly', did you mean 'family'?"),
        ({"pitch": "string"}, "no condition is called 'pitch', expected one of: family, source, qualities"),
        ({"family": "strings"}, "no value of family is called 'strings', did you mean 'string'?"),
        ({"qualities": ["dark", "x"]}, "no value of qualities is called 'x', expected one of: bright, dark"),
        ({"family": ["string", "brass"]}, "family: expected one value, found string, brass"),
    ],
)
def test_a_name_the_model_does_not_have_is_told_in_words(
    model: Model, chosen: dict[str, str], message: str
) -> None:
    with pytest.raises(ConditionError, match=message.replace("?", r"\?")):
        condition_vector(model, chosen)


@given(st.data())
def test_names_and_vectors_are_two_ways_to_say_the_same(data: st.DataObject) -> None:
    chosen = {
        "family": data.draw(st.lists(st.sampled_from(FAMILY.values), max_size=1)),
        "source": data.draw(st.lists(st.sampled_from(SOURCE.values), max_size=1)),
        "qualities": data.draw(st.lists(st.sampled_from(QUALITIES.values), unique=True)),
    }
    found = names_of(ALL, vector_of(ALL, chosen))
    assert {name: set(values) for name, values in found.items()} == {n: set(v) for n, v in chosen.items()}


def test_every_combination_of_exclusive_conditions_is_an_anchor(model: Model) -> None:
    anchors = condition_anchors(model)
    assert list(anchors) == ["brass acoustic", "string acoustic", "string electronic"]
    assert anchors["string acoustic"].latent[5:].tolist() == STRING_ACOUSTIC_DARK
    assert anchors["string acoustic"].family == "string"
    noises = {anchor.latent[:5].tobytes() for anchor in anchors.values()}
    assert len(noises) == 1
    assert condition_anchors(random_model(Architecture((4, 4), latent_size=6, wave_frames=60))) == {}


def test_notes_without_a_family_are_no_anchor_of_their_own() -> None:
    architecture = Architecture((4, 4), latent_size=8, wave_frames=60, conditions=(FAMILY, QUALITIES))
    rows = ConditionRows.of(np.array([[0, 0, 0, 1, 0, 0], [0, 1, 0, 0, 0, 0]], np.float32))
    model = Model(architecture, {}, condition_rows=rows)
    assert list(condition_anchors(model)) == ["string"]


def test_conditions_and_their_rows_come_back_from_disk(model: Model, tmp_path: Path) -> None:
    save_model(model, tmp_path / "model")
    read = load_model(tmp_path / "model")
    assert read.architecture == model.architecture
    np.testing.assert_array_equal(read.condition_rows.vectors, model.condition_rows.vectors)
    np.testing.assert_array_equal(read.condition_rows.counts, model.condition_rows.counts)


def test_a_conditional_model_without_rows_is_not_saved(model: Model, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"condition_rows: expected shape \(1 to 20000, 8\)"):
        save_model(Model(ARCHITECTURE, model.weights), tmp_path)


@pytest.mark.parametrize(
    ("name", "values"), [("", ("a",)), ("family", ()), ("family", ("a", "")), ("family", ("a", "a"))]
)
def test_a_condition_needs_names_that_differ(name: str, values: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="condition"):
        Condition(name, values, exclusive=True)
