"""What a step of the decoder learns from: notes, their maps, and which stretch of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synth_engine.datasets.labels import Label
from synth_engine.generator.harmonic import maps_of_pitch
from synth_engine.training.losses import loudness_of
from synth_engine.training.recipe import Recipe, instruments_of

Batch: TypeAlias = dict[str, NDArray[Any]]


def batches(
    spectra: NDArray[np.float16], labels: list[Label], recipe: Recipe, rng: np.random.Generator
) -> Iterator[Batch]:
    """Draw batches for ever: an instrument evenly, one of its notes evenly, a stretch of it."""
    names = instruments_of(labels)
    notes = [[i for i, label in enumerate(labels) if label.instrument == name] for name in names]
    loudness: dict[int, float] = {}
    while True:
        instruments = rng.choice(len(names), recipe.batch, replace=False)
        chosen = [int(rng.choice(notes[i])) for i in instruments]
        whole = [np.asarray(spectra[note], np.float32) for note in chosen]
        for note, spectrum in zip(chosen, whole, strict=True):
            if note not in loudness:
                loudness[note] = float(loudness_of(spectrum[..., 0]).sum())
        rows, frames, weights = recipe.crop.draw(recipe.architecture, recipe.batch, rng)
        share = frames.shape[1] / recipe.architecture.representation.frames
        size = recipe.batch, recipe.architecture.latent_size
        yield {
            **_of_pitches([labels[note].pitch for note in chosen], recipe),
            "instruments": np.eye(len(names), dtype=np.float32)[instruments],
            "noise": rng.standard_normal(size, np.float32),
            "rows": rows,
            "frames": frames,
            "frame_weights": weights,
            "loudness": np.array([share * loudness[note] for note in chosen], np.float32),
            "real": np.stack([spectrum[shown] for spectrum, shown in zip(whole, frames, strict=True)]),
        }


def _of_pitches(pitches: list[int], recipe: Recipe) -> Batch:
    size = recipe.architecture
    maps = [maps_of_pitch(float(pitch), size.representation) for pitch in pitches]
    return {
        "one_hots": np.eye(len(size.pitches), dtype=np.float32)[np.array(pitches) - size.pitches[0]],
        "maps": np.stack([m.channels for m in maps]),
        "slots": np.stack([m.slots for m in maps]),
        "base_steps": np.stack([m.base_step for m in maps]),
    }
