"""Every backend against activations, spectrograms and waves of the original, and against each other."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from synth_engine.generator.model import Model
from synth_engine.generator.runtime import Entry, NoteRenderer
from tests.synth_engine.gansynth.golden import GOLDEN, needs_golden
from tests.synth_engine.generator import golden_sets
from tests.synth_engine.generator.golden_sets import OTHERS, SETS, Answers, errors, read_golden

QUICK_TO_COMPILE = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def jax_answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("jax", reason="the other backend is not installed")
    path = tmp_path_factory.mktemp("jax") / "answers.npz"
    sets = list(SETS) if GOLDEN.is_dir() else []
    subprocess.run(
        [sys.executable, "-m", golden_sets.__name__, str(path), *sets],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": QUICK_TO_COMPILE},
        check=True,
    )
    return path


@cache
def _openvino_answers(name: str) -> Answers:
    return golden_sets.openvino_answers(SETS[name], read_golden(name))


def _answers(backend: str, name: str, request: pytest.FixtureRequest) -> Answers:
    if backend == "jax":
        return golden_sets.read_answers(request.getfixturevalue("jax_answers"), name)
    if backend == "openvino":
        return _openvino_answers(name)
    pytest.importorskip("tensorflow", reason="the reference network needs TensorFlow")
    return golden_sets.keras_answers(SETS[name], read_golden(name))


@needs_golden
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "openvino"])
def test_a_backend_equals_the_original(backend: str, name: str, request: pytest.FixtureRequest) -> None:
    golden = SETS[name]
    found = errors(golden, read_golden(name), _answers(backend, name, request))
    assert found["activation"] <= golden.activation
    assert found["mel"] <= golden.mel
    assert found["waves"] <= golden.waves


@needs_golden
@pytest.mark.parametrize("name", ["small_final", "small_blend"])
def test_raw_weights_make_the_other_spectrograms_of_the_original(name: str) -> None:
    golden, arrays = SETS[name], read_golden(name)
    found = {}
    for averaged in (True, False):
        weights = golden_sets.original_weights(golden, golden.architecture, averaged=averaged)
        model = Model(golden.architecture, weights)
        pitches = arrays["pitches"].astype(float)
        hooks = Entry(model).activate(arrays["z"], pitches)
        found[averaged] = NoteRenderer(model).spectrograms(hooks, pitches)
    np.testing.assert_allclose(found[False], arrays["mel_specgram_raw_weights"], atol=golden.mel)
    assert np.abs(found[False] - found[True]).max() > 1.0


@needs_golden
def test_the_full_size_network_has_the_statistics_of_the_original() -> None:
    arrays = read_golden("hires_seeded")
    spectrograms = _openvino_answers("hires_seeded").spectrograms
    means, deviations = spectrograms.mean(axis=(1, 2)), spectrograms.std(axis=(1, 2))
    found = np.stack([means[:, 0], deviations[:, 0], means[:, 1], deviations[:, 1]], axis=1)
    np.testing.assert_allclose(found, arrays["mel_mean_std"], atol=1e-4)


@pytest.mark.parametrize("name", OTHERS)
def test_backends_agree_where_the_original_has_no_numbers(name: str, jax_answers: Path) -> None:
    pytest.importorskip("tensorflow", reason="the reference network needs TensorFlow")
    model, latents, pitches = golden_sets.other_inputs(name)
    expected = golden_sets.keras_other(name)
    assert expected.shape == (3, model.representation.frames, model.representation.bins, 2)
    with np.load(jax_answers) as file:
        by_jax = file[f"{name}/other"]
    by_openvino = NoteRenderer(model).spectrograms(Entry(model).activate(latents, pitches), pitches)
    for found in (by_jax, by_openvino):
        difference = np.abs(found - expected)
        if model.architecture.harmonic_maps:  # a full turn is no difference
            difference[..., 1] = np.minimum(difference[..., 1], 2.0 - difference[..., 1])
        assert difference.max() < 1e-3
