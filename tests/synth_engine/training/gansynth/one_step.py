"""One step while a block is let in, from the same state, for comparing backends and numbers of devices."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synth_engine.training.gansynth.config import TrainingConfig, load_config
from synth_engine.training.gansynth.devices import open_devices
from synth_engine.training.gansynth.notes import Draws, open_notes
from synth_engine.training.gansynth.trainer import Trainer
from tests.synth_engine.training.gansynth.tiny import write_config, write_data

IMAGES = {"transition": 12}

Arrays = dict[str, np.ndarray]


def steps(folder: Path, devices: int) -> Arrays:
    """Terms and updated weights by name."""
    config = load_config(write_config(folder))
    draws = Draws(open_notes(write_data(folder / "data"), folder, config), config)
    found: Arrays = {}
    for name, images in IMAGES.items():
        trainer = _trainer(config, images, devices)
        terms = trainer.step(draws.batch(images, trainer.stage.blocks))
        found |= {f"{name}/{term}": np.array(value) for term, value in terms.items()}
        weights = {key: value for key, value in trainer.arrays().items() if not key.endswith("_adam")}
        found |= {f"{name}/{group}:{key}": w for group, ws in weights.items() for key, w in ws.items()}
    return found


def _trainer(config: TrainingConfig, images: int, devices: int) -> Trainer:
    trainer = Trainer(config, open_devices(devices, config.schedule.batch))
    trainer.images = images
    trainer.enter_stage()
    return trainer
