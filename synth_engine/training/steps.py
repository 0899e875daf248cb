"""What one training step needs of its backend, TensorFlow or JAX: gradients, compilation, Adam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import keras
from keras import ops

Tensor: TypeAlias = Any
Tensors: TypeAlias = list[Tensor]

_MEAN_DECAY, _SQUARE_DECAY, _FLOOR = 0.9, 0.99, 1e-8


class BackendError(RuntimeError):
    """Keras runs on a backend that cannot train here."""


def value_and_gradients(
    loss: Callable[..., tuple[Tensor, Any]],
) -> Callable[..., tuple[tuple[Any, Any], Any]]:
    """Return a function that gives ((loss, more), gradients with respect to its first argument).

    Parameters
    ----------
    loss : callable
        Takes a list of tensors and further arguments; returns a scalar and anything else.

    Raises
    ------
    BackendError
        If Keras runs on neither TensorFlow nor JAX.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        import jax  # noqa: PLC0415  # only one backend is installed as a rule

        differentiated: Callable[..., tuple[tuple[Any, Any], Any]] = jax.value_and_grad(loss, has_aux=True)
        return differentiated
    if backend != "tensorflow":
        raise BackendError(f"training runs on TensorFlow or JAX, Keras is set to {backend}")
    import tensorflow as tf  # noqa: PLC0415

    def both(values: Tensors, *arguments: Any) -> tuple[tuple[Any, Any], Any]:
        with tf.GradientTape() as tape:
            tape.watch(values)
            charged, more = loss(values, *arguments)
        return (charged, more), tape.gradient(charged, values)

    return both


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a pure function of tensors; on JAX it may use the memory of its first argument again."""
    if keras.backend.backend() == "jax":
        import jax  # noqa: PLC0415

        jitted: Callable[..., Any] = jax.jit(function, donate_argnums=(0,))
        return jitted
    import tensorflow as tf  # noqa: PLC0415

    traced: Callable[..., Any] = tf.function(function, reduce_retracing=True)
    return traced


def adam_rate(rate: float, step: int) -> float:
    """Return the rate with the correction for averages that began at zero; steps are counted from 1."""
    return float(rate * (1.0 - _SQUARE_DECAY**step) ** 0.5 / (1.0 - _MEAN_DECAY**step))


def adam(
    values: Tensors, means: Tensors, squares: Tensors, gradients: Tensors, rate: Tensor
) -> tuple[Tensors, Tensors, Tensors]:
    """Take one step: new values, averages of the gradients, averages of their squares.

    Keras' own optimisers have no pure form on TensorFlow.

    Source: Kingma and Ba, Adam: A Method for Stochastic Optimization (ICLR 2015).
    """
    new: tuple[Tensors, Tensors, Tensors] = ([], [], [])
    for value, mean, square, gradient in zip(values, means, squares, gradients, strict=True):
        mean = _MEAN_DECAY * mean + (1.0 - _MEAN_DECAY) * gradient  # noqa: PLW2901
        square = _SQUARE_DECAY * square + (1.0 - _SQUARE_DECAY) * ops.square(gradient)  # noqa: PLW2901
        moved = value - rate * mean / (ops.sqrt(square) + _FLOOR)
        for row, tensor in zip(new, (moved, mean, square), strict=True):
            row.append(tensor)
    return new
