"""The original's numbers, the models that must reproduce them, and how far a backend's answers are off.

Run as a module, it renders every set with Keras on the backend that KERAS_BACKEND names and writes the
answers to a file, because a process has one backend only.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from synth_engine.gansynth.bundle import BundleReader
from synth_engine.gansynth.names import original_name
from synth_engine.gansynth.schedule import blend_of_progress
from synth_engine.generator.architecture import Architecture
from synth_engine.generator.compiled import build_graph
from synth_engine.generator.conditions import Condition
from synth_engine.generator.entry import one_hots_of_pitches
from synth_engine.generator.harmonic import maps_of_pitch
from synth_engine.generator.model import Model
from synth_engine.generator.random_model import random_model
from synth_engine.generator.runtime import Entry, NoteRenderer
from synth_engine.generator.spectral import spectrograms_to_waves
from tests.synth_engine.gansynth.golden import CHECKPOINTS, GOLDEN

_SEEDED_CHANNELS = (256, 256, 256, 256, 128, 64, 32)

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class GoldenSet:
    """One file of the original's numbers, with the tolerances its README suggests.

    Attributes
    ----------
    activation, mel, waves : float
        Largest difference allowed; of waves the root mean square of the difference over that of the wave
        where `waves_relative`, else the largest difference too.
    """

    name: str
    architecture: Architecture
    activation: float
    mel: float
    waves: float
    waves_relative: bool = True


def _small(name: str, blend: tuple[float, ...]) -> GoldenSet:
    architecture = Architecture((8, 8, 4), latent_size=16, wave_frames=320, blend=blend)
    return GoldenSet(name, architecture, 1e-4, 1e-3, 1e-3, waves_relative=False)


SETS = {
    each.name: each
    for each in (
        GoldenSet("tiny_hires", Architecture((8, 8, 8, 8, 8, 8, 4)), 1e-3, 1e-2, 2e-3),
        _small("small_final", ()),
        _small("small_blend", blend_of_progress(1.25, 3)),
        GoldenSet("hires_seeded", Architecture(_SEEDED_CHANNELS), 1e-4, 2e-3, 2e-3),
    )
}


def read_golden(name: str) -> Arrays:
    with np.load(GOLDEN / f"{name}.npz") as file:
        return {key: file[key] for key in file.files if not key.startswith("ggrad:")}


def original_weights(golden: GoldenSet, architecture: Architecture, *, averaged: bool = True) -> Arrays:
    """Weights under our names: from the checkpoint, or redrawn by the seed recipe."""
    names = {name: original_name(name, averaged) for name in architecture.weight_shapes()}
    if golden.name == "hires_seeded":
        drawn = _seeded()
        return {name: drawn[original] for name, original in names.items()}
    (index,) = (CHECKPOINTS / golden.name).glob("stage_*/model.ckpt-*.index")
    tensors = BundleReader(index.with_suffix("")).read_many(names.values())
    return {name: tensors[original] for name, original in names.items()}


@cache
def _seeded() -> Arrays:
    rng = np.random.RandomState(777)
    variables = json.loads((GOLDEN / "hires_variables.json").read_text())["generator_ema"]
    drawn = {}
    for variable in variables:
        factor = 1.0 if "/kernel" in variable["name"] else 0.1
        drawn[variable["name"]] = (rng.randn(*variable["shape"]) * factor).astype(np.float32)
    return drawn


def all_outputs(architecture: Architecture) -> Architecture:
    """The same sizes with every block's output, to look at all activations."""
    return replace(architecture, blend=(1.0 / architecture.blocks,) * architecture.blocks)


@dataclass
class Answers:
    """What one backend makes of one set."""

    spectrograms: np.ndarray
    activations: Arrays = field(default_factory=dict)


