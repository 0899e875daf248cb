"""The Keras network against activations and waves of the original."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synth_engine.generator.architecture import Architecture
from synth_engine.generator.spectral import spectrograms_to_waves

tf = pytest.importorskip("tensorflow", reason="the reference network needs TensorFlow")
network_module = pytest.importorskip("synth_engine.generator.network")
Generator, fold_upsampling = network_module.Generator, network_module.fold_upsampling

GOLDEN = Path(__file__).parents[4] / "shared" / "golden" / "gansynth"
needs_golden = pytest.mark.skipif(
    not GOLDEN.is_dir(), reason=f"golden data of the original is not at {GOLDEN}"
)

_PREFIX = "Generator/progressive_gan_generator/progressive_gan_"


def _original(folder: str, architecture: Architecture) -> Any:
    """Build a generator with the averaged weights of an original checkpoint."""
    stage = next((GOLDEN / "ckpt" / folder).glob("stage_*"))
    (index,) = stage.glob("model.ckpt-*.index")
    checkpoint = tf.train.load_checkpoint(str(index.with_suffix("")))
    weights = {}
    for name in architecture.weight_shapes():
        stored = f"{_PREFIX}{name.replace('/kernel', '/conv2d/kernel')}/ExponentialMovingAverage"
        weights[name] = checkpoint.get_tensor(stored)
    network = Generator(architecture)
    network.assign_named_weights(weights)
    return network


def _inputs(golden: dict[str, np.ndarray], architecture: Architecture) -> dict[str, np.ndarray]:
    one_hots = np.eye(len(architecture.pitches), dtype=np.float32)[golden["labels"].reshape(-1)]
    return {"latents": golden["z"].astype(np.float32), "one_hots": one_hots}


def _read(name: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / name) as file:
        return dict(file)


@needs_golden
def test_small_network_equals_the_original() -> None:
    golden = _read("small_final.npz")
    architecture = Architecture((8, 8, 4), latent_size=16, wave_frames=320)
    network = _original("small_final", architecture)
    inputs = _inputs(golden, architecture)
    hook = np.asarray(network.hook(inputs["latents"], inputs["one_hots"]))
    np.testing.assert_allclose(hook, golden["act:block_1/conv0"], atol=1e-4)
    spectrograms = np.asarray(network(inputs))
    np.testing.assert_allclose(spectrograms, golden["mel_specgram"], atol=1e-3)
    waves = spectrograms_to_waves(spectrograms, architecture.representation)
    np.testing.assert_allclose(waves, golden["waves"][..., 0], atol=1e-3)


@needs_golden
def test_network_of_seven_blocks_equals_the_original() -> None:
    golden = _read("tiny_hires.npz")
    architecture = Architecture((8, 8, 8, 8, 8, 8, 4))
    network = _original("tiny_hires", architecture)
    spectrograms = np.asarray(network(_inputs(golden, architecture)))
    np.testing.assert_allclose(spectrograms[:1], golden["mel_specgram"], atol=1e-2)
    waves = spectrograms_to_waves(spectrograms)
    error = np.sqrt(np.mean((waves - golden["waves"][..., 0]) ** 2) / np.mean(golden["waves"] ** 2))
    assert error < 2e-3


def test_folded_upsampling_equals_upsampling_then_convolving() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 5, 4)).astype(np.float32)
    kernel = rng.normal(size=(3, 3, 4, 6)).astype(np.float32)
    plain = tf.nn.conv2d(np.repeat(np.repeat(x, 2, 1), 2, 2), kernel, 1, "SAME")
    folded = tf.nn.conv2d_transpose(x, fold_upsampling(kernel), plain.shape, 2, "SAME")
    np.testing.assert_allclose(folded, plain, atol=1e-4)


def test_base_step_is_the_frequency_of_an_untrained_output_bias() -> None:
    architecture = Architecture((4, 4, 4), latent_size=4, harmonic_maps=True, wave_frames=250)
    network = Generator(architecture)
    silent = {name: np.zeros_like(weight) for name, weight in network.named_weights().items()}
    network.assign_named_weights(silent)
    base = np.linspace(-1.0, 0.99, 2 * 64, dtype=np.float32).reshape(2, 64)
    inputs = {
        "latents": np.zeros((2, 4), np.float32),
        "one_hots": np.zeros((2, 61), np.float32),
        "maps": np.zeros((2, 64, 5), np.float32),
        "base_steps": base,
    }
    steps = np.asarray(network(inputs))[..., 1]
    np.testing.assert_allclose(steps, np.broadcast_to(base[:, None], steps.shape), atol=1e-6)


def test_half_precision_convolutions_stay_close_to_the_reference() -> None:
    architecture = Architecture((16, 16, 16), latent_size=4, wave_frames=250)
    reference, half = Generator(architecture, seed=1), Generator(architecture, 1, "bfloat16")
    half.assign_named_weights(reference.named_weights())
    rng = np.random.default_rng(0)
    inputs = {
        "latents": rng.normal(size=(3, 4)).astype(np.float32),
        "one_hots": np.eye(61, dtype=np.float32)[[0, 30, 60]],
    }
    difference = np.abs(np.asarray(reference(inputs)) - np.asarray(half(inputs)))
    assert difference[..., 1].mean() < 0.02
