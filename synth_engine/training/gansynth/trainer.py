"""The state of a training run, stepped batch by batch through the stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synth_engine.gansynth.schedule import Stage, progress_of_step
from synth_engine.generator.architecture import Architecture
from synth_engine.training.gansynth.adam import zero_moments
from synth_engine.training.gansynth.autodiff import compiled
from synth_engine.training.gansynth.checkpoint import Arrays
from synth_engine.training.gansynth.config import TrainingConfig
from synth_engine.training.gansynth.devices import OneDevice, SharedDevices
from synth_engine.training.gansynth.discriminator import weight_shapes
from synth_engine.training.gansynth.stages import (
    first_weights,
    grown_architecture,
    networks_of_stage,
    with_all_outputs,
)
from synth_engine.training.gansynth.updates import Networks, Updates

FloatArray: TypeAlias = NDArray[np.float32]

_WEIGHTS = ("generator", "average", "discriminator")
_LOCAL = OneDevice()
_MOMENTS = ("generator_adam", "discriminator_adam")


class Trainer:
    """Both networks through all stages.

    Parameters
    ----------
    config : TrainingConfig
        Every number.
    devices : OneDevice or SharedDevices
        Where the arrays live.
    arrays : dict or None
        Weights and moments to go on from; None draws new ones.
    images, stage : int
        Real notes seen, and the stage the moments belong to.
    """

    _state: Any
    _update: Callable[..., Any]

    def __init__(
        self,
        config: TrainingConfig,
        devices: OneDevice | SharedDevices,
        arrays: Arrays | None = None,
        images: int = 0,
        stage: int = 0,
    ) -> None:
        self.config = config
        self.images = images
        self._devices = devices
        self._heads = {head.name: head.size for head in config.heads}
        self._resting = arrays or _first_arrays(config, self._heads)
        moments = {group: self._resting.pop(group) for group in _MOMENTS} if arrays else None
        known = {known.number: known for known in config.stages}
        self._enter(known[stage] if arrays else config.stages[0], moments)

    @property
    def stage(self) -> Stage:
        """The stage the weights are in."""
        return self._stage

    @property
    def stage_bins(self) -> int:
        """Frequency bins of the stage's spectrograms."""
        return self.config.architecture.block_bins(self._stage.blocks)

    @property
    def finished(self) -> bool:
        """Whether all images have been seen."""
        return self.images >= self.config.stages[-1].end_image

    @property
    def fade(self) -> float:
        """Share of the last block's image, 1 in a stable stage."""
        plan = self.config.schedule
        if self._stage.kind == "stable":
            return 1.0
        blocks = self._stage.blocks
        progress = progress_of_step(self.images, blocks, plan.stable_images, plan.transition_images)
        return progress - (blocks - 2)

    def enter_stage(self) -> bool:
        """Go to the stage these images belong to; returns whether it is another one.

        All weights are kept; those of a new block have never been trained. Adam begins anew.
        """
        stage = next((s for s in self.config.stages if self.images < s.end_image), self.config.stages[-1])
        if stage == self._stage:
            return False
        arrays = self.arrays()
        self._resting = {group: arrays[group] for group in _WEIGHTS}
        self._enter(stage, None)
        return True

    def step(self, batch: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
        """Learn one batch (see `Updates.step`); returns the terms of both losses."""
        fade = self._devices.place(np.float32(self.fade)) if self._stage.kind == "transition" else None
        self._state, terms = self._update(self._state, self._devices.place_batch(batch), fade)
        self.images += self.config.schedule.batch
        return {name: float(term) for name, term in terms.items()}

    def generate(self, inputs: Mapping[str, FloatArray]) -> FloatArray:
        """Spectrograms of the averaged generator for `latents` and `one_hots`, at the stage's size."""
        made = self._generate(self._local("average"), _LOCAL.place(dict(inputs)), self._local_fade())
        return np.asarray(made, np.float32)

    def judge(self, spectrograms: FloatArray) -> dict[str, FloatArray]:
        """Logits of every head of the discriminator for spectrograms of the stage's size."""
        logits = self._judge(self._local("discriminator"), _LOCAL.place(spectrograms), self._local_fade())
        return {name: np.asarray(values, np.float32) for name, values in logits.items()}

    def _local(self, group: str) -> dict[str, Any]:
        """Weights on this host's own device: looking at a network must not need the other hosts."""
        placed: dict[str, Any] = _LOCAL.place({name: np.asarray(w) for name, w in self._state[group].items()})
        return placed

    def _local_fade(self) -> Any:
        return _LOCAL.place(np.float32(self.fade)) if self._stage.kind == "transition" else None

    def arrays(self) -> Arrays:
        """All weights by name, and Adam's moments of this stage: what a checkpoint holds."""
        current = {
            group: {name: np.array(tensor, np.float32) for name, tensor in tensors.items()}
            for group, tensors in self._state.items()
        }
        weights = {group: {**self._resting[group], **current[group]} for group in _WEIGHTS}
        return {**weights, **{group: current[group] for group in _MOMENTS}}

    def averages(self) -> tuple[Architecture, dict[str, FloatArray]]:
        """The averaged generator as it is now: its architecture at this progress, and its weights."""
        architecture = grown_architecture(self.config.architecture, self._stage.blocks, self.fade)
        averages = self.arrays()["average"]
        return architecture, {name: averages[name] for name in architecture.weight_shapes()}

    def _enter(self, stage: Stage, moments: Arrays | None) -> None:
        self._stage = stage
        nets = networks_of_stage(self.config.architecture, stage)
        shapes = {
            "generator": nets.architecture.weight_shapes(),
            "discriminator": weight_shapes(nets.architecture, self._heads),
        }
        shapes["average"] = shapes["generator"]
        state = {group: {name: self._resting[group][name] for name in shapes[group]} for group in _WEIGHTS}
        fresh = {f"{group}_adam": zero_moments(shapes[group]) for group in ("generator", "discriminator")}
        self._state = self._devices.place({**state, **(moments or fresh)})
        convolutions = self.config.run.convolutions
        networks = Networks(nets.architecture, self.config.heads, nets.enlargement, convolutions)
        rates = self.config.optimiser
        updates = Updates(
            networks,
            self.config.adam(rates.generator_rate),
            self.config.adam(rates.discriminator_rate),
            self.config.penalties,
        )
        self._update = compiled(updates.step, reuses_first=True)
        self._generate = compiled(networks.generate)
        self._judge = compiled(lambda weights, images, fade: networks.judge(weights, images, fade).logits)


def _first_arrays(config: TrainingConfig, heads: Mapping[str, int]) -> Arrays:
    whole = with_all_outputs(config.architecture)
    generator = first_weights(whole.weight_shapes(), config.run.seed)
    discriminator = first_weights(weight_shapes(whole, heads), config.run.seed + 1)
    return {"generator": generator, "average": dict(generator), "discriminator": discriminator}
