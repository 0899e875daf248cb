"""The notes a training sees: spectrograms at every size it grows through, labels, and who is drawn when."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mappings.documents import DocumentError
from synth_engine.datasets.labels import Label
from synth_engine.datasets.qualities import measure, qualities_of
from synth_engine.datasets.shards import FULL_SCALE, Waves, read_dataset
from synth_engine.generator.conditions import Condition, vector_of
from synth_engine.generator.spectral import Representation, waves_to_spectrograms
from synth_engine.training.gansynth.config import TrainingConfig

FloatArray: TypeAlias = NDArray[np.float32]
Progress: TypeAlias = Callable[[int, int], None]

_CHUNK_NOTES = 32


class NotesError(DocumentError):
    """A data set a training cannot learn from; the text says why."""


@dataclass(frozen=True)
class Notes:
    """Everything a training knows of its data set.

    Attributes
    ----------
    sizes : list of NDArray[np.float16], each of shape (notes, frames, bins, 2)
        Spectrograms at the size of block 1, 2, ...; mapped into memory.
    pitches : NDArray[np.int64], shape (notes,)
        Which of the model's pitches each note has.
    conditions : NDArray[np.float32], shape (notes, condition_size)
        Each note's condition numbers.
    """

    sizes: list[NDArray[np.float16]]
    pitches: NDArray[np.int64]
    conditions: FloatArray

    def __len__(self) -> int:
        return len(self.pitches)


def open_notes(folder: Path, run: Path, config: TrainingConfig, progress: Progress | None = None) -> Notes:
    """Read a data set's training notes; analyses them into the run's folder if that has not been done.

    Parameters
    ----------
    folder : Path
        Data set (see `synth_engine.datasets.shards`).
    run : Path
        Folder of the run; spectrograms are kept there.
    config : TrainingConfig
        Which pitches, what size, what conditions.
    progress : callable or None
        Called with (notes analysed, notes in all).

    Raises
    ------
    NotesError
        If no note of the split "train" has one of the model's pitches.
    FileNotFoundError
        If the folder holds no notes.
    """
    waves, labels = read_dataset(folder)
    known = config.architecture.pitches
    chosen = [i for i, label in enumerate(labels) if label.split == "train" and label.pitch in known]
    if not chosen:
        raise NotesError(f"{folder}: no note of the split 'train' has a pitch in {known[0]}..{known[-1]}")
    groups = config.condition_groups
    return Notes(
        _open_sizes(waves, chosen, config, run, progress),
        np.array([known.index(labels[i].pitch) for i in chosen]),
        np.stack([condition_numbers(waves[i], labels[i], groups) for i in chosen]),
    )


def condition_numbers(wave: NDArray[np.int16], label: Label, groups: Sequence[Condition]) -> FloatArray:
    """Return one note's condition numbers; what is unknown stays zero, qualities nobody told are measured."""
    chosen: dict[str, str | list[str]] = {}
    for group in groups:
        if group.name == "qualities":
            told = label.qualities if label.measured or label.qualities else _heard(wave, label)
            chosen[group.name] = [quality for quality in told if quality in group.values]
        elif (value := getattr(label, group.name)) in group.values:
            chosen[group.name] = value
    return vector_of(groups, chosen)


def _heard(wave: NDArray[np.int16], label: Label) -> tuple[str, ...]:
    samples = wave.astype(np.float32) / np.float32(FULL_SCALE)
    return qualities_of(measure(samples, label.pitch), label.program)


def _open_sizes(
    waves: Waves, chosen: list[int], config: TrainingConfig, run: Path, progress: Progress | None
) -> list[NDArray[np.float16]]:
    size = config.architecture.representation
    key = f"{size}{config.architecture.blocks}{len(waves)}{chosen}{waves[chosen[0]].tobytes().hex()}"
    name = hashlib.sha256(key.encode()).hexdigest()[:12]
    paths = [run / f"spectra_{name}_{block}.npy" for block in range(1, config.architecture.blocks + 1)]
    if not paths[0].exists():  # the smallest is written last, so it stands for all
        run.mkdir(parents=True, exist_ok=True)
        _analyse(waves, chosen, size, paths[-1], progress)
        for larger, smaller in zip(paths[:0:-1], paths[-2::-1], strict=True):
            _halve_file(larger, smaller)
    return [np.load(path, mmap_mode="r", allow_pickle=False) for path in paths]


