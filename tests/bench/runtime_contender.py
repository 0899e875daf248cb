"""One runtime of `bench_runtimes`, a process: KIND MODEL THREADS BATCH NOTES. Hooks in, spectrograms out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from synth_engine.generator.compiled import build_graph
from synth_engine.generator.entry import Entry
from synth_engine.generator.harmonic import maps_of_pitch
from synth_engine.generator.model import Model
from synth_engine.generator.model_folder import load_model
from synth_engine.generator.runtime import NoteRenderer
from synth_engine.generator.voicing import NoteMaps
from synth_engine.measuring.contender import keras_inputs, sample_notes
from synth_engine.measuring.turns import serve

FloatArray = NDArray[np.float32]
Run = Callable[[list[FloatArray]], FloatArray]  # a batch's inputs to (batch, 2, frames, bins)

CALIBRATION_NOTES = 64


class Notes:
    """A turn's notes as the graph's inputs."""

    def __init__(self, model: Model, count: int) -> None:
        self.model = model
        self.latents, self.pitches = sample_notes(model, count)
        hooks = Entry(model).activate(self.latents, self.pitches)
        self.inputs = [hooks]
        if model.architecture.harmonic_maps:
            maps = NoteMaps(model.architecture, model.weights)
            pairs = list(zip(hooks, self.pitches, strict=True))
            self.inputs.append(np.stack([maps.of_note(hook, float(pitch))[None] for hook, pitch in pairs]))
            steps = [maps_of_pitch(float(p), model.representation).base_step for p in self.pitches]
            self.inputs.append(np.stack(steps)[:, None, None])

    def batch(self, first: int, size: int) -> list[FloatArray]:
        return [np.ascontiguousarray(each[first : first + size], np.float32) for each in self.inputs]


def need(*packages: str) -> None:
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise SystemExit(f"not installed: {', '.join(missing)}")


def graph_of(model: Model, batch: int) -> ov.Model:
    graph = build_graph(model.architecture, model.weights)
    if batch > 1:
        graph.reshape({each: [batch, *list(each.shape)[1:]] for each in graph.inputs})
    return graph


def openvino_run(graph: ov.Model, threads: int, precision: str) -> Run:
    options = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
    }
    request = ov.Core().compile_model(graph, "CPU", options).create_infer_request()

    def run(inputs: list[FloatArray]) -> FloatArray:
        request.infer(inputs, share_inputs=True)
        return np.array(request.get_output_tensor(0).data)

    return run


def int8_run(notes: Notes, threads: int, batch: int) -> Run:
    need("nncf")
    nncf: Any = import_module("nncf")
    if batch > 1:
        raise SystemExit("measured with one note a call only")
    calibration = Notes(notes.model, CALIBRATION_NOTES)
    data = nncf.Dataset([calibration.batch(index, 1) for index in range(CALIBRATION_NOTES)])
    quantized = nncf.quantize(graph_of(notes.model, 1), data, preset=nncf.QuantizationPreset.MIXED)
    return openvino_run(quantized, threads, "f32")


def onnx_run(notes: Notes, threads: int, batch: int) -> Run:
    need("onnxruntime", "onnx")
    runtime: Any = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    data = import_module("tests.bench.onnx_graph").to_onnx(graph_of(notes.model, batch))
    session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]

    def run(inputs: list[FloatArray]) -> FloatArray:
        answer: FloatArray = session.run(None, dict(zip(names, inputs, strict=True)))[0]
        return answer

    return run


def keras_network(model: Model) -> Any:
    need("tensorflow", "keras")
    network: Any = import_module("synth_engine.generator.network").Generator(model.architecture)
    network.assign_named_weights(model.weights)
    return network


def keras_run(notes: Notes, batch: int, *, original: bool) -> Run:
    """The Keras model; ``original``: nearest upsampling by itself, as in GANSynth's graph."""
    network = keras_network(notes.model)
    if original:
        ops: Any = import_module("keras").ops

        def upsample_convolve(name: str, x: Any, bias: Any) -> Any:
            activate = import_module("synth_engine.generator.network").activate
            wide = ops.repeat(ops.repeat(x, 2, axis=1), 2, axis=2)
            y = ops.conv(wide, network._kernel(f"{name}/kernel"), padding="same")
            return activate(y + network._by_name[f"{name}/bias"] + bias)

        network._upsample_convolve = upsample_convolve
    network.compile(jit_compile=False)
    whole = keras_inputs(notes.model, notes.latents, notes.pitches)

    def run(inputs: list[FloatArray]) -> FloatArray:
        first = int(np.flatnonzero((notes.inputs[0] == inputs[0][0]).all(axis=(1, 2, 3)))[0])
        some = {name: value[first : first + batch] for name, value in whole.items()}
        return np.moveaxis(np.asarray(network.predict_on_batch(some)), -1, 1)

    return run


