"""A model small enough to render many notes in a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth_engine.generator.random_model import make_random_model


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    make_random_model(path, seed=1)
    return path


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared: the network is compiled once."""
    return tmp_path_factory.mktemp("cache")
