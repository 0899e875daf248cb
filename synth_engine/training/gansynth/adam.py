"""Adam as a function of its state, since Keras' own cannot be one under TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from keras import ops
from numpy.typing import NDArray

Tensor: TypeAlias = Any
Tensors: TypeAlias = Mapping[str, Tensor]


@dataclass(frozen=True)
class Adam:
    """The optimiser's numbers.

    Attributes
    ----------
    rate : float
        Learning rate.
    first_decay, second_decay : float
        Decay of the running means of gradients and of their squares, a step.
    floor : float
        Added to the root of the mean square, before the bias of the first steps is taken out (TensorFlow's
        and Keras' reading of the paper's epsilon-hat).

    Source: Kingma and Ba, Adam: A Method for Stochastic Optimization (ICLR 2015), end of section 2.
    """

    rate: float = 8e-4
    first_decay: float = 0.0
    second_decay: float = 0.99
    floor: float = 1e-8

    def apply(self, weights: Tensors, gradients: Tensors, moments: Tensors) -> tuple[Tensors, Tensors]:
        """Return weights and moments after one step."""
        steps = moments["steps"] + 1.0
        bias = ops.sqrt(1.0 - ops.power(self.second_decay, steps)) / (
            1.0 - ops.power(self.first_decay, steps)
        )
        moved: dict[str, Tensor] = {}
        kept: dict[str, Tensor] = {"steps": steps}
        for name, gradient in gradients.items():
            first = self.first_decay * moments[f"{name}/first"] + (1.0 - self.first_decay) * gradient
            second = moments[f"{name}/second"]
            second = second + (1.0 - self.second_decay) * (ops.square(gradient) - second)
            moved[name] = weights[name] - self.rate * bias * first / (ops.sqrt(second) + self.floor)
            kept[f"{name}/first"], kept[f"{name}/second"] = first, second
        return moved, kept


def zero_moments(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    """State before the first step: two zero arrays a weight, and the step counter."""
    zeros = {f"{name}/{moment}": shape for name, shape in shapes.items() for moment in ("first", "second")}
    return {name: np.zeros(shape, np.float32) for name, shape in {"steps": (), **zeros}.items()}
