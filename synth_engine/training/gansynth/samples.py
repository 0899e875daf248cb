"""What a training sounds like now: the averaged generator at fixed points, as picture and sound."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from synth_engine.generator.conditions import names_of
from synth_engine.generator.spectral import SAMPLE_RATE_HZ, spectrograms_to_waves
from synth_engine.offline.pictures import write_sheet
from synth_engine.offline.sound_file import write_sound
from synth_engine.training.gansynth.config import TrainingConfig
from synth_engine.training.gansynth.notes import Notes
from synth_engine.training.gansynth.trainer import Trainer

FloatArray: TypeAlias = NDArray[np.float32]

_BATCH = 8
_GAP_S = 0.1
_PEAK = 0.9


@dataclass(frozen=True)
class Points:
    """Fixed inputs of the generator.

    Attributes
    ----------
    latents : NDArray[np.float32], shape (notes, latent_size)
    one_hots : NDArray[np.float32], shape (notes, pitches)
    titles : tuple of str
        Pitch and conditions of each.
    """

    latents: FloatArray
    one_hots: FloatArray
    titles: tuple[str, ...]


def fixed_points(notes: Notes, config: TrainingConfig) -> Points:
    """Draw points for samples: pitches and conditions of real notes, the same for every run of a seed."""
    rng = np.random.default_rng([config.run.seed, 2**32 - 1])
    chosen = rng.choice(len(notes), config.output.sample_notes)
    size = config.architecture
    noise = rng.standard_normal((len(chosen), size.noise_size), np.float32)
    conditions = notes.conditions[chosen]
    return Points(
        np.concatenate([noise, conditions], axis=1),
        np.eye(len(size.pitches), dtype=np.float32)[notes.pitches[chosen]],
        tuple(
            " ".join([str(size.pitches[pitch]), *chain(*names_of(size.conditions, vector).values())])
            for pitch, vector in zip(notes.pitches[chosen], conditions, strict=True)
        ),
    )


def generate(trainer: Trainer, latents: FloatArray, one_hots: FloatArray) -> FloatArray:
    """Spectrograms at the stage's size for any number of points, batch by batch."""
    made = []
    for start in range(0, len(latents), _BATCH):
        part = slice(start, start + _BATCH)
        missing = max(0, start + _BATCH - len(latents))
        padded = [np.pad(array[part], ((0, missing), (0, 0))) for array in (latents, one_hots)]
        made.append(trainer.generate({"latents": padded[0], "one_hots": padded[1]}))
    return np.concatenate(made)[: len(latents)]


def to_waves(trainer: Trainer, spectrograms: FloatArray) -> FloatArray:
    """Waves of spectrograms of any stage's size: a small one is repeated (nearest) to the finished size."""
    size = trainer.config.architecture.representation
    times = size.bins // spectrograms.shape[2]
    return spectrograms_to_waves(spectrograms.repeat(times, axis=1).repeat(times, axis=2), size)


def write_samples(trainer: Trainer, points: Points, folder: Path) -> None:
    """Write a sheet and a sound of the generator as it is now.

    Raises
    ------
    OSError
        If `folder` cannot be written.
    """
    waves = to_waves(trainer, generate(trainer, points.latents, points.one_hots))
    name = f"{trainer.images:09d}"
    write_sheet(folder / f"{name}.png", list(waves), points.titles, SAMPLE_RATE_HZ)
    gap = np.zeros(round(_GAP_S * SAMPLE_RATE_HZ), np.float32)
    parts = [part for wave in waves for part in (_PEAK * wave / max(float(np.abs(wave).max()), 1e-6), gap)]
    write_sound(folder / f"{name}.flac", np.concatenate(parts), SAMPLE_RATE_HZ)
