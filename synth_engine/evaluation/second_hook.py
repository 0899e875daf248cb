"""A hook behind block 1's second layer, to measure whether directions found there are better ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from synth_engine.generator.architecture import LEAKY_SLOPE, runtime_scale
from synth_engine.generator.compiled import build_graph
from synth_engine.generator.entry import pixel_norm
from synth_engine.generator.model import Model
from synth_engine.generator.runtime import NoteRenderer

FloatArray = NDArray[np.float32]

LAYER = "block_1/conv1"


def second_layer(model: Model) -> Callable[[FloatArray], FloatArray]:
    """Block 1's second layer in NumPy: from hooks to its activations, both (n, frames, bins, channels)."""
    name = f"{LAYER}/kernel"
    kernel = model.weights[name] * np.float32(runtime_scale(name, model.weights[name].shape))
    rows, taps = kernel.shape[:2]
    bias = model.weights[f"{LAYER}/bias"]

    def activate(hooks: FloatArray) -> FloatArray:
        padded = np.pad(hooks, ((0, 0), (rows // 2, rows // 2), (taps // 2, taps // 2), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (rows, taps), axis=(1, 2))
        maps = np.einsum("nhwcij,ijcf->nhwf", windows, kernel, optimize=True) + bias
        return pixel_norm(np.where(maps < 0.0, np.float32(LEAKY_SLOPE) * maps, maps))

    return activate


class SecondHookRenderer(NoteRenderer):
    """A renderer that adds `offset` to the second layer's activation.

    Attributes
    ----------
    offset : NDArray[np.float32], shape (frames, bins, channels)
        Added to the next note rendered.
    """

    def __init__(self, model: Model) -> None:
        super().__init__(model, threads=1)
        self.offset = np.zeros(model.hook_shape, np.float32)
        graph = build_graph(model.architecture, model.weights)
        frames, bins, channels = model.hook_shape
        added = op.parameter([1, channels, frames, bins], np.float32, name="second_offset")
        node = next(node for node in graph.get_ops() if node.get_friendly_name() == LAYER)
        readers = list(node.output(0).get_target_inputs())
        total = op.add(node, added)
        for reader in readers:
            reader.replace_source_output(total.output(0))
        graph.add_parameters([added])
        graph.validate_nodes_and_infer_types()
        options = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
        self._request = ov.Core().compile_model(graph, "CPU", options).create_infer_request()

    def _inputs(self, hook: FloatArray, pitch: float) -> list[FloatArray]:
        return [*super()._inputs(hook, pitch), np.ascontiguousarray(np.moveaxis(self.offset, -1, 0)[None])]
