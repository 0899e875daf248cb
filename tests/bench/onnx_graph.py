"""The graph that OpenVINO gets, operation by operation as ONNX, for runtimes that read that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import openvino as ov
from onnx import TensorProto, helper, numpy_helper

OPSET = 18
_SAME_NAME = {
    "Add": "Add",
    "Subtract": "Sub",
    "Multiply": "Mul",
    "Divide": "Div",
    "Sqrt": "Sqrt",
    "Tanh": "Tanh",
    "Floor": "Floor",
    "PRelu": "PRelu",
}


class _Converter:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.names: dict[str, str] = {}  # of an output of the graph, to its name in ONNX
        self.values: dict[str, np.ndarray] = {}

    def name(self, output: Any) -> str:
        return f"{output.get_node().get_name()}_{output.get_index()}".replace("/", "_")

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, node: Any, kind: str, inputs: list[str], **attributes: Any) -> None:
        outputs = [self.name(output) for output in node.outputs()]
        self.nodes.append(helper.make_node(kind, inputs, outputs, **attributes))

    def convert(self, node: Any) -> None:
        kind, inputs = node.get_type_name(), [self.name(v.get_source_output()) for v in node.inputs()]
        if kind == "Constant":
            self.values[self.name(node.output(0))] = node.data
            self.constant(self.name(node.output(0)), node.data)
        elif kind in _SAME_NAME:
            self.add(node, _SAME_NAME[kind], inputs)
        else:
            make: Callable[[Any, list[str]], None] = getattr(self, f"_{kind.lower()}")
            make(node, inputs)

    def _parameter(self, node: Any, inputs: list[str]) -> None:
        """An input of the graph."""

    def _result(self, node: Any, inputs: list[str]) -> None:
        """An output of the graph."""

    def _transpose(self, node: Any, inputs: list[str]) -> None:
        self.add(node, "Transpose", inputs[:1], perm=self.values[inputs[1]].tolist())

    def _convolution(self, node: Any, inputs: list[str]) -> None:
        self.add(node, "Conv", inputs, **_window(node))

    def _convolutionbackpropdata(self, node: Any, inputs: list[str]) -> None:
        self.add(node, "ConvTranspose", inputs[:2], **_window(node))

    def _avgpool(self, node: Any, inputs: list[str]) -> None:
        about = node.get_attributes()
        self.add(node, "AveragePool", inputs, kernel_shape=about["kernel"], strides=about["strides"])

    def _reducemean(self, node: Any, inputs: list[str]) -> None:
        axes = self.constant(f"{inputs[0]}_axes", np.asarray(self.values[inputs[1]], np.int64).reshape(-1))
        self.add(node, "ReduceMean", [inputs[0], axes], keepdims=1)

    def _split(self, node: Any, inputs: list[str]) -> None:
        self.add(node, "Split", inputs[:1], axis=int(self.values[inputs[1]]), num_outputs=len(node.outputs()))

    def _concat(self, node: Any, inputs: list[str]) -> None:
        self.add(node, "Concat", inputs, axis=node.get_attributes()["axis"])


def _window(node: Any) -> dict[str, list[int]]:
    about = node.get_attributes()
    pads = [*about["pads_begin"], *about["pads_end"]]
    return {"strides": list(about["strides"]), "pads": pads, "dilations": list(about["dilations"])}


def to_onnx(graph: ov.Model) -> bytes:
    """The graph as a serialised ONNX model.

    Inputs keep their order; PReLU's slope of one number becomes one that ONNX can broadcast.
    """
    converter = _Converter()
    for node in graph.get_ordered_ops():
        converter.convert(node)
    inputs = [
        helper.make_tensor_value_info(converter.name(v), TensorProto.FLOAT, list(v.shape))
        for v in graph.inputs
    ]
    source = graph.outputs[0].get_node().input(0).get_source_output()
    output = helper.make_tensor_value_info(converter.name(source), TensorProto.FLOAT, list(source.shape))
    made = helper.make_graph(converter.nodes, "generator", inputs, [output], converter.constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data