def litert_run(notes: Notes, threads: int, batch: int) -> Run:
    need("tensorflow", "keras", "ai_edge_litert")
    tf: Any = import_module("tensorflow")
    network = keras_network(notes.model)
    # As constants: the converter would keep variables as such, which its runtime neither folds nor fills.
    network._by_name = {name: tf.constant(value) for name, value in network.named_weights().items()}
    whole = keras_inputs(notes.model, notes.latents[:batch], notes.pitches[:batch])
    signature = {name: tf.TensorSpec(value.shape, value.dtype, name) for name, value in whole.items()}
    hook = tf.TensorSpec((batch, *notes.model.hook_shape), tf.float32, "hook")

    def behind_the_hook(hook: Any, inputs: Any) -> Any:
        maps = network.note_maps(hook, inputs.get("maps"), inputs.get("slots"))
        return network.spectrograms(hook, maps, inputs.get("base_steps"))

    traced = tf.function(behind_the_hook).get_concrete_function(hook, signature)
    data = tf.lite.TFLiteConverter.from_concrete_functions([traced]).convert()
    interpreter = import_module("ai_edge_litert.interpreter").Interpreter(
        model_content=data, num_threads=threads
    )
    interpreter.allocate_tensors()
    details, (output,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(inputs: list[FloatArray]) -> FloatArray:
        first = int(np.flatnonzero((notes.inputs[0] == inputs[0][0]).all(axis=(1, 2, 3)))[0])
        rows = slice(first, first + batch)
        some = keras_inputs(notes.model, notes.latents[rows], notes.pitches[rows]) | {"hook": inputs[0]}
        for each in details:
            name = next(name for name in sorted(some, key=len, reverse=True) if name in each["name"])
            interpreter.set_tensor(each["index"], some[name])
        interpreter.invoke()
        return np.moveaxis(interpreter.get_tensor(output["index"]), -1, 1)

    return run


def make_run(kind: str, notes: Notes, threads: int, batch: int) -> tuple[Run, str]:
    if kind in ("openvino-f32", "openvino-bf16"):
        run = openvino_run(graph_of(notes.model, batch), threads, kind.partition("-")[2])
        return run, f"OpenVINO {version('openvino')}"
    if kind == "openvino-int8":
        run = int8_run(notes, threads, batch)
        return run, f"OpenVINO {version('openvino')}, NNCF {version('nncf')}"
    if kind == "onnxruntime":
        run = onnx_run(notes, threads, batch)
        return run, f"ONNX Runtime {version('onnxruntime')}"
    if kind == "litert":
        run = litert_run(notes, threads, batch)
        return run, f"LiteRT {version('ai-edge-litert')}"
    run = keras_run(notes, batch, original=kind == "keras-original")
    return run, f"TensorFlow {version('tensorflow')}"


def main() -> None:
    kind, folder, *numbers = sys.argv[1:]
    threads, batch, count = map(int, numbers)
    model = load_model(Path(folder))
    notes = Notes(model, max(count, batch))
    run, runtime = make_run(kind, notes, threads, batch)
    reference = np.moveaxis(NoteRenderer(model).spectrograms(notes.inputs[0][:1], notes.pitches[:1]), -1, 1)
    answer = run(notes.batch(0, batch))[:1]
    level = np.sqrt(np.mean((answer[:, 0] - reference[:, 0]) ** 2) / np.mean(reference[:, 0] ** 2))

    def turn() -> dict[str, float]:
        for first in range(0, len(notes.pitches), batch):
            run(notes.batch(first, batch))
        return {"notes": len(notes.pitches)}

    serve(turn, {"runtime": runtime, "level_error": float(level)})


if __name__ == "__main__":
    main()
