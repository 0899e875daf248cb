"""A training from start to end, or to where it is stopped, and on from there."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from mappings.atomic_files import write_atomic
from mappings.documents import DocumentError
from synth_engine.training.gansynth import checkpoint
from synth_engine.training.gansynth.checkpoint import Checkpoint
from synth_engine.training.gansynth.config import TrainingConfig
from synth_engine.training.gansynth.curve import Curve
from synth_engine.training.gansynth.devices import DevicesError, OneDevice, SharedDevices
from synth_engine.training.gansynth.export import export_model, finite
from synth_engine.training.gansynth.notes import Draws, Notes, open_notes
from synth_engine.training.gansynth.samples import Points, fixed_points, write_samples
from synth_engine.training.gansynth.trainer import Trainer

MODEL_NAME = "model"
SAMPLES_NAME = "samples"

Report: TypeAlias = Callable[[str], None]


class Diverged(RuntimeError):
    """A loss or a weight is no number any more; the last good checkpoint is kept."""


class OtherConfig(DocumentError):
    """A run's folder holds a training of another configuration; the text names the first difference."""


@dataclass(frozen=True)
class Plan:
    """Where a training reads and writes, and when it stops.

    Attributes
    ----------
    data : Path
        Data set.
    out : Path
        Folder of the run: checkpoint, curve, samples, model.
    minutes : float or None
        Stop after so long, with a checkpoint; None trains to the end.
    leads : bool
        Whether this process writes; of several hosts, which share `out`, only the first does.
    """

    data: Path
    out: Path
    minutes: float | None = None
    leads: bool = True


def train(
    plan: Plan, config: TrainingConfig, devices: OneDevice | SharedDevices, report: Report = lambda _: None
) -> Trainer:
    """Train, going on from the checkpoint in the run's folder if there is one.

    Parameters
    ----------
    plan : Plan
        Where and how long.
    config : TrainingConfig
        What.
    devices : OneDevice or SharedDevices
        On what.
    report : callable
        Told what happens, in lines for people.

    Returns
    -------
    Trainer
        As it was left; its model has been written.

    Raises
    ------
    OtherConfig
        If the folder's checkpoint is of another configuration.
    Diverged
        If a loss or weight becomes infinite or no number.
    DocumentError
        If the data set or the checkpoint cannot be used.
    OSError
        If files cannot be read or written.
    """
    found = checkpoint.read(plan.out)
    if found is not None:
        _check_same(found, config, plan.out)
    notes = open_notes(plan.data, plan.out, config, _reporting(report))
    return _Session(plan, notes, devices, found, report).run(config)


