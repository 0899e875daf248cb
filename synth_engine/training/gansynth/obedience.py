"""Whether a conditional model does what it is told, heard by a judge that never met the model.

The judge is a support vector machine on log mel spectra of real notes, tested on notes it was not fitted to.
Beside it stand the discriminator's own heads, which the generator was trained to please.

    python -m synth_engine.training.gansynth.obedience --run RUN --data DATA
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from synth_engine.datasets.shards import FULL_SCALE, read_dataset
from synth_engine.generator.conditions import Condition
from synth_engine.generator.spectral import SAMPLE_RATE_HZ, waves_to_spectrograms
from synth_engine.training.gansynth import checkpoint
from synth_engine.training.gansynth.checkpoint import CheckpointError
from synth_engine.training.gansynth.config import TrainingConfig
from synth_engine.training.gansynth.config_file import parse
from synth_engine.training.gansynth.devices import OneDevice
from synth_engine.training.gansynth.notes import condition_numbers
from synth_engine.training.gansynth.samples import generate, to_waves
from synth_engine.training.gansynth.trainer import Trainer

FloatArray: TypeAlias = NDArray[np.float32]
Classes: TypeAlias = NDArray[np.int64]

_WINDOW_FRAMES = 512
_BANDS = 48
_TIMES = 8
_PARTS = 80  # principal components the judge sees
_FLOOR_DB = -80.0
_HELD_OUT = 4  # every fourth real note is kept for testing the judge


@dataclass(frozen=True)
class Obedience:
    """What came of asking for one condition.

    Attributes
    ----------
    condition : str
        Such as "family".
    chance : float
        Share that guessing would get right: one over the number of values asked for.
    real, real_resynthesised : float
        Share of held-out real notes the judge names rightly, mean over the values; the same after the way
        through the model's own representation.
    judged : float
        Share of generated notes that the judge hears as what was asked, mean over the values.
    judged_any_pitch : float
        The same with pitches the value may not have in the data.
    named, real_named : float
        Share that the discriminator's own head names as asked; of real notes, names as they are.
    agreed : float
        Share on which judge and head say the same.
    notes : int
        Generated notes.
    by_value : dict of str to float
        `judged` of each value.
    """

    condition: str
    chance: float
    real: float
    real_resynthesised: float
    judged: float
    judged_any_pitch: float
    named: float
    real_named: float
    agreed: float
    notes: int
    by_value: dict[str, float]


def log_mel_features(waves: FloatArray) -> FloatArray:
    """Level of 48 mel bands at 8 times in dB of the note's loudest, shape (notes, 384)."""
    hop = max(1, (waves.shape[1] - _WINDOW_FRAMES) // (_TIMES - 1))
    windows = np.lib.stride_tricks.sliding_window_view(waves, _WINDOW_FRAMES, axis=1)[:, ::hop][:, :_TIMES]
    power = np.abs(np.fft.rfft(windows * np.hanning(_WINDOW_FRAMES), axis=-1)) ** 2
    level = 10.0 * np.log10(power @ _mel_bands() + 1e-12)
    level -= level.max(axis=(1, 2), keepdims=True)
    features: FloatArray = np.maximum(level, _FLOOR_DB).reshape(len(waves), -1).astype(np.float32)
    return features


def _mel_bands() -> NDArray[np.float64]:
    """Triangles equally wide in mel (2595 log10(1 + f / 700)), shape (bins, bands)."""
    hz = np.linspace(0.0, SAMPLE_RATE_HZ / 2, _WINDOW_FRAMES // 2 + 1)
    place = 2595.0 * np.log10(1.0 + hz / 700.0)
    centres = np.linspace(0.0, place[-1], _BANDS + 2)[1:-1]
    distance = np.abs(place[:, None] - centres) / (centres[1] - centres[0])
    bands: NDArray[np.float64] = np.maximum(0.0, 1.0 - distance)
    return bands


def fit_judge(features: FloatArray, classes: Classes) -> Pipeline:
    """Fit the judge; rare values count as much as frequent ones."""
    judge = make_pipeline(StandardScaler(), PCA(_PARTS, random_state=0), SVC(C=10.0, class_weight="balanced"))
    return judge.fit(features, classes)


def balanced_accuracy(found: Classes, wanted: Classes) -> float:
    """Mean over the wanted classes of the share found."""
    return float(np.mean([(found[wanted == value] == value).mean() for value in np.unique(wanted)]))


class Questioner:
    """A run's newest networks, and the real notes of its data.

    Parameters
    ----------
    run : Path
        Folder of the run.
    data : Path
        Its data set.

    Raises
    ------
    CheckpointError
        If the run has no checkpoint, or no condition of which one value holds.
    """

    def __init__(self, run: Path, data: Path) -> None:
        found = checkpoint.read(run)
        if found is None:
            raise CheckpointError(f"{run} holds no checkpoint")
        self.config = parse(TrainingConfig, found.config)
        self.trainer = Trainer(self.config, OneDevice(), found.arrays, found.images, found.stage)
        size = self.config.architecture
        waves, labels = read_dataset(data)
        chosen = [i for i, label in enumerate(labels) if label.pitch in size.pitches]
        rows = np.stack([waves[i][: size.wave_frames] for i in chosen]).astype(np.float32) / FULL_SCALE
        self.waves = rows.astype(np.float32)
        self.pitches = np.array([size.pitches.index(labels[i].pitch) for i in chosen])
        self.conditions = np.stack([condition_numbers(waves[i], labels[i], size.conditions) for i in chosen])

    def classes_of(self, group: Condition, vectors: FloatArray) -> Classes:
        """Which value of an exclusive condition every row says."""
        start = 0
        for condition in self.config.architecture.conditions:
            if condition == group:
                break
            start += len(condition.values)
        classes: Classes = vectors[:, start : start + len(group.values)].argmax(axis=1)
        return classes

    def spectrograms(self, waves: FloatArray) -> FloatArray:
        """Real notes in the model's representation, as coarse as the stage's."""
        made = waves_to_spectrograms(waves, self.config.architecture.representation)
        bins = self.trainer.stage_bins
        times = made.shape[2] // bins
        pooled: FloatArray = made.reshape(len(made), -1, times, bins, times, 2).mean((2, 4))
        return pooled

    def resynthesised(self, waves: FloatArray) -> FloatArray:
        """Real notes through the model's representation and back."""
        return to_waves(self.trainer, self.spectrograms(waves))

    def ask(
        self, rows: NDArray[np.int64], pitches: NDArray[np.int64], rng: np.random.Generator
    ) -> FloatArray:
        """Spectrograms of random noise with the conditions of real notes `rows`, at `pitches`."""
        noise = rng.standard_normal((len(rows), self.config.architecture.noise_size), np.float32)
        latents = np.concatenate([noise, self.conditions[rows]], axis=1)
        one_hots = np.eye(len(self.config.architecture.pitches), dtype=np.float32)[pitches]
        return generate(self.trainer, latents, one_hots)


def measure(asker: Questioner, group: Condition, notes: int, seed: int) -> Obedience:
    """Ask for every value of an exclusive condition equally often, all else as it occurs with it in the data.

    Parameters
    ----------
    asker : Questioner
        The run.
    group : Condition
        What to ask for.
    notes : int
        How many notes, rounded down to a multiple of the values that occur.
    seed : int
        Of noise, notes and pitches.
    """
    rng = np.random.default_rng(seed)
    classes = asker.classes_of(group, asker.conditions)
    held_out = np.arange(len(classes)) % _HELD_OUT == 0
    judge = fit_judge(log_mel_features(asker.waves[~held_out]), classes[~held_out])
    values = np.unique(classes)
    rows = np.concatenate([rng.choice(np.flatnonzero(classes == v), notes // len(values)) for v in values])
    wanted = classes[rows]
    made = asker.ask(rows, asker.pitches[rows], rng)
    heard = judge.predict(log_mel_features(to_waves(asker.trainer, made)))
    named = _named(asker.trainer, group, made)
    elsewhere = to_waves(asker.trainer, asker.ask(rows, rng.permutation(asker.pitches[rows]), rng))
    real = asker.waves[held_out]
    return Obedience(
        group.name,
        1.0 / len(values),
        balanced_accuracy(judge.predict(log_mel_features(real)), classes[held_out]),
        balanced_accuracy(judge.predict(log_mel_features(asker.resynthesised(real))), classes[held_out]),
        balanced_accuracy(heard, wanted),
        balanced_accuracy(judge.predict(log_mel_features(elsewhere)), wanted),
        balanced_accuracy(named, wanted),
        balanced_accuracy(_named(asker.trainer, group, asker.spectrograms(real)), classes[held_out]),
        float((heard == named).mean()),
        len(rows),
        {group.values[v]: round(float((heard[wanted == v] == v).mean()), 3) for v in values},
    )


def _named(trainer: Trainer, group: Condition, spectrograms: FloatArray) -> Classes:
    """What the discriminator's head of a condition says."""
    logits = [trainer.judge(batch)[group.name] for batch in _batches(spectrograms)]
    named: Classes = np.concatenate(logits)[: len(spectrograms)].argmax(axis=1)
    return named


def _batches(made: FloatArray, size: int = 8) -> list[FloatArray]:
    padded = np.concatenate([made, np.zeros((-len(made) % size, *made.shape[1:]), np.float32)])
    return np.split(padded, len(padded) // size)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure from the command line; one JSON object a condition on the standard output."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", type=Path, required=True, help="folder of the training run")
    parser.add_argument("--data", type=Path, required=True, help="its data set")
    parser.add_argument("--notes", type=int, default=528, help="notes to generate")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    asker = Questioner(options.run, options.data)
    for group in asker.config.architecture.conditions:
        if group.exclusive:
            found = asdict(measure(asker, group, options.notes, options.seed))
            sys.stdout.write(json.dumps({"images": asker.trainer.images, **found}) + "\n")


if __name__ == "__main__":
    main()
