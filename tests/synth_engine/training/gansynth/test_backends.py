"""The same step on TensorFlow, on JAX without TensorFlow, and on two JAX devices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from tests.synth_engine.training.gansynth.conftest import Group
from tests.synth_engine.training.gansynth.one_step import Arrays, steps


def check_close(found: Arrays, expected: Arrays) -> None:
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        # Adam without a first moment moves a weight by its gradient's sign, be it ever so small.
        atol = 1e-4 if ":" in key else 2e-4 * max(1.0, float(np.abs(value)))
        np.testing.assert_allclose(found[key], value, rtol=1e-4, atol=atol, err_msg=key)


def test_a_step_while_a_block_is_let_in_is_the_same_on_both_backends(
    tmp_path: Path, jax_answers: Group
) -> None:
    check_close(steps(tmp_path, 1), jax_answers("devices_1"))


def test_two_devices_learn_what_one_does(jax_answers: Group) -> None:
    check_close(jax_answers("devices_2"), jax_answers("devices_1"))
