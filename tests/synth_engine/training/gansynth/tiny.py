"""A data set and a config so small that a whole training takes seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synth_engine.datasets.labels import Label
from synth_engine.datasets.shards import write_shard

TEXT = """
[network]
channels = [6, 6]
noise_size = 4
wave_frames = 90
lowest_pitch = 60
highest_pitch = 63

[conditions]
family = true
source = true
qualities = ["bright"]

[schedule]
batch = 4
stable_images = 8
transition_images = 8
total_images = 32
progressive = true

[output]
checkpoint_minutes = 0
samples_minutes = 1000
curve_images = 4
sample_notes = 2
"""

LABELS = [
    Label(f"{family}_{pitch}", None, family, source, pitch, 100, qualities)
    for family, source, qualities in (("brass", "acoustic", ("bright",)), ("string", "synthetic", ("dark",)))
    for pitch in range(60, 64)
]


def write_data(folder: Path, labels: list[Label] = LABELS) -> Path:
    """Notes of noise, each louder than the last."""
    rng = np.random.default_rng(7)
    notes = [(rng.normal(size=160) * 900 * (1 + i)).astype(np.int16) for i in range(len(labels))]
    folder.mkdir(parents=True, exist_ok=True)
    write_shard(folder, "000", notes, labels)
    return folder


def write_config(folder: Path, **changes: str) -> Path:
    """The config with other values for some keys."""
    lines = []
    for line in TEXT.splitlines():
        key = line.split(" =")[0]
        lines.append(f"{key} = {changes[key]}" if key in changes else line)
    path = folder / "config.toml"
    path.write_text("\n".join(lines) + "\n")
    return path