class _Session:
    """One process's part of a run."""

    def __init__(
        self,
        plan: Plan,
        notes: Notes,
        devices: OneDevice | SharedDevices,
        found: Checkpoint | None,
        report: Report,
    ) -> None:
        self._plan, self._notes, self._devices = plan, notes, devices
        self._found, self._report = found, report
        self._before_s = found.elapsed_s if found else 0.0
        self._started_s = time.monotonic()

    def run(self, config: TrainingConfig) -> Trainer:
        found = self._found
        trainer = (
            Trainer(config, self._devices, found.arrays, found.images, found.stage)
            if found
            else Trainer(config, self._devices)
        )
        self._trainer, self._draws = trainer, Draws(self._notes, config)
        self._points: Points = fixed_points(self._notes, config)
        self._curve = Curve(self._plan.out, trainer.images, found.unreported if found else {})
        if self._devices.agree(trainer.images) != trainer.images:
            raise DevicesError(
                f"{self._plan.out}: not what the first host has; all hosts must share the folder"
            )
        self._report(
            f"{'resuming' if found else 'starting'} at {trainer.images} images, {_stage_words(trainer)}"
        )
        self._saved_s = self._sampled_s = self._lasted_s
        try:
            while not trainer.finished and not self._out_of_time:
                self._step()
                self._write_what_is_due()
        except KeyboardInterrupt:
            self._save()
            raise
        self._save()
        self._write_results()
        return trainer

    @property
    def _lasted_s(self) -> float:
        return time.monotonic() - self._started_s

    @property
    def _out_of_time(self) -> bool:
        minutes = self._plan.minutes
        return minutes is not None and self._devices.agree(self._lasted_s) >= 60.0 * minutes

    def _step(self) -> None:
        trainer = self._trainer
        if trainer.enter_stage():
            self._report(f"{trainer.images} images: {_stage_words(trainer)}")
        step = trainer.images // trainer.config.schedule.batch
        terms = trainer.step(self._draws.batch(step, trainer.stage.blocks))
        if not all(math.isfinite(term) for term in terms.values()):
            raise self._diverged(", ".join(name for name, term in terms.items() if not math.isfinite(term)))
        self._curve.add(terms)

    def _write_what_is_due(self) -> None:
        trainer, output = self._trainer, self._trainer.config.output
        if _crossed(trainer, output.curve_images) and self._plan.leads:
            progress = trainer.stage.blocks - 2 + trainer.fade
            means = self._curve.write_row(trainer.images, progress, self._before_s + self._lasted_s)
            words = "  ".join(f"{name} {mean:.3f}" for name, mean in means.items())
            self._report(
                f"{trainer.images} images, {(self._before_s + self._lasted_s) / 60:.1f} min  {words}"
            )
        if self._lasted_s - self._saved_s >= 60.0 * output.checkpoint_minutes:
            self._save()
        due = self._lasted_s - self._sampled_s >= 60.0 * output.samples_minutes
        if due or (output.samples_images and _crossed(trainer, output.samples_images)):
            self._write_samples()

    def _save(self) -> None:
        trainer, plan = self._trainer, self._plan
        if not finite(trainer):
            raise self._diverged("a weight")
        if plan.leads:
            elapsed_s = self._before_s + self._lasted_s
            state = Checkpoint(
                trainer.arrays(), trainer.images, trainer.stage.number, elapsed_s, self._curve.unreported,
                trainer.config.decisive(),
            )  # fmt: skip
            checkpoint.write(plan.out, state)
        self._saved_s = self._lasted_s

    def _write_samples(self) -> None:
        if self._plan.leads:
            write_samples(self._trainer, self._points, self._plan.out / SAMPLES_NAME)
        self._sampled_s = self._lasted_s

    def _write_results(self) -> None:
        self._write_samples()
        if self._plan.leads:
            export_model(self._trainer, self._notes, self._plan.data, self._plan.out / MODEL_NAME)
            config = json.dumps(self._trainer.config.decisive(), indent=1)
            write_atomic(self._plan.out / "config.json", config.encode(), generations=0)
            self._report(f"wrote {self._plan.out / MODEL_NAME}")

    def _diverged(self, what: str) -> Diverged:
        path = self._plan.out / checkpoint.NAME
        kept = f"the last good checkpoint is {path}" if path.exists() else "there is no checkpoint yet"
        return Diverged(f"after {self._trainer.images} images not a finite number: {what}; {kept}")


def _crossed(trainer: Trainer, every_images: int) -> bool:
    """Whether this step's images went over a multiple of `every_images`."""
    batch = trainer.config.schedule.batch
    return trainer.images // every_images > (trainer.images - batch) // every_images


def _stage_words(trainer: Trainer) -> str:
    stage = trainer.stage
    return f"stage {stage.number} ({stage.kind}, {stage.blocks} blocks)"


def _check_same(found: Checkpoint, config: TrainingConfig, out: Path) -> None:
    for table, entries in config.decisive().items():
        for key, wanted in entries.items():
            have = found.config.get(table, {}).get(key)
            if have != wanted:
                raise OtherConfig(
                    f"{out} holds a run with [{table}] {key} = {have!r}, asked is {wanted!r}: "
                    "give that value, or another folder"
                )


def _reporting(report: Report) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done == total or done % 320 == 0:
            report(f"analysing: {done} of {total} notes")

    return progress
