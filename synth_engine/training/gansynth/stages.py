"""What a stage of progressive growing trains: the networks up to its block, and which weights they have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synth_engine.gansynth.schedule import Stage
from synth_engine.generator.architecture import Architecture


@dataclass(frozen=True)
class StageNetworks:
    """The networks of one stage.

    Attributes
    ----------
    architecture : Architecture
        Of the stage: spectrograms have the size of its last block.
    enlargement : int
        How many times longer each side of a finished spectrogram is.
    fades : bool
        Whether the last block is being let in.
    """

    architecture: Architecture
    enlargement: int
    fades: bool


def networks_of_stage(finished: Architecture, stage: Stage) -> StageNetworks:
    """Return the networks of a stage of the training of `finished`."""
    fades = stage.kind == "transition"
    blend = (0.0,) * (stage.blocks - 2) + (0.5, 0.5) if fades else ()
    grown = replace(
        finished, channels=finished.channels[: stage.blocks], wave_frames=1, resolutions=0, blend=blend
    )
    return StageNetworks(grown, int(2 ** (finished.blocks - stage.blocks)), fades)


def grown_architecture(finished: Architecture, blocks: int, fade: float) -> Architecture:
    """The generator of `finished` while it has `blocks` blocks, the last of which is let in by `fade`."""
    blend = () if fade >= 1.0 else (0.0,) * (blocks - 2) + (1.0 - fade, fade)
    resolutions = 0 if blocks == finished.blocks else finished.blocks
    return replace(finished, channels=finished.channels[:blocks], resolutions=resolutions, blend=blend)


def with_all_outputs(finished: Architecture) -> Architecture:
    """The finished network with an output layer at every block: the weights of all stages."""
    return replace(finished, blend=(1.0 / finished.blocks,) * finished.blocks)


def first_weights(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, NDArray[np.float32]]:
    """Draw N(0, 1) kernels and zero biases; the same for every backend."""
    rng = np.random.default_rng(seed)
    return {
        name: np.zeros(shape, np.float32)
        if name.endswith("/bias")
        else rng.standard_normal(shape, np.float32)
        for name, shape in shapes.items()
    }
