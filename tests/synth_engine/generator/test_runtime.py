"""The play-time runtime against the Keras reference."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from synth_engine.generator.architecture import Architecture
from synth_engine.generator.entry import one_hots_of_pitches
from synth_engine.generator.harmonic import maps_of_pitch
from synth_engine.generator.model import Model
from synth_engine.generator.model_folder import save_model
from synth_engine.generator.random_model import random_model
from synth_engine.generator.runtime import Entry, NoteRenderer
from synth_engine.generator.spectral import Kind, spectrograms_to_waves

PITCHES = np.array([24.0, 60.0, 84.0, 61.5])


KINDS = {
    "maps": {"harmonic_maps": True},
    "no maps": {},
    "voicing": {"harmonic_maps": True, "voicing": 4},
    "trim": {"harmonic_maps": True, "trim_frames": (1, 5, 9)},
}


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    size = Architecture((16, 16, 8, 8), latent_size=8, wave_frames=1000, **KINDS[request.param])
    return save_model(random_model(size, seed=3), tmp_path_factory.mktemp("model"))


def _latents(model: Model, notes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(notes, model.latent_size)).astype(np.float32)


def _reference(model: Model, latents: np.ndarray, pitches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    network = pytest.importorskip("synth_engine.generator.network").Generator(model.architecture)
    network.assign_named_weights(model.weights)
    one_hots = one_hots_of_pitches(pitches, model.pitches)
    maps = [maps_of_pitch(float(p), model.representation) for p in pitches]
    hook = network.hook(latents, one_hots)
    steps = np.stack([m.base_step for m in maps])
    inputs = {"maps": np.stack([m.channels for m in maps]), "slots": np.stack([m.slots for m in maps])}
    made = network.spectrograms(hook, network.note_maps(hook, **inputs), steps)
    return np.asarray(hook), np.asarray(network.trimmed(made, hook, inputs))


def test_entry_and_renderer_equal_the_reference_network(model: Model) -> None:
    latents = _latents(model, len(PITCHES))
    expected_hooks, expected = _reference(model, latents, PITCHES)
    hooks = Entry(model).activate(latents, PITCHES)
    assert hooks.shape == (len(PITCHES), *model.hook_shape)
    np.testing.assert_allclose(hooks, expected_hooks, atol=1e-4)
    found = NoteRenderer(model).spectrograms(hooks, PITCHES)
    difference = np.abs(found - expected)
    assert difference[..., 0].max() < 1e-3
    turned = np.minimum(difference[..., 1], 2.0 - difference[..., 1])  # a full turn is no difference
    assert turned.max() < 1e-3


def test_waves_are_the_synthesis_of_the_spectrograms(model: Model) -> None:
    entry, renderer = Entry(model), NoteRenderer(model, threads=2)
    hooks = entry.activate(_latents(model, 2), PITCHES[:2])
    waves = renderer.waves(hooks, PITCHES[:2])
    assert waves.shape == (2, model.representation.wave_frames)
    assert waves.dtype == np.float32
    assert np.isfinite(waves).all()
    assert np.abs(waves).max() > 0.0


@pytest.mark.parametrize("kind", ["mel", "linear", "phase"])
def test_waves_are_the_synthesis_of_the_models_own_kind(kind: Kind) -> None:
    architecture = Architecture((8, 8), 6, start_frames=4, start_bins=8, wave_frames=70, kind=kind)
    model = random_model(architecture, seed=1)
    entry, renderer = Entry(model), NoteRenderer(model)
    hooks = entry.activate(_latents(model, 2), PITCHES[:2])
    expected = spectrograms_to_waves(renderer.spectrograms(hooks, PITCHES[:2]), model.representation)
    np.testing.assert_array_equal(renderer.waves(hooks, PITCHES[:2]), expected)
    assert expected.shape == (2, 70)


def test_pitches_with_gaps_share_their_neighbours_weights() -> None:
    rows = one_hots_of_pitches(np.array([0.0, 36.0, 38.0, 127.0]), (24, 36, 40))
    np.testing.assert_allclose(rows, [[1, 0, 0], [0, 1, 0], [0, 0.5, 0.5], [0, 0, 1]])
    np.testing.assert_array_equal(one_hots_of_pitches(np.array([10.0, 60.0]), (60,)), [[1], [1]])


def test_a_fractional_pitch_lies_between_its_neighbours(model: Model) -> None:
    rows = one_hots_of_pitches(np.array([60.25, 10.0, 99.0]), model.pitches)
    assert rows[0, 36] == pytest.approx(0.75)
    assert rows[0, 37] == pytest.approx(0.25)
    assert rows[1, 0] == 1.0
    assert rows[2, -1] == 1.0
    np.testing.assert_allclose(rows.sum(axis=1), 1.0)


def test_wrong_shapes_are_told_apart_from_notes(model: Model) -> None:
    with pytest.raises(ValueError, match="latents"):
        Entry(model).activate(np.zeros((2, 3), np.float32), PITCHES[:2])
    with pytest.raises(ValueError, match="hooks"):
        NoteRenderer(model).spectrograms(np.zeros((1, 2, 16, 3), np.float32), PITCHES[:1])


def test_no_notes_give_no_notes(model: Model) -> None:
    hooks = Entry(model).activate(_latents(model, 0), PITCHES[:0])
    assert NoteRenderer(model).waves(hooks, PITCHES[:0]).shape == (0, model.representation.wave_frames)


def test_a_second_renderer_finds_the_compiled_network(model: Model, tmp_path: Path) -> None:
    hooks = Entry(model).activate(_latents(model, 1), PITCHES[:1])
    first = NoteRenderer(model, cache_dir=tmp_path).spectrograms(hooks, PITCHES[:1])
    assert list((tmp_path / model.digest).iterdir())
    second = NoteRenderer(model, cache_dir=tmp_path).spectrograms(hooks, PITCHES[:1])
    np.testing.assert_array_equal(first, second)


def test_runtime_loads_no_tensorflow() -> None:
    code = (
        "import sys, synth_engine.generator.runtime;"
        "print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    )
    root = Path(__file__).parents[3]
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_half_precision_stays_close(model: Model) -> None:
    hooks = Entry(model).activate(_latents(model, 1), PITCHES[1:2])
    exact = NoteRenderer(model).spectrograms(hooks, PITCHES[1:2])
    half = NoteRenderer(model, precision="bfloat16").spectrograms(hooks, PITCHES[1:2])
    assert np.abs(exact - half)[..., 0].mean() < 0.5
