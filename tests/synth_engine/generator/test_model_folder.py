"""Models on disk: what is written can be read, and nothing else can."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth_engine.generator.model import ModelError
from synth_engine.generator.model_folder import default_model_path, load_model, save_model
from synth_engine.generator.random_model import make_random_model

SMALL = (4, 4, 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_random_model(tmp_path / "model", seed=1, channels=SMALL)
    return tmp_path / "model"


def _rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "model.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def _replace_weights(folder: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)
    _rewrite(folder, lambda values: values.update(digest=hashlib.sha256(content).hexdigest()))


def test_a_saved_model_reads_back_equal(folder: Path, tmp_path: Path) -> None:
    model = load_model(folder)
    again = save_model(model, tmp_path / "copy")
    copy = load_model(tmp_path / "copy")
    assert copy.digest == again.digest == model.digest
    assert copy.architecture == model.architecture
    assert list(copy.anchors) == ["violin", "marimba", "choir_aahs"]
    for name, weight in model.weights.items():
        np.testing.assert_array_equal(copy.weights[name], weight)
        assert not copy.weights[name].flags.writeable
    for name, anchor in model.anchors.items():
        np.testing.assert_allclose(copy.anchors[name].latent, anchor.latent, atol=1e-6)


def test_the_same_seed_gives_the_same_digest(tmp_path: Path) -> None:
    digests = {make_random_model(tmp_path / str(i), seed=5, channels=SMALL).digest for i in range(2)}
    assert len(digests) == 1


def test_the_same_weights_at_other_pitches_are_another_model(folder: Path, tmp_path: Path) -> None:
    model = load_model(folder)
    higher = replace(model.architecture, pitches=tuple(range(36, 97)))
    assert save_model(replace(model, architecture=higher), tmp_path / "other").digest != model.digest


def test_the_embedded_model_reads_as_ever() -> None:
    model = load_model(default_model_path())
    assert (model.hook_shape[:2], model.representation.frames, len(model.pitches)) == ((2, 16), 128, 61)
    assert model.conditions == ()


def test_saving_leaves_no_temporary_files(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "model.safetensors"]


def test_a_model_with_a_wrong_shape_is_not_saved(folder: Path, tmp_path: Path) -> None:
    model = load_model(folder)
    model.weights["block_2/conv0/bias"] = np.zeros(5, np.float32)  # type: ignore[index]
    with pytest.raises(ModelError, match=r"block_2/conv0/bias.*\(4,\).*\(5,\)"):
        save_model(model, tmp_path / "copy")


def test_a_missing_folder_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.json"):
        load_model(tmp_path / "nowhere")


def test_a_folder_in_place_of_a_file_is_a_model_error(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()
    with pytest.raises(ModelError, match="safetensors"):
        load_model(folder)


def test_a_changed_byte_is_found_by_the_digest(folder: Path) -> None:
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"digest: expected [0-9a-f]{64}, found [0-9a-f]{64}"):
        load_model(folder)


BROKEN_VALUES: list[tuple[str, object]] = [
    ("format_version", 2),
    ("format_version", "1"),
    ("latent_size", 0),
    ("latent_size", True),
    ("latent_size", 9),
    ("latent_size", 10**400),
    ("channels", []),
    ("channels", [4] * 9),
    ("channels", [4, 4, -4]),
    ("channels", [4, 4, 5]),
    ("harmonic_maps", 1),
    ("harmonic_maps", False),
    ("pitches", [24, 26]),
    ("pitches", "24"),
    ("pitches", list(range(24, 84))),
    ("conditions", None),
    ("anchors", []),
    ("anchors", {"violin": 3}),
    ("anchors", {"violin": {"latent": [0.0], "family": "", "lowest_pitch": 24, "highest_pitch": 84}}),
    ("anchors", {"v": {"latent": [float("nan")] * 8, "family": "", "lowest_pitch": 24, "highest_pitch": 84}}),
    ("anchors", {"v": {"latent": [0] * 8, "family": "", "lowest_pitch": 70, "highest_pitch": 60}}),
    (
        "representation",
        {"kind": "mel_if", "frames": 8, "bins": 65, "wave_frames": 250, "sample_rate_hz": 16000},
    ),
    (
        "representation",
        {"kind": "mel_if", "frames": 8, "bins": 64, "wave_frames": 9999, "sample_rate_hz": 16000},
    ),
    (
        "representation",
        {"kind": "linear", "frames": 8, "bins": 64, "wave_frames": 250, "sample_rate_hz": 16000},
    ),
    ("digest", None),
    ("licence", 0),
]


@pytest.mark.parametrize(("key", "value"), BROKEN_VALUES)
def test_a_wrong_value_in_the_description_is_a_model_error(folder: Path, key: str, value: object) -> None:
    _rewrite(folder, lambda values: values.update({key: value}))
    with pytest.raises(ModelError):
        load_model(folder)


@pytest.mark.parametrize("key", ["channels", "anchors", "digest", "representation", "pitches", "metrics"])
def test_a_missing_key_is_named(folder: Path, key: str) -> None:
    _rewrite(folder, lambda values: values.pop(key))
    with pytest.raises(ModelError, match=f"{key}: expected .*, found nothing"):
        load_model(folder)


def test_unknown_keys_are_tolerated(folder: Path) -> None:
    _rewrite(folder, lambda values: values.update(colour="blue"))
    load_model(folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000])
def test_a_description_that_is_no_object_is_a_model_error(folder: Path, content: bytes) -> None:
    (folder / "model.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.json"):
        load_model(folder)


@pytest.mark.parametrize("kept", [0, 4, 8, 100, -4, -1])
def test_a_truncated_weights_file_with_a_fitting_digest_is_a_model_error(folder: Path, kept: int) -> None:
    _replace_weights(folder, (folder / "model.safetensors").read_bytes()[:kept])
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load_model(folder)


@pytest.mark.parametrize(
    "entry",
    [
        None,
        [],
        {},
        {"dtype": "F64", "shape": [4], "data_offsets": [0, 16]},
        {"dtype": "F32", "shape": [5], "data_offsets": [0, 20]},
        {"dtype": "F32", "shape": [4], "data_offsets": [-16, 0]},
        {"dtype": "F32", "shape": [4], "data_offsets": [0, 17]},
        {"dtype": "F32", "shape": [4], "data_offsets": [10**30, 10**30 + 16]},
        {"dtype": "F32", "shape": [4], "data_offsets": "0,16"},
        {"dtype": "F32", "shape": [4], "data_offsets": [0.0, 16.0]},
    ],
)
def test_a_lying_weights_header_is_a_model_error(folder: Path, entry: object) -> None:
    content = (folder / "model.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["block_1/conv0/bias"] = entry
    text = json.dumps(header).encode()
    _replace_weights(folder, len(text).to_bytes(8, "little") + text + content[8 + length :])
    with pytest.raises(ModelError, match="block_1/conv0/bias"):
        load_model(folder)


def test_numbers_that_are_not_finite_are_a_model_error(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-4:] = np.array([np.nan], "<f4").tobytes()
    _replace_weights(folder, bytes(content))
    with pytest.raises(ModelError, match="finite"):
        load_model(folder)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_damage_never_raises_anything_else(folder: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["model.json", "model.safetensors"]))
    original = {path.name: path.read_bytes() for path in folder.iterdir()}
    content = bytearray(original[name])
    last = min(len(content), 2000) - 1  # headers and descriptions are where damage bites
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, last))] = data.draw(st.integers(0, 255))
    try:
        if name == "model.safetensors":
            _replace_weights(folder, bytes(content))
        else:
            (folder / name).write_bytes(content)
        load_model(folder)
    except ModelError:
        pass
    finally:
        for file_name, file_content in original.items():
            (folder / file_name).write_bytes(file_content)
