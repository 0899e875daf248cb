"""One contender in rendering notes, a process: KIND MODEL THREADS BATCH NOTES.

``worker`` goes the render worker's own way, into a slot, and tells what each step took; ``reference`` is the
Keras model on TensorFlow, with the same synthesis and upsampling behind it; ``peak`` multiplies matrices.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth_engine.abi import SLOT_STRIDE_FRAMES
from synth_engine.generator.entry import Entry, one_hots_of_pitches
from synth_engine.generator.harmonic import maps_of_pitch
from synth_engine.generator.model import Model
from synth_engine.generator.model_folder import load_model
from synth_engine.generator.partials import spectrograms_to_partials
from synth_engine.generator.spectral import spectrograms_to_waves
from synth_engine.measuring.turns import Contender, Turn, serve
from synth_engine.render.upsampling import upsample
from synth_engine.render.worker import NoteMaker, levelled, write_slot

FloatArray = NDArray[np.float32]

FIRST_PITCH = 40
_PEAK_SIZES = (512, 1024)  # the small one fits the cache, the large one keeps more threads busy
_PEAK_TURN_S = 0.15


def contender(kind: str, model_path: Path, *, threads: int, batch: int = 1, notes: int = 8) -> Contender:
    """A contender of this module.

    Parameters
    ----------
    kind : {"worker", "reference", "peak"}
    model_path : Path
        Folder of the model.
    threads : int
        Of the network, or the product.
    batch : int
        Notes a call; only the reference takes several.
    notes : int
        In a turn.
    """
    numbers = (str(threads), str(batch), str(notes))
    return Contender(
        f"{kind}, threads {threads}, batch {batch}",
        (__name__, kind, str(model_path), *numbers),
        {
            "OPENBLAS_NUM_THREADS": "1",  # the worker's own setting
            "OMP_NUM_THREADS": str(threads) if kind == "reference" else "1",
            "TF_NUM_INTRAOP_THREADS": str(threads),
            "TF_NUM_INTEROP_THREADS": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "CUDA_VISIBLE_DEVICES": "-1",
            "KERAS_BACKEND": "tensorflow",
        },
    )


def sample_notes(model: Model, count: int) -> tuple[FloatArray, NDArray[np.float64]]:
    """Latent points and pitches of a turn; the same in every process."""
    latents = np.random.default_rng(0).normal(size=(count, model.latent_size)).astype(np.float32)
    known = np.asarray(model.pitches, np.float64)
    first = int(np.searchsorted(known, FIRST_PITCH)) % len(known)
    return latents, known[(first + np.arange(count)) % len(known)]


def keras_inputs(model: Model, latents: FloatArray, pitches: NDArray[np.float64]) -> dict[str, FloatArray]:
    """What the Keras network takes."""
    inputs = {"latents": latents, "one_hots": one_hots_of_pitches(pitches, model.pitches)}
    if model.architecture.harmonic_maps:
        maps = [maps_of_pitch(float(pitch), model.representation) for pitch in pitches]
        inputs["maps"] = np.stack([each.channels for each in maps])
        inputs["base_steps"] = np.stack([each.base_step for each in maps])
        inputs["slots"] = np.stack([each.slots for each in maps])
    return inputs


def to_waves(model: Model, spectrograms: FloatArray, pitches: NDArray[np.float64]) -> FloatArray:
    """Spectrograms to waves in the way of the model's kind."""
    if model.architecture.harmonic_maps:
        return spectrograms_to_partials(spectrograms, pitches, model.representation)
    return spectrograms_to_waves(spectrograms, model.representation)


