"""Gradients and compilation, which Keras leaves to its backends: TensorFlow or JAX, chosen at start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import keras

Tensor: TypeAlias = Any
Tree: TypeAlias = Any  # nested dicts of tensors

if keras.backend.backend() == "jax":
    import jax

    def gradients(function: Callable[[Tree], tuple[Tensor, Any]], at: Tree) -> tuple[Tree, Any]:
        """Differentiate a scalar function by a tree of tensors.

        Parameters
        ----------
        function : callable
            Returns (value, anything else); may call `gradients` itself.
        at : tree of tensors
            Where.

        Returns
        -------
        gradients : tree like `at`
            Zero where the value does not depend on a tensor.
        rest : anything
            What the function returned beside its value.
        """
        slopes, rest = jax.grad(function, has_aux=True)(at)
        return slopes, rest

    def compiled(function: Callable[..., Any], reuses_first: bool = False) -> Callable[..., Any]:
        """Compile a function of tensor trees for its arguments' shapes.

        With `reuses_first` its first argument's memory is given to the result: it cannot be used again.
        """
        fast: Callable[..., Any] = jax.jit(function, donate_argnums=(0,) if reuses_first else ())
        return fast

else:
    import tensorflow as tf

    def gradients(function: Callable[[Tree], tuple[Tensor, Any]], at: Tree) -> tuple[Tree, Any]:
        """Differentiate a scalar function by a tree of tensors: see the version for JAX."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(at)
            value, rest = function(at)
        return tape.gradient(value, at, unconnected_gradients=tf.UnconnectedGradients.ZERO), rest

    def compiled(function: Callable[..., Any], reuses_first: bool = False) -> Callable[..., Any]:  # noqa: ARG001
        """Compile a function of tensor trees for its arguments' shapes: see the version for JAX."""
        fast: Callable[..., Any] = tf.function(function)
        return fast
