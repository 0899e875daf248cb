"""The recipe of the embedded model: a decoder with one learned latent per instrument.

No discriminator and no encoder: every instrument owns a Gaussian in latent space, shared by all its pitches,
and the generator learns to turn a draw from it and a pitch into the real note. A divergence term pulls the
Gaussians towards N(0, I), so that points between the instruments mean something too.

    python -m synth_engine.training.decoder --data DATA --out RUN --minutes 75
    python -m synth_engine.training.decoder --data DATA --out RUN --minutes 150 --resume
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from synth_engine.datasets.labels import Label
from synth_engine.generator.harmonic import maps_of_pitch
from synth_engine.generator.network import Generator
from synth_engine.training import checkpoints, losses
from synth_engine.training.checkpoints import Checkpoint
from synth_engine.training.recipe import Recipe, instruments_of, read_recipe, write_recipe
from synth_engine.training.spectra import open_spectra

_REPORT_S = 20.0
_SAVE_S = 300.0


class Trainer:
    """Network, instruments' Gaussians, optimiser and their moving averages, stepped batch by batch."""

    def __init__(self, recipe: Recipe, instruments: int) -> None:
        self.recipe = recipe
        self.network = Generator(recipe.architecture, recipe.seed, recipe.convolution_dtype)
        draw = np.random.default_rng(recipe.seed).normal(size=(instruments, recipe.architecture.latent_size))
        self.means = keras.Variable(0.8 * draw.astype(np.float32), name="means")
        self.log_variances = keras.Variable(
            np.full(draw.shape, recipe.first_log_variance, np.float32), name="log_variances"
        )
        self.variables = [*self.network.trainable_variables, self.means, self.log_variances]
        self.optimiser = keras.optimizers.Adam(recipe.peak_rate, beta_1=0.9, beta_2=0.99, epsilon=1e-8)
        self.optimiser.build(self.variables)
        self.averages = [keras.Variable(v.numpy(), trainable=False) for v in self.variables]
        self.step_number = 0
        self._step = tf.function(self._train_step, reduce_retracing=True)

    def step(self, batch: dict[str, NDArray[np.float32]], progress: float) -> NDArray[np.float32]:
        """Learn one batch; returns (magnitude, frequency, divergence in nats)."""
        recipe = self.recipe
        self.optimiser.learning_rate.assign(
            losses.learning_rate(progress, self.step_number, recipe.peak_rate)
        )
        decay = min(recipe.averaging, (1 + self.step_number) / (10 + self.step_number))
        tensors = {name: tf.constant(array) for name, array in batch.items()}
        terms = self._step(tensors, tf.constant(decay, tf.float32))
        self.step_number += 1
        return np.array(terms, np.float32)

    def _train_step(self, batch: dict[str, tf.Tensor], decay: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            means = tf.matmul(batch["instruments"], self.means.value)
            log_variances = tf.matmul(batch["instruments"], self.log_variances.value)
            latents = means + tf.exp(0.5 * log_variances) * batch["noise"]
            generated = self.network({**batch, "latents": latents})
            magnitude, frequency = losses.reconstruction(generated, batch["real"])
            nats = tf.reduce_mean(losses.divergence(means, log_variances))
            recipe = self.recipe
            loss = recipe.magnitude_weight * magnitude + recipe.frequency_weight * frequency
            loss += recipe.divergence_weight * nats
        gradients = tape.gradient(loss, [variable.value for variable in self.variables])
        self.optimiser.apply(gradients, self.variables)
        for average, variable in zip(self.averages, self.variables, strict=True):
            average.assign(decay * average.value + (1.0 - decay) * variable.value)
        return tf.stack([magnitude, frequency, nats])

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything a resumed run needs, by name."""
        groups = self._groups().items()
        return {f"{group}/{i}": np.asarray(v.value) for group, vs in groups for i, v in enumerate(vs)}

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint."""
        for group, variables in self._groups().items():
            for i, variable in enumerate(variables):
                variable.assign(checkpoint.tensors[f"{group}/{i}"])
        self.step_number = checkpoint.step

    def _groups(self) -> dict[str, list[keras.Variable]]:
        return {"weight": self.variables, "average": self.averages, "adam": self.optimiser.variables}


def batches(
    spectra: NDArray[np.float16], labels: list[Label], recipe: Recipe, rng: np.random.Generator
) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Draw batches for ever: an instrument evenly, then one of its notes evenly."""
    names = instruments_of(labels)
    notes = [[i for i, label in enumerate(labels) if label.instrument == name] for name in names]
    size = recipe.architecture
    while True:
        instruments = rng.choice(len(names), recipe.batch, replace=False)
        chosen = [int(rng.choice(notes[i])) for i in instruments]
        pitches = [labels[note].pitch for note in chosen]
        maps = [maps_of_pitch(float(pitch), size.representation) for pitch in pitches]
        yield {
            "instruments": np.eye(len(names), dtype=np.float32)[instruments],
            "one_hots": np.eye(len(size.pitches), dtype=np.float32)[np.array(pitches) - size.pitches[0]],
            "noise": rng.normal(size=(recipe.batch, size.latent_size)).astype(np.float32),
            "maps": np.stack([m.channels for m in maps]),
            "base_steps": np.stack([m.base_step for m in maps]),
            "real": np.stack([spectra[note] for note in chosen]).astype(np.float32),
        }


def train(data: Path, out: Path, minutes: float, recipe: Recipe, resume: bool = False) -> None:
    """Train for `minutes` of training time (a resumed run's earlier time counts), saving every five minutes.

    Parameters
    ----------
    data : Path
        Data set made by `render_dataset`.
    out : Path
        Folder for checkpoints, recipe and the curve.
    minutes : float
        The learning rate falls over this time.
    recipe : Recipe
        A resumed run must have the one it began with.
    resume : bool
        Continue from the checkpoint in `out`.

    Raises
    ------
    FileNotFoundError
        If `data` holds no notes, or `resume` is set and `out` no checkpoint.
    """
    spectra, labels = open_spectra(data)
    trainer = Trainer(recipe, len(instruments_of(labels)))
    rng = np.random.default_rng(recipe.seed + 1)
    elapsed_s = 0.0
    if resume:
        checkpoint = checkpoints.read(out)
        trainer.restore(checkpoint)
        rng.bit_generator.state = checkpoint.random_state
        elapsed_s = checkpoint.elapsed_s
    write_recipe(recipe, out)
    stream = batches(spectra, labels, recipe, rng)
    terms: list[NDArray[np.float32]] = []
    last_s, saved_s, reported_s = time.monotonic(), elapsed_s, elapsed_s
    while elapsed_s < 60.0 * minutes:
        terms.append(trainer.step(next(stream), elapsed_s / (60.0 * minutes)))
        now_s = time.monotonic()
        elapsed_s, last_s = elapsed_s + now_s - last_s, now_s
        if elapsed_s - reported_s > _REPORT_S:
            _report(out, trainer.step_number, elapsed_s, np.mean(terms, axis=0))
            terms, reported_s = [], elapsed_s
        if elapsed_s - saved_s > _SAVE_S:
            _save(out, trainer, rng, elapsed_s)
            saved_s = elapsed_s
    _save(out, trainer, rng, elapsed_s)


def _save(out: Path, trainer: Trainer, rng: np.random.Generator, elapsed_s: float) -> None:
    checkpoints.write(
        out, Checkpoint(trainer.state(), trainer.step_number, elapsed_s, dict(rng.bit_generator.state))
    )


def _report(out: Path, step: int, elapsed_s: float, terms: NDArray[np.float32]) -> None:
    path = out / "curve.csv"
    out.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(["step", "elapsed_s", "magnitude", "frequency", "divergence_nats"])
        writer.writerow([step, f"{elapsed_s:.1f}", *(f"{term:.5f}" for term in terms)])
    figures = "  ".join(f"{term:.4f}" for term in terms)
    sys.stdout.write(f"step {step}  {elapsed_s / 60:.1f} min  {figures}\n")
    sys.stdout.flush()


def main() -> None:
    """Run the recipe from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder made by render_dataset")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints and the curve")
    parser.add_argument("--minutes", type=float, default=75.0, help="training time, earlier runs included")
    parser.add_argument("--rate", type=float, default=Recipe.peak_rate, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="continue from the checkpoint in --out")
    options = parser.parse_args()
    is_new = not options.resume
    recipe = Recipe(peak_rate=options.rate, seed=options.seed) if is_new else read_recipe(options.out)
    train(options.data, options.out, options.minutes, recipe, options.resume)


if __name__ == "__main__":
    main()