def _worker(model: Model, threads: int, _batch: int, notes: int) -> tuple[Callable[[], Turn], Turn]:
    from synth_engine.generator.runtime import NoteRenderer  # noqa: PLC0415  loads OpenVINO: here only

    spent_s = dict.fromkeys(("hook", "network", "waves", "slot"), 0.0)

    class TimedEntry(Entry):
        def activate(self, latents: FloatArray, pitches: NDArray[np.floating]) -> FloatArray:
            began_s = time.perf_counter()
            hooks = super().activate(latents, pitches)
            spent_s["hook"] += time.perf_counter() - began_s
            return hooks

    class TimedRenderer(NoteRenderer):
        def spectrograms(self, hooks: FloatArray, pitches: NDArray[np.floating]) -> FloatArray:
            began_s = time.perf_counter()
            answer = super().spectrograms(hooks, pitches)
            spent_s["network"] += time.perf_counter() - began_s
            return answer

        def waves(self, hooks: FloatArray, pitches: NDArray[np.floating]) -> FloatArray:
            began_s = time.perf_counter()
            answer = super().waves(hooks, pitches)
            spent_s["waves"] += time.perf_counter() - began_s
            return answer

    maker = NoteMaker(TimedEntry(model), TimedRenderer(model, threads=threads), model.latent_size)
    latents, pitches = sample_notes(model, notes)
    pool, nothing = np.zeros((1, SLOT_STRIDE_FRAMES), np.float32), np.zeros(0, np.float32)

    def turn() -> Turn:
        spent_s.update(dict.fromkeys(spent_s, 0.0))
        began_s = time.perf_counter()
        for latent, pitch in zip(latents, pitches, strict=True):
            sound = maker.note(latent, nothing, float(pitch))
            slot_s = time.perf_counter()
            write_slot(pool, 0, sound)
            spent_s["slot"] += time.perf_counter() - slot_s
        wall_s = time.perf_counter() - began_s
        synthesis_s = spent_s["waves"] - spent_s["network"]
        rest_s = wall_s - spent_s["hook"] - spent_s["waves"] - spent_s["slot"]
        return {
            "wall_s": wall_s,
            "hook_s": spent_s["hook"],
            "network_s": spent_s["network"],
            "synthesis_s": synthesis_s,
            "upsampling_s": rest_s,  # and the level: both are done by `NoteMaker.note` itself
            "slot_s": spent_s["slot"],
        }

    return turn, {"runtime": f"OpenVINO {version('openvino')}"}


def _reference(model: Model, _threads: int, batch: int, notes: int) -> tuple[Callable[[], Turn], Turn]:
    network: Any = import_module("synth_engine.generator.network").Generator(model.architecture)
    network.assign_named_weights(model.weights)
    network.compile(
        jit_compile=False
    )  # a plain graph: with XLA the processor's convolutions are not oneDNN's
    latents, pitches = sample_notes(model, notes)

    def turn() -> Turn:
        network_s = 0.0
        for first in range(0, notes, batch):
            some = slice(first, first + batch)
            began_s = time.perf_counter()
            inputs = keras_inputs(model, latents[some], pitches[some])
            spectrograms = np.asarray(network.predict_on_batch(inputs))
            network_s += time.perf_counter() - began_s
            for sound in upsample(to_waves(model, spectrograms, pitches[some])):
                levelled(sound)
        return {"network_s": network_s}

    return turn, {"runtime": f"TensorFlow {version('tensorflow')}, Keras {version('keras')}"}


def _peak(_model: Model, threads: int, _batch: int, _notes: int) -> tuple[Callable[[], Turn], Turn]:
    products = [_matrix_product(size, threads) for size in _PEAK_SIZES]

    def turn() -> Turn:
        fastest = 0.0
        for size, multiply in zip(_PEAK_SIZES, products, strict=True):
            began_s = time.perf_counter()
            while time.perf_counter() - began_s < _PEAK_TURN_S:
                product_s = time.perf_counter()
                multiply()
                fastest = max(fastest, 2 * size**3 / (time.perf_counter() - product_s))
        return {"flop_per_s": fastest}

    return turn, {"runtime": f"OpenVINO {version('openvino')}"}


def _matrix_product(size: int, threads: int) -> Callable[[], object]:
    """A float32 product by the network's own runtime: NumPy's may not use all that the processor has."""
    ov: Any = import_module("openvino")
    left, right = np.random.default_rng(0).normal(size=(2, size, size)).astype(np.float32)
    given = ov.opset13.parameter([size, size], np.float32)
    graph = ov.Model([ov.opset13.matmul(given, ov.opset13.constant(right), False, False)], [given], "product")
    options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    compiled = ov.Core().compile_model(graph, "CPU", {**options, "INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    return lambda: request.infer([left], share_inputs=True)


def main() -> None:
    """Do turns until the standard input ends."""
    kind, folder, *numbers = sys.argv[1:]
    threads, batch, notes = map(int, numbers)
    make = {"worker": _worker, "reference": _reference, "peak": _peak}[kind]
    turn, about = make(load_model(Path(folder)), threads, batch, notes)
    turn()  # warm: buffers, caches, the reference's graph
    serve(turn, about)


if __name__ == "__main__":
    main()
