"""What `model.json` says of an architecture: read back equal, or refused in one sentence."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_engine.generator.architecture import Architecture
from synth_engine.generator.conditions import Condition
from synth_engine.generator.description import describe, parse_description
from synth_engine.generator.model import Model, ModelError
from synth_engine.generator.model_folder import default_model_path
from synth_engine.generator.random_model import random_model

FAMILY = Condition("family", ("brass", "string"), exclusive=True)
QUALITIES = Condition("qualities", ("bright", "dark", "reverb"), exclusive=False)
GROWING = Architecture(
    (8, 8),
    latent_size=12,
    pitches=(20, 24, 60),
    wave_frames=900,
    start_frames=4,
    start_bins=8,
    resolutions=4,
    blend=(0.25, 0.75),
    kind="phase",
    conditions=(FAMILY, QUALITIES),
    scale=(0.1, 0.5),
    offset=(0.25, -0.5),
)


def _plain(model: Model) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(describe(model)))
    return plain


def _parse(plain: object) -> Model:
    return parse_description(json.dumps(plain).encode(), "model.json")


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    channels = tuple(draw(st.lists(st.integers(1, 16), min_size=1, max_size=4)))
    blocks = len(channels)
    resolutions = draw(st.sampled_from([0, blocks, blocks + 1]))
    blend: tuple[float, ...] = ()
    if draw(st.booleans()):
        parts = draw(st.lists(st.integers(1, 9), min_size=blocks, max_size=blocks))
        blend = tuple(part / sum(parts) for part in parts)
    frames, bins = draw(st.integers(1, 6)), 2 * draw(st.integers(1, 12))
    full_bins = bins * 2 ** ((resolutions or blocks) - 1)
    full_frames = frames * 2 ** ((resolutions or blocks) - 1)
    longest = full_bins // 2 * (full_frames - 1) + 2 * full_bins
    conditions = draw(st.sampled_from([(), (FAMILY,), (FAMILY, QUALITIES)]))
    return Architecture(
        channels,
        latent_size=draw(st.integers(1, 40)) + sum(len(c.values) for c in conditions),
        pitches=tuple(sorted(draw(st.sets(st.integers(0, 127), min_size=1)))),
        wave_frames=draw(st.integers(1, longest)),
        start_frames=frames,
        start_bins=bins,
        resolutions=resolutions,
        blend=blend,
        kind=draw(st.sampled_from(["mel", "linear", "phase"])),
        conditions=conditions,
        scale=(draw(st.floats(0.01, 5)), draw(st.floats(0.01, 5))),
        offset=(draw(st.floats(-5, 5)), draw(st.floats(-5, 5))),
    )


@given(architectures())
def test_any_architecture_reads_back_equal(architecture: Architecture) -> None:
    model = Model(architecture, {}, condition_rows=random_model(architecture).condition_rows)
    read = _parse(_plain(model))
    assert read.architecture == architecture
    np.testing.assert_array_equal(read.condition_rows.vectors, model.condition_rows.vectors)


@given(architectures())
def test_an_architecture_survives_as_plain_values(architecture: Architecture) -> None:
    assert Architecture.from_plain(json.loads(json.dumps(asdict(architecture)))) == architecture


def test_the_first_models_lack_the_new_keys_and_read_as_before() -> None:
    plain = json.loads((default_model_path() / "model.json").read_bytes())
    for key in ("start", "resolutions", "blend", "condition_rows"):
        plain.pop(key, None)
    for key in ("scale", "offset"):
        plain["representation"].pop(key, None)
    architecture = _parse(plain).architecture
    assert architecture.hook_shape[:2] == (2, 16)
    assert architecture.representation.frames == 128
    assert architecture.scale == (0.0661371661726, 0.8)


BROKEN: list[tuple[str, object, str]] = [
    ("start", [4], "start: expected frames and bins"),
    ("start", [0, 8], "start: expected a list of integers"),
    ("start", [4, 4096], "bins: expected at most 4096"),
    ("start", [4, 10], "bins: expected an integer in 80..80"),
    ("resolutions", 1, "resolutions: expected 0 or 2 or more, found 1"),
    ("resolutions", 9, "resolutions: expected an integer in 0..8"),
    ("resolutions", True, "resolutions"),
    ("blend", [0.5], "blend: expected 2 weights that add up to 1"),
    ("blend", [0.5, 0.6], "blend: expected 2 weights that add up to 1"),
    ("blend", [-0.5, 1.5], "blend: expected 2 weights"),
    ("blend", [float("nan"), 1.0], "blend: expected a list of numbers"),
    ("blend", "half", "blend: expected a list of numbers"),
    ("latent_size", 5, "latent_size: expected more than 5, found 5"),
    ("pitches", [60, 60], "pitches: expected ascending pitches"),
    ("pitches", [24, 20, 60], "pitches: expected ascending pitches"),
    ("harmonic_maps", True, "harmonic_maps: expected a finished mel model"),
    ("conditions", ["family"], "conditions: expected a list of objects"),
    ("conditions", [{"name": "a", "values": [], "exclusive": True}], r"conditions\[0\]: condition 'a'"),
    ("conditions", [{"name": "a", "values": ["x"], "exclusive": 1}], "exclusive: expected true or false"),
    (
        "conditions",
        2 * [{"name": "a", "values": ["x"], "exclusive": True}],
        "conditions: expected names that",
    ),
    ("condition_rows", [], "condition_rows: expected 1 to 20000 rows"),
    ("condition_rows", [{"count": 0, "values": {}}], r"condition_rows\[0\]: count: expected an integer in 1"),
    ("condition_rows", [{"count": 1}], r"condition_rows\[0\]: values: expected an object, found nothing"),
    ("condition_rows", [{"count": 1, "values": {"famly": []}}], "did you mean 'family'"),
    ("condition_rows", [{"count": 1, "values": {"family": ["strings"]}}], "did you mean 'string'"),
    ("condition_rows", [{"count": 1, "values": {"family": ["string", "brass"]}}], "expected one value"),
]


@pytest.mark.parametrize(("key", "value", "message"), BROKEN)
def test_a_wrong_value_is_told_with_its_place(key: str, value: object, message: str) -> None:
    plain = _plain(random_model(GROWING)) | {key: value}
    with pytest.raises(ModelError, match=message):
        _parse(plain)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("kind", "wave", "kind: expected one of mel_if, linear_if, linear_phase, found wave"),
        ("kind", None, "kind: expected one of"),
        ("scale", [0.0, 1.0], "scale, offset: expected finite numbers"),
        ("scale", [1.0], "scale: expected a list of 2 numbers"),
        ("offset", [1.0, 1e99], "offset: expected a list of 2 numbers"),
        ("wave_frames", 5000, "wave_frames: expected 1..1120, found 5000"),
        ("frames", 31, "frames: expected an integer in 32..32"),
    ],
)
def test_a_wrong_representation_is_told_with_its_place(key: str, value: object, message: str) -> None:
    plain = _plain(random_model(GROWING))
    plain["representation"][key] = value
    with pytest.raises(ModelError, match=message):
        _parse(plain)


NUMBERS = st.one_of(st.integers(-3, 300), st.just(10**400), st.floats(allow_nan=True))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = ("start", "resolutions", "blend", "conditions", "condition_rows", "latent_size", "channels", "pitches")


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1), st.data())
def test_values_that_may_be_anything_are_read_or_refused(
    changed: dict[str, object], data: st.DataObject
) -> None:
    plain = _plain(random_model(GROWING)) | changed
    inner = data.draw(st.dictionaries(st.sampled_from(["kind", "scale", "offset", "wave_frames"]), VALUES))
    plain["representation"] |= inner
    for entry in (*_objects(plain["conditions"]), *_objects(plain["condition_rows"])):
        keys = ["name", "values", "exclusive", "count"]
        entry.update(data.draw(st.dictionaries(st.sampled_from(keys), VALUES, max_size=2)))
    with contextlib.suppress(ModelError):
        assert _parse(plain).noise_size >= 1


def _objects(value: object) -> list[dict[str, object]]:
    return [entry for entry in value if isinstance(entry, dict)][:2] if isinstance(value, list) else []
