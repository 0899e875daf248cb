"""The recipe of the embedded model: a decoder with one learned Gaussian in latent space per instrument.

Every instrument owns a Gaussian, shared by all its pitches, and the generator learns to turn a draw from it
and a pitch into the real note. A divergence term pulls the Gaussians towards N(0, I), so that points between
the instruments mean something too.

    python -m synth_engine.training.decoder --data DATA --out RUN --minutes 75
    python -m synth_engine.training.decoder --data DATA --out RUN --minutes 75 --resume --slice 8

It runs on Keras' TensorFlow or JAX backend (KERAS_BACKEND=jax) and, stopped at any moment, goes on from its
last checkpoint.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synth_engine.training import checkpoints
from synth_engine.training.batches import batches
from synth_engine.training.checkpoints import Checkpoint
from synth_engine.training.recipe import Recipe, instruments_of, read_recipe, write_recipe
from synth_engine.training.spectra import open_spectra
from synth_engine.training.trainer import TERMS, Trainer
from synth_engine.training.widening import widen

_REPORT_S = 20.0
_SAVE_S = 300.0


@dataclass(frozen=True)
class Session:
    """How a run begins and ends.

    Attributes
    ----------
    minutes : float
        Training time, earlier sessions included; the learning rate falls over it.
    slice_minutes : float
        End after so many minutes of this session even if the training is not over.
    resume : bool
        Continue from the run's checkpoint.
    start : Path or None
        Begin with the averaged weights of another run, of the same widths or half.
    """

    minutes: float
    slice_minutes: float = math.inf
    resume: bool = False
    start: Path | None = None


def train(data: Path, out: Path, recipe: Recipe, session: Session) -> None:
    """Train, saving every five minutes and at the end.

    Parameters
    ----------
    data : Path
        Data set made by `timbred dataset`.
    out : Path
        Folder for checkpoints, recipe and the curve.
    recipe : Recipe
        A resumed run must have the one it began with.
    session : Session
        How to begin and when to end.

    Raises
    ------
    FileNotFoundError
        If `data` holds no notes, or a checkpoint asked for is not there.
    ValueError
        If the run to start from does not fit the recipe.
    """
    spectra, labels = open_spectra(data)
    trainer = Trainer(recipe, len(instruments_of(labels)))
    rng = np.random.default_rng(recipe.seed + 1)
    elapsed_s = _begin(trainer, rng, out, session)
    write_recipe(recipe, out)
    stream = batches(spectra, labels, recipe, rng)
    terms: list[NDArray[np.float32]] = []
    total_s = 60.0 * session.minutes
    end_s = min(total_s, elapsed_s + 60.0 * session.slice_minutes)
    last_s, saved_s, reported_s = time.monotonic(), elapsed_s, elapsed_s
    while elapsed_s < end_s:
        terms.append(trainer.step(next(stream), elapsed_s / total_s))
        now_s = time.monotonic()
        elapsed_s, last_s = elapsed_s + now_s - last_s, now_s
        if elapsed_s - reported_s > _REPORT_S:
            _report(out, trainer.step_number, elapsed_s, np.mean(terms, axis=0))
            terms, reported_s = [], elapsed_s
        if elapsed_s - saved_s > _SAVE_S:
            _save(out, trainer, rng, elapsed_s)
            saved_s = elapsed_s
    _save(out, trainer, rng, elapsed_s)


def _begin(trainer: Trainer, rng: np.random.Generator, out: Path, session: Session) -> float:
    """Bring the trainer to where the session begins; returns the training time so far in seconds."""
    if session.resume:
        checkpoint = checkpoints.read(out)
        trainer.restore(checkpoint)
        rng.bit_generator.state = checkpoint.random_state
        return checkpoint.elapsed_s
    if session.start is not None:
        begin_with_run(trainer, session.start)
    return 0.0


def begin_with_run(trainer: Trainer, run: Path) -> None:
    """Start from another run's averaged weights and Gaussians, widened where the recipes differ.

    Raises
    ------
    FileNotFoundError
        If `run` holds no checkpoint or no recipe.
    ValueError
        If it cannot be widened to the trainer's architecture.
    """
    checkpoint, recipe = checkpoints.read(run), read_recipe(run)
    names = list(recipe.architecture.weight_shapes())
    averages = [checkpoint.tensors[f"average/{i}"] for i in range(len(names) + 2)]
    weights = widen(
        dict(zip(names, averages, strict=False)),
        recipe.architecture,
        trainer.recipe.architecture,
        np.random.default_rng(trainer.recipe.seed),
    )
    trainer.begin_with([*weights.values(), *averages[-2:]])


def _save(out: Path, trainer: Trainer, rng: np.random.Generator, elapsed_s: float) -> None:
    checkpoints.write(
        out, Checkpoint(trainer.state(), trainer.step_number, elapsed_s, dict(rng.bit_generator.state))
    )


def _report(out: Path, step: int, elapsed_s: float, terms: NDArray[np.float32]) -> None:
    path = out / "curve.csv"
    out.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(["step", "elapsed_s", *TERMS])
        writer.writerow([step, f"{elapsed_s:.1f}", *(f"{term:.5f}" for term in terms)])
    figures = "  ".join(f"{term:.4f}" for term in terms)
    sys.stdout.write(f"step {step}  {elapsed_s / 60:.1f} min  {figures}\n")
    sys.stdout.flush()


def main() -> None:
    """Run the recipe from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder made by `timbred dataset`")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints and the curve")
    parser.add_argument("--minutes", type=float, default=75.0, help="training time, earlier runs included")
    parser.add_argument(
        "--slice", type=float, default=math.inf, help="end this session after so many minutes"
    )
    parser.add_argument("--resume", action="store_true", help="continue from the checkpoint in --out")
    parser.add_argument("--start", type=Path, help="run to begin with, of the same widths or half")
    parser.add_argument("--rate", type=float, default=Recipe.peak_rate, help="highest learning rate")
    parser.add_argument("--batch", type=int, default=Recipe.batch, help="notes a step")
    parser.add_argument("--channels", type=_widths, help="channels of each block, such as 256,256,...")
    parser.add_argument("--adversarial", type=float, default=0.0, help="weight of a critic, 0 for none")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    recipe = read_recipe(options.out) if options.resume else _recipe(options)
    session = Session(options.minutes, options.slice, options.resume, options.start)
    train(options.data, options.out, recipe, session)


def _widths(text: str) -> tuple[int, ...]:
    return tuple(int(width) for width in text.split(","))


def _recipe(options: argparse.Namespace) -> Recipe:
    recipe = Recipe(
        peak_rate=options.rate,
        batch=options.batch,
        seed=options.seed,
        adversarial_weight=options.adversarial,
    )
    if options.channels is None:
        return recipe
    return replace(recipe, architecture=replace(recipe.architecture, channels=options.channels))


if __name__ == "__main__":
    main()