def _analyse(
    waves: Waves, chosen: list[int], size: Representation, path: Path, progress: Progress | None
) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.part")  # hosts may share the folder
    out = np.lib.format.open_memmap(temporary, "w+", np.float16, (len(chosen), size.frames, size.bins, 2))
    for start in range(0, len(chosen), _CHUNK_NOTES):
        rows = waves[np.array(chosen[start : start + _CHUNK_NOTES])][:, : size.wave_frames]
        rows = np.pad(rows, ((0, 0), (0, size.wave_frames - rows.shape[1])))
        out[start : start + len(rows)] = waves_to_spectrograms(rows.astype(np.float32) / FULL_SCALE, size)
        if progress:
            progress(start + len(rows), len(chosen))
    out.flush()
    temporary.replace(path)


def _halve_file(larger: Path, smaller: Path) -> None:
    source = np.load(larger, mmap_mode="r", allow_pickle=False)
    notes, frames, bins, channels = source.shape
    temporary = smaller.with_suffix(f".{os.getpid()}.part")
    out = np.lib.format.open_memmap(temporary, "w+", np.float16, (notes, frames // 2, bins // 2, channels))
    for start in range(0, notes, _CHUNK_NOTES):
        rows = source[start : start + _CHUNK_NOTES].astype(np.float32)
        out[start : start + len(rows)] = rows.reshape(-1, frames // 2, 2, bins // 2, 2, channels).mean((2, 4))
    out.flush()
    temporary.replace(smaller)


class Draws:
    """Batches as a function of the step's number alone, so that a resumed run sees what it would have seen.

    Parameters
    ----------
    notes : Notes
        The data.
    config : TrainingConfig
        Batch, seed and sizes.
    """

    def __init__(self, notes: Notes, config: TrainingConfig) -> None:
        self._notes = notes
        self._batch = config.schedule.batch
        self._seed = config.run.seed
        self._noise_size = config.architecture.noise_size
        self._pitch_rows = np.eye(len(config.architecture.pitches), dtype=np.float32)
        self._groups = config.condition_groups

    def batch(self, step: int, block: int) -> dict[str, dict[str, Any]]:
        """Everything random of one step, for `Updates.step`, at the size of a block."""
        rng = np.random.default_rng([self._seed, step])
        generator = self._inputs(rng)
        own = self._inputs(rng)
        real = np.sort(rng.integers(len(self._notes), size=self._batch))  # in the file's order
        return {
            "generator": generator,
            "discriminator": {
                "latents": own["latents"],
                "one_hots": own["one_hots"],
                "real": self._notes.sizes[block - 1][real].astype(np.float32),
                "labels": self._labels(real),
                "mix": rng.random(self._batch, np.float32),
            },
        }

    def _inputs(self, rng: np.random.Generator) -> dict[str, Any]:
        """Noise, with pitch and conditions as they occur together in the data: those of a random note."""
        chosen = rng.integers(len(self._notes), size=self._batch)
        noise = rng.standard_normal((self._batch, self._noise_size), np.float32)
        return {
            "latents": np.concatenate([noise, self._notes.conditions[chosen]], axis=1),
            "one_hots": self._pitch_rows[self._notes.pitches[chosen]],
            "labels": self._labels(chosen),
        }

    def _labels(self, chosen: NDArray[np.int64]) -> Mapping[str, FloatArray]:
        labels = {"pitch": self._pitch_rows[self._notes.pitches[chosen]]}
        start = 0
        for group in self._groups:
            labels[group.name] = self._notes.conditions[chosen, start : start + len(group.values)]
            start += len(group.values)
        return labels
