"""One child process answers all questions to JAX: a process has one Keras backend."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[4]

Group = Callable[[str], dict[str, np.ndarray]]


@pytest.fixture(scope="session")
def jax_answers(tmp_path_factory: pytest.TempPathFactory) -> Group:
    """Arrays of one group of `jax_child`'s answers."""
    pytest.importorskip("jax")
    path = tmp_path_factory.mktemp("jax") / "answers.npz"
    environment = {
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0",
    }
    module = "tests.synth_engine.training.gansynth.jax_child"
    subprocess.run(
        [sys.executable, "-m", module, str(path)], check=True, cwd=ROOT, env={**os.environ, **environment}
    )
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    return lambda name: {
        key.split("|", 1)[1]: value for key, value in arrays.items() if key.startswith(f"{name}|")
    }
