"""The presets that come with the program can be played on the model that comes with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import synth_engine
from mappings.catalogue import CATALOGUE
from mappings.presets import PresetStore, shipped_presets_dir
from pca_cache.latent_point import LatentPoint

MODEL = Path(synth_engine.__file__).parent / "models" / "default" / "model.json"
FILES = sorted(shipped_presets_dir().glob("*.json"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PresetStore:
    return PresetStore(shipped_presets_dir(), tmp_path_factory.mktemp("user"))


def test_there_are_some_and_all_can_be_read_without_a_warning(store: PresetStore) -> None:
    assert len(store.names()) == len(FILES) >= 12
    assert store.warnings == ()


@pytest.mark.parametrize("number", range(len(FILES)))
def test_its_anchors_are_in_the_embedded_model(store: PresetStore, number: int) -> None:
    anchors = json.loads(MODEL.read_text())["anchors"]
    point = LatentPoint.from_json(store.load(number).latent)
    assert {name for name, _ in point.weights} <= set(anchors)


@pytest.mark.parametrize("number", range(len(FILES)))
def test_it_says_what_it_is_and_keeps_every_value(store: PresetStore, number: int) -> None:
    preset = store.load(number)
    assert preset.notes
    assert preset.author
    assert all(CATALOGUE[path].clamp(value) == value for path, value in preset.parameters.items())
    assert FILES[number].name.startswith(f"{number + 1:02d}-")
