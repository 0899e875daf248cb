"""The network behind the hook as an OpenVINO graph, built straight from the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from synth_engine.generator.architecture import LEAKY_SLOPE, NORM_FLOOR, Architecture, runtime_scale

Node: TypeAlias = Any  # an output of an OpenVINO operation; the library has no stubs
FloatArray = NDArray[np.float32]


def fold_upsampling(kernel: FloatArray) -> FloatArray:
    """Turn a 3 x 3 kernel behind a nearest x2 into a 4 x 4 stride-2 transposed kernel: the same sums.

    An output row between two input rows meets the same input through two taps, so these taps are added once
    here instead of at every position: 4/9 of the multiplications, exact but for rounding.

    Parameters
    ----------
    kernel : NDArray[np.float32], shape (3, 3, in, out)

    Returns
    -------
    NDArray[np.float32], shape (4, 4, in, out)
    """
    for axis in (0, 1):
        first, second, third = (np.take(kernel, [i], axis=axis) for i in range(3))
        kernel = np.concatenate([third, second + third, first + second, first], axis=axis)
    return kernel


class _GraphBuilder:
    """Adds layers to a graph in channels-first order, one note at a time."""

    def __init__(self, architecture: Architecture, weights: Mapping[str, FloatArray]) -> None:
        self.size = architecture
        self._weights = weights

    def _kernel(self, name: str) -> FloatArray:
        kernel = self._weights[name]
        return (kernel * np.float32(runtime_scale(name, kernel.shape))).astype(np.float32)

    def _convolve(self, x: Node, kernel: FloatArray) -> Node:
        rows, bins = (side // 2 for side in kernel.shape[:2])
        taps = op.constant(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)))
        return op.convolution(x, taps, [1, 1], [rows, bins], [rows, bins], [1, 1])

    def _activate(self, x: Node, name: str) -> Node:
        bias = self._weights[f"{name}/bias"].reshape(1, -1, 1, 1)
        x = op.prelu(op.add(x, op.constant(bias)), op.constant(np.array([LEAKY_SLOPE], np.float32)))
        power = op.reduce_mean(op.multiply(x, x), op.constant(np.array([1])), keep_dims=True)
        x = op.divide(x, op.sqrt(op.add(power, op.constant(np.float32(NORM_FLOOR)))))
        return _named(x, name)

    def layer(self, x: Node, name: str) -> Node:
        """Convolution 3 x 3, bias, leaky ReLU, pixel norm."""
        return self._activate(self._convolve(x, self._kernel(f"{name}/kernel")), name)

    def doubling_layer(self, x: Node, name: str, maps: Node | None) -> Node:
        """Nearest x2 and convolution 3 x 3 in one, plus the maps' bias per bin; the rest as `layer`."""
        folded = fold_upsampling(self._kernel(f"{name}/kernel")).transpose(2, 3, 0, 1)
        taps = op.constant(np.ascontiguousarray(folded))
        y = op.convolution_backprop_data(x, taps, [2, 2], None, [1, 1], [1, 1], [1, 1])
        if maps is not None:
            y = op.add(y, self._convolve(maps, self._kernel(f"{name}/maps_kernel")))
        return self._activate(y, name)

    def pooled(self, maps: Node, bins: int) -> Node:
        """Average maps (1, channels, 1, all bins) down to the bins of a block."""
        pool = self.size.representation.bins // bins
        if pool == 1:
            return maps
        return op.avg_pool(maps, [1, pool], [0, 0], [0, 0], [1, pool], exclude_pad=True)

    def image(self, x: Node, block: int) -> Node | None:
        """Weighted output of a block in the network's range, None where the architecture has none."""
        weights = self.size.output_weights
        if block not in weights:
            return None
        name = f"block_{block}/to_rgb"
        bias = op.constant(self._weights[f"{name}/bias"].reshape(1, 2, 1, 1))
        rgb = _named(op.tanh(op.add(self._convolve(x, self._kernel(f"{name}/kernel")), bias)), name)
        return rgb if len(weights) == 1 else op.multiply(rgb, op.constant(np.float32(weights[block])))

    def output(self, image: Node, base_step: Node | None) -> Node:
        """Denormalised, frequency wrapped onto the base step."""
        constants = (np.array(v, np.float32).reshape(1, 2, 1, 1) for v in (self.size.offset, self.size.scale))
        offset, scale = (op.constant(v) for v in constants)
        channels = op.divide(op.subtract(image, offset), scale)
        if base_step is None:
            return channels
        two = op.constant(np.float32(2.0))
        level, deviation = op.split(channels, op.constant(np.int64(1)), 2).outputs()
        steps = op.add(deviation, base_step)
        turns = op.floor(op.divide(op.add(steps, op.constant(np.float32(1.0))), two))
        return op.concat([level, op.subtract(steps, op.multiply(two, turns))], 1)


def _named(node: Node, name: str) -> Node:
    node.set_friendly_name(name)  # for profiles, and to look at activations
    return node


def _repeat(image: Node | None, times: int) -> Node | None:
    """Every position `times` times along both axes (nearest upsampling)."""
    if image is None or times == 1:
        return image
    _, channels, frames, bins = image.output(0).shape
    split = op.reshape(image, op.constant(np.array([channels, frames, 1, bins, 1])), special_zero=False)
    wide = op.broadcast(split, op.constant(np.array([channels, frames, times, bins, times])))
    return op.reshape(
        wide, op.constant(np.array([1, channels, frames * times, bins * times])), special_zero=False
    )


def _sum(first: Node | None, second: Node | None) -> Node | None:
    if first is None or second is None:
        return second if first is None else first
    return op.add(first, second)


def build_graph(architecture: Architecture, weights: Mapping[str, FloatArray]) -> ov.Model:
    """Build the graph of everything behind the hook, for one note.

    Parameters
    ----------
    architecture : Architecture
        Sizes.
    weights : mapping
        All weights by name.

    Returns
    -------
    openvino.Model
        Inputs: hook (1, *hook_shape) and, with harmonic maps, maps (1, 1, bins, channels) and base step
        (1, 1, 1, bins). Output: (1, 2, frames, bins): the two channels of the architecture's `kind`.
    """
    builder = _GraphBuilder(architecture, weights)
    channels_first = op.constant(np.array([0, 3, 1, 2]))
    inputs = [op.parameter([1, *architecture.hook_shape], np.float32, name="hook")]
    x = builder.layer(op.transpose(inputs[0], channels_first), "block_1/conv1")
    image = builder.image(x, 1)
    maps = base_step = None
    if architecture.harmonic_maps:
        bins = architecture.representation.bins
        inputs.append(op.parameter([1, 1, bins, architecture.map_channels], np.float32, name="maps"))
        inputs.append(op.parameter([1, 1, 1, bins], np.float32, name="base_step"))
        maps, base_step = op.transpose(inputs[1], channels_first), inputs[2]
    for block in range(2, architecture.blocks + 1):
        has_maps = architecture.has_maps(block)
        block_maps = builder.pooled(maps, architecture.block_bins(block)) if has_maps else None
        x = builder.doubling_layer(x, f"block_{block}/conv0", block_maps)
        x = builder.layer(x, f"block_{block}/conv1")
        image = _sum(_repeat(image, 2), builder.image(x, block))
    image = _repeat(image, architecture.repeats(architecture.blocks))
    return ov.Model([builder.output(image, base_step)], inputs, "generator")
