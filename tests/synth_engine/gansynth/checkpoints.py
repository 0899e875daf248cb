"""Checkpoints of a small network as the original's trainer leaves them, with anything wrong on purpose."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from synth_engine.gansynth.bundle import write_bundle
from synth_engine.gansynth.names import PITCH_LOGITS, original_name
from synth_engine.generator.architecture import Architecture

Tensors = dict[str, np.ndarray]

FLAGS: dict[str, Any] = {
    "data_type": "mel",
    "latent_vector_size": 6,
    "num_resolutions": 3,
    "audio_length": 320,
    "stable_stage_num_images": 800,
    "transition_stage_num_images": 800,
    "train_progressive": True,
    "train_root_dir": "/home/someone/gansynth/train",
    "some_fork_only_flag": [1, {"a": None}],
}


@dataclass(frozen=True)
class Small:
    """A network to write: sizes, where in training it is, and settings over those of `FLAGS`."""

    channels: tuple[int, ...] = (5, 4, 3)
    labels: int = 7
    latent_size: int = 6
    step: int = 5000
    stage: int = 4
    flags: dict[str, Any] = field(default_factory=dict)
    seed: int = 0

    def tensors(self) -> Tensors:
        """Generator (raw and averaged), a bit of discriminator and optimiser, and the counters."""
        rng = np.random.default_rng(self.seed)
        blend = tuple(1 / len(self.channels) for _ in self.channels)  # names the outputs of all blocks
        architecture = Architecture(
            self.channels, self.latent_size, tuple(range(self.labels)), wave_frames=40, blend=blend
        )
        tensors: Tensors = {}
        for name, shape in architecture.weight_shapes().items():
            for averaged in (False, True):
                tensors[original_name(name, averaged)] = rng.standard_normal(shape, np.float32)
        tensors[PITCH_LOGITS] = rng.standard_normal((5, self.labels), np.float32)
        tensors["progressive_gan_train_ops/generator_train/beta1_power"] = np.array(0.5, np.float32)
        tensors["global_step"] = np.array(self.step, np.int64)
        tensors["Variable"] = np.array(123.4, np.float32)
        return tensors


def write(
    folder: Path, small: Small | None = None, change: Callable[[Tensors], object] | None = None
) -> Path:
    """Write a checkpoint folder; ``change`` may spoil its tensors. Returns the folder."""
    small = small or Small()
    tensors = small.tensors()
    if change is not None:
        change(tensors)
    stage = folder / f"stage_{small.stage:05d}"
    name = f"model.ckpt-{small.step}"
    write_bundle(stage / name, tensors)
    (stage / "checkpoint").write_text(f'model_checkpoint_path: "{name}"\n')
    (folder / "experiment.json").write_text(json.dumps({**FLAGS, **small.flags}))
    return folder


def zipped(folder: Path, archive: Path, inside: str = "") -> Path:
    """Pack a folder, below another one if wanted."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, inside + str(path.relative_to(folder)))
    return archive
