"""Discriminator, losses and gradients against the original's own numbers, on both backends."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from tests.synth_engine.training.gansynth.conftest import Group
from tests.synth_engine.training.gansynth.golden_losses import GOLDEN, SETS, Arrays, answers, read_golden

pytestmark = pytest.mark.skipif(not GOLDEN.exists(), reason="the golden data is not there")

TOLERANCE = 1e-4  # of the largest value of an array, as the data's README suggests
MEL_TOLERANCE = 1e-3  # absolute

TRAINED = ("d_", "loss_", "ggrad:", "real_blended", "mel_specgram_raw_weights")


def check(name: str, found: Arrays) -> None:
    golden = {key: value for key, value in read_golden(name).items() if key.startswith(TRAINED)}
    assert len(golden) == 34
    for key, expected in golden.items():
        if key not in found:  # an output layer that this stage does not blend
            assert "to_rgb" in key
            assert not expected.any()
        elif key == "mel_specgram_raw_weights":
            np.testing.assert_allclose(found[key], expected, atol=MEL_TOLERANCE)
        else:
            largest = max(float(np.abs(expected).max()), 1e-12)
            np.testing.assert_allclose(found[key], expected, rtol=0, atol=TOLERANCE * largest, err_msg=key)


@pytest.mark.parametrize("name", SETS)
def test_tensorflow_reproduces_discriminator_losses_and_gradients(name: str) -> None:
    check(name, answers(name))


@pytest.mark.parametrize("name", SETS)
def test_jax_reproduces_discriminator_losses_and_gradients(name: str, jax_answers: Group) -> None:
    check(name, jax_answers(name))
