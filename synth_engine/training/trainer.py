"""The decoder's network, the instruments' Gaussians, optimiser and averages, stepped batch by batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from synth_engine.training import critic as criticism
from synth_engine.training import losses
from synth_engine.training.checkpoints import Checkpoint
from synth_engine.training.cropped import CroppedGenerator
from synth_engine.training.recipe import Recipe
from synth_engine.training.steps import Tensor, Tensors, adam, adam_rate, compiled, value_and_gradients

State: TypeAlias = dict[str, Tensors]

TERMS = ("magnitude", "frequency", "divergence_nats", "pooled", "fooled")
_FEATURE_WEIGHT = 10.0  # of the critic's activations, against 1 for its score


class Trainer:
    """All state of a run between two steps; a step is one pure function of it.

    Parameters
    ----------
    recipe : Recipe
        Every number of the run.
    instruments : int
        Rows of the table of Gaussians.

    Raises
    ------
    BackendError
        If Keras runs on neither TensorFlow nor JAX.
    """

    def __init__(self, recipe: Recipe, instruments: int) -> None:
        self.recipe = recipe
        self.step_number = 0
        size = recipe.architecture
        self._network = CroppedGenerator(size, recipe.seed, recipe.convolution_dtype, recipe.crop.block)
        self._network_fixed = _tensors(self._network.non_trainable_variables)
        draw = np.random.default_rng(recipe.seed).normal(size=(instruments, size.latent_size))
        tables = 0.8 * draw, np.full(draw.shape, recipe.first_log_variance)
        values = _tensors(self._network.trainable_variables)
        values += [ops.convert_to_tensor(table.astype(np.float32)) for table in tables]
        self._state: State = {"average": [ops.copy(value) for value in values], **_learned("weight", values)}
        self._gradients = value_and_gradients(self._loss)
        self._step = compiled(self._update)
        if recipe.adversarial_weight:
            self._critic = criticism.Critic(recipe.seed, recipe.convolution_dtype)
            self._critic_fixed = _tensors(self._critic.non_trainable_variables)
            self._state |= _learned("critic", _tensors(self._critic.trainable_variables))
            self._critic_gradients = value_and_gradients(self._critic_loss)

    def step(self, batch: Mapping[str, NDArray[Any]], progress: float) -> NDArray[np.float32]:
        """Learn one batch; returns the terms of the loss in the order of `TERMS`."""
        recipe = self.recipe
        rate = losses.learning_rate(progress, self.step_number, recipe.peak_rate)
        decay = min(recipe.averaging, (1 + self.step_number) / (10 + self.step_number))
        self.step_number += 1
        numbers = np.array([adam_rate(rate, self.step_number), decay], np.float32)
        tensors = {name: ops.convert_to_tensor(array) for name, array in batch.items()}
        self._state, terms = self._step(self._state, tensors, ops.convert_to_tensor(numbers))
        return np.array(ops.convert_to_numpy(terms), np.float32)

    def _loss(
        self, values: Tensors, batch: dict[str, Tensor], critic: Tensors | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        recipe = self.recipe
        *weights, mean_table, log_variance_table = values
        means = ops.matmul(batch["instruments"], mean_table)
        log_variances = ops.matmul(batch["instruments"], log_variance_table)
        latents = means + ops.exp(0.5 * log_variances) * batch["noise"]
        inputs = {**batch, "latents": latents}
        generated, _ = self._network.stateless_call(weights, self._network_fixed, inputs)
        real, shares = batch["real"], batch["frame_weights"]
        magnitude, frequency = losses.reconstruction(generated, real, shares, batch["loudness"])
        nats = ops.mean(losses.divergence(means, log_variances))
        pooled = losses.pooled(generated, real, shares)
        fooled = ops.zeros(()) if critic is None else self._fooled(critic, generated, batch)
        loss = recipe.magnitude_weight * magnitude + recipe.frequency_weight * frequency
        loss = loss + recipe.pooled_weight * pooled + recipe.divergence_weight * nats
        loss = loss + recipe.adversarial_weight * fooled
        return loss, (ops.stack([magnitude, frequency, nats, pooled, fooled]), generated)

    def _fooled(self, critic: Tensors, generated: Tensor, batch: dict[str, Tensor]) -> Tensor:
        scores, features = self._judge(critic, criticism.seen_generated(generated, batch))
        _, true = self._judge(critic, criticism.seen_real(batch))
        return _FEATURE_WEIGHT * criticism.feature_distance(true, features) - ops.mean(scores)

    def _judge(self, critic: Tensors, patches: Tensor) -> tuple[Tensor, Tensors]:
        judged: tuple[Tensor, Tensors] = self._critic.stateless_call(critic, self._critic_fixed, patches)[0]
        return judged

    def _critic_loss(self, critic: Tensors, real: Tensor, made: Tensor) -> tuple[Tensor, None]:
        return criticism.hinge(self._judge(critic, real)[0], self._judge(critic, made)[0]), None

    def _update(self, state: State, batch: dict[str, Tensor], numbers: Tensor) -> tuple[State, Tensor]:
        rate, decay = numbers[0], numbers[1]
        (_, (terms, generated)), gradients = self._gradients(state["weight"], batch, state.get("critic"))
        new = _moved(state, "weight", gradients, rate)
        pairs = zip(state["average"], new["weight"], strict=True)
        new["average"] = [decay * average + (1.0 - decay) * value for average, value in pairs]
        if "critic" in state:
            made = ops.stop_gradient(criticism.seen_generated(generated, batch))
            _, slopes = self._critic_gradients(state["critic"], criticism.seen_real(batch), made)
            new |= _moved(state, "critic", slopes, rate)
        return new, terms

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything a resumed run needs, by name."""
        return {
            f"{group}/{i}": np.array(ops.convert_to_numpy(value))
            for group, values in self._state.items()
            for i, value in enumerate(values)
        }

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint.

        Raises
        ------
        KeyError
            If it is of another recipe.
        """
        self._state = {
            group: [ops.convert_to_tensor(checkpoint.tensors[f"{group}/{i}"]) for i in range(len(values))]
            for group, values in self._state.items()
        }
        self.step_number = checkpoint.step

    def begin_with(self, values: Sequence[NDArray[np.float32]]) -> None:
        """Start from given weights and tables (means, log variances), with a fresh optimiser."""
        for group in ("weight", "average"):
            self._state[group] = [ops.convert_to_tensor(value) for value in values]


def _tensors(variables: Sequence[keras.Variable]) -> Tensors:
    return [ops.convert_to_tensor(variable) for variable in variables]


def _learned(group: str, values: Tensors) -> State:
    """A group of tensors to learn, with Adam's averages."""
    averages = {f"{group}_{kind}": [ops.zeros_like(v) for v in values] for kind in ("mean", "square")}
    return {group: values, **averages}


def _moved(state: State, group: str, gradients: Tensors, rate: Tensor) -> State:
    names = group, f"{group}_mean", f"{group}_square"
    values, means, squares = (state[name] for name in names)
    return dict(zip(names, adam(values, means, squares, gradients, rate), strict=True))