def _keras(architecture: Architecture, weights: Mapping[str, np.ndarray]) -> Callable[..., Answers]:
    """A Keras generator that tells its activations; on JAX it is compiled as a whole, which is faster."""
    keras = import_module("keras")

    class Recording(import_module("synth_engine.generator.network").Generator):  # type: ignore[misc]
        seen: dict[str, Any]

        def hook(self, latents: Any, one_hots: Any) -> Any:
            return self._keep("block_1/conv0", super().hook(latents, one_hots))

        def _convolve(self, name: str, x: Any) -> Any:
            return self._keep(name, super()._convolve(name, x))

        def _upsample_convolve(self, name: str, x: Any, bias: Any) -> Any:
            return self._keep(name, super()._upsample_convolve(name, x, bias))

        def _to_rgb(self, name: str, x: Any) -> Any:
            return self._keep(name, super()._to_rgb(name, x))

        def _keep(self, name: str, y: Any) -> Any:
            self.seen[name] = y
            return y

    network = Recording(architecture)
    network.seen = {}
    network.assign_named_weights(weights)

    def run(inputs: Arrays) -> tuple[Any, dict[str, Any]]:
        return network.call(inputs), dict(network.seen)

    if keras.backend.backend() == "jax":
        run = import_module("jax").jit(run)

    def answers(inputs: Arrays) -> Answers:
        spectrograms, seen = run(inputs)
        return Answers(np.asarray(spectrograms), {name: np.asarray(y) for name, y in seen.items()})

    return answers


def keras_answers(golden: GoldenSet, arrays: Arrays, notes: int | None = None) -> Answers:
    """What Keras makes of a set, or of its first notes."""
    one_hots = np.eye(len(golden.architecture.pitches), dtype=np.float32)[arrays["labels"][:notes]]
    inputs = {"latents": arrays["z"][:notes].astype(np.float32), "one_hots": one_hots}
    every = all_outputs(golden.architecture)
    weights = original_weights(golden, every)
    if not golden.architecture.blend:  # one pass for both, by the weights that a growing network is given
        return _keras(every, weights)({**inputs, "blend": np.eye(every.blocks, dtype=np.float32)[-1]})
    activations = _keras(every, weights)(inputs).activations
    return Answers(_keras(golden.architecture, weights)(inputs).spectrograms, activations)


def openvino_answers(golden: GoldenSet, arrays: Arrays) -> Answers:
    """As the instrument renders; activations from a graph whose inner layers are its results."""
    every = all_outputs(golden.architecture)
    weights = original_weights(golden, every)
    model = Model(golden.architecture, {n: weights[n] for n in golden.architecture.weight_shapes()})
    hooks = Entry(model).activate(arrays["z"].astype(np.float32), arrays["pitches"].astype(float))
    spectrograms = NoteRenderer(model, threads=2).spectrograms(hooks, arrays["pitches"].astype(float))
    activations = _openvino_activations(every, weights, hooks)
    return Answers(spectrograms, {**activations, "block_1/conv0": hooks})


