"""The Keras network by itself; its numbers against the original's are in test_golden."""

from __future__ import annotations

import numpy as np
import pytest

from synth_engine.generator.architecture import Architecture

tf = pytest.importorskip("tensorflow", reason="the reference network needs TensorFlow")
network_module = pytest.importorskip("synth_engine.generator.network")
Generator, fold_upsampling = network_module.Generator, network_module.fold_upsampling


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