def _openvino_activations(architecture: Architecture, weights: Arrays, hooks: np.ndarray) -> Arrays:
    graph = build_graph(architecture, weights)
    layers = {name.rsplit("/", 1)[0] for name in weights}
    nodes = [node for node in graph.get_ops() if node.get_friendly_name() in layers]
    inner = ov.Model([node.output(0) for node in nodes], graph.get_parameters(), "activations")
    compiled = ov.Core().compile_model(inner, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    rows = [compiled([hook[None]]) for hook in hooks]
    return {
        node.get_friendly_name(): np.moveaxis(np.concatenate([row[i] for row in rows]), 1, -1)
        for i, node in enumerate(nodes)
    }


def errors(golden: GoldenSet, arrays: Arrays, answers: Answers) -> dict[str, float]:
    """How far off: "activation" (largest of all layers), "mel" (largest) and "waves"."""
    activation = max(
        _largest(_part(key, answers.activations[key.split(":")[1]]), value)
        for key, value in arrays.items()
        if key.startswith("act")
    )
    mel = max(
        _largest(_part(key, answers.spectrograms), value)
        for key, value in arrays.items()
        if key in ("mel_specgram", "mel_specgram_sub", "mel_specgram_sub:note1")
    )
    waves = spectrograms_to_waves(answers.spectrograms, golden.architecture.representation)
    expected = arrays["waves"].reshape(-1, waves.shape[1])[: len(waves)]
    difference = waves - expected
    if golden.waves_relative:
        wave_error = float(np.sqrt(np.mean(difference**2) / np.mean(expected**2)))
    else:
        wave_error = float(np.abs(difference).max())
    return {"activation": activation, "mel": mel, "waves": wave_error}


def _part(key: str, whole: np.ndarray) -> np.ndarray:
    """The part of an array that the files keep under a key."""
    if key.startswith("act_sub8"):
        return whole[:, ::8, ::8]
    if key.startswith("act_corner"):
        return whole[:, :2, :4]
    if key == "mel_specgram_sub":
        return whole[:, ::4, ::16]
    if key == "mel_specgram_sub:note1":
        return whole[1:, ::4, ::8]
    return whole


def _largest(found: np.ndarray, expected: np.ndarray) -> float:
    notes = min(len(found), len(expected))  # some arrays are there for the first note only
    return float(np.abs(found[:notes] - expected[:notes]).max())


_CONDITIONS = (
    Condition("family", ("brass", "string"), True),
    Condition("qualities", ("dark", "fast"), False),
)

# What no file of the original's covers; backends are compared with each other.
OTHERS = {
    "all that is new": Architecture(
        (8, 8),
        12,
        pitches=(0, 36, 40, 41, 127),
        wave_frames=1000,
        start_frames=4,
        start_bins=8,
        resolutions=4,
        blend=(0.25, 0.75),
        kind="linear",
        conditions=_CONDITIONS,
        scale=(0.1, 0.7),
        offset=(0.2, 0.1),
    ),
    "one block": Architecture((8,), 8, resolutions=3, wave_frames=250),
    "harmonic maps": Architecture((8, 8, 4), 8, harmonic_maps=True, wave_frames=250),
}


def other_inputs(name: str) -> tuple[Model, np.ndarray, np.ndarray]:
    """A random model with biases, latents and pitches for one of OTHERS."""
    model = random_model(OTHERS[name], seed=len(name))
    rng = np.random.default_rng(0)
    weights = {
        key: weight if key.endswith("kernel") else rng.normal(0.0, 0.1, weight.shape).astype(np.float32)
        for key, weight in model.weights.items()
    }
    latents = rng.normal(size=(3, model.latent_size)).astype(np.float32)
    return Model(model.architecture, weights), latents, np.array([36.0, 40.5, 60.0])


def keras_other(name: str) -> np.ndarray:
    model, latents, pitches = other_inputs(name)
    inputs = {"latents": latents, "one_hots": one_hots_of_pitches(pitches, model.pitches)}
    if model.architecture.harmonic_maps:
        maps = [maps_of_pitch(float(pitch), model.representation) for pitch in pitches]
        inputs["maps"] = np.stack([each.channels for each in maps])
        inputs["base_steps"] = np.stack([each.base_step for each in maps])
    return _keras(model.architecture, model.weights)(inputs).spectrograms


def main(path: str, sets: list[str]) -> None:
    """Write the answers of this process's Keras backend."""
    found: Arrays = {f"{name}/other": keras_other(name) for name in OTHERS}
    for name in sets:
        answers = keras_answers(SETS[name], read_golden(name), notes=1 if name == "hires_seeded" else None)
        found[f"{name}/spectrograms"] = answers.spectrograms
        found |= {f"{name}/act:{layer}": value for layer, value in answers.activations.items()}
    np.savez(path, **found)


def read_answers(path: Path, name: str) -> Answers:
    """What `main` wrote of one set."""
    with np.load(path) as file:
        mark = f"{name}/act:"
        layers = {key.removeprefix(mark): file[key] for key in file.files if key.startswith(mark)}
        return Answers(file[f"{name}/spectrograms"], layers)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
