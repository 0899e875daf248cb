"""A checkpoint of the original becomes a model: only the tensors that sound are read, and all are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth_engine.gansynth.bundle import BundleReader, Variable
from synth_engine.gansynth.flags import LARGEST_BYTES, Flags, parse_flags
from synth_engine.gansynth.locating import Location, locate
from synth_engine.gansynth.names import PITCH_LOGITS, STEP, block_numbers, has_averages, original_name
from synth_engine.gansynth.schedule import blend_of_progress, blocks_of_stage, progress_of_step
from synth_engine.gansynth.sources import CheckpointError, read_whole
from synth_engine.generator.architecture import Architecture
from synth_engine.generator.model import Model

FORMAT = "GANSynth checkpoint"  # the key "format" in the provenance of imported models
LOWEST_PITCH = 24  # of the released models, and of forks that do not say
RELEASED_LABELS = 61
UNSTATED_LICENCE = "not stated by the checkpoint"


@dataclass(frozen=True)
class ImportPlan:
    """How to read a checkpoint.

    Attributes
    ----------
    lowest_pitch : int or None
        MIDI pitch of label 0; None takes the settings' word, or else 24.
    raw : bool
        Take the raw weights where there are no moving averages, or in their place.
    licence : str
        Licence of the weights.
    """

    lowest_pitch: int | None = None
    raw: bool = False
    licence: str = UNSTATED_LICENCE


@dataclass(frozen=True)
class Imported:
    """A model, and what the player should know of how it was read."""

    model: Model
    notes: tuple[str, ...]


def read_checkpoint(path: Path, plan: ImportPlan | None = None) -> Imported:
    """Read the newest checkpoint at a path.

    Parameters
    ----------
    path : Path
        See :func:`synth_engine.gansynth.locating.locate`.
    plan : ImportPlan, optional
        How to read it.

    Returns
    -------
    Imported
        The model has no digest yet: saving gives it one.

    Raises
    ------
    CheckpointError
        If it is no checkpoint of GANSynth's generator, or a damaged one; names the variable and the file.

    Notes
    -----
    Source: Engel et al., GANSynth (ICLR 2019); weights that generate are the moving averages.
    """
    plan = plan or ImportPlan()
    location = locate(Path(path))
    return _Import(location, plan, Path(path)).read()


class _Import:
    """One import: what is known so far, and the steps that find out more."""

    def __init__(self, location: Location, plan: ImportPlan, path: Path) -> None:
        self._location = location
        self._plan = plan
        self._path = path
        self._notes = [location.note] if location.note else []
        self._flags = self._read_flags()
        self._reader = BundleReader(location.prefix, location.source)
        self._variables = self._reader.variables
        self._averaged = not plan.raw

    def read(self) -> Imported:
        step = self._step()
        architecture = self._architecture(step)
        weights = self._weights(architecture)
        provenance = {
            "format": FORMAT,
            "file": self._path.resolve().name,
            "checkpoint": PurePosixPath(self._location.prefix).name,
            "stage": self._location.stage,
            "step": step,
            "weights": "moving averages" if self._averaged else "raw",
            "flags": _without_folders(self._flags.raw),
        }
        model = Model(architecture, weights, provenance=provenance, licence=self._plan.licence)
        return Imported(model, tuple(self._notes))

    def _read_flags(self) -> Flags:
        location = self._location
        if location.flags_name is None:
            self._notes.append(
                "no experiment.json beside the checkpoint: representation and schedule taken as those of the "
                "released models, sizes from the weights"
            )
            return Flags()
        content = read_whole(location.source, location.flags_name, LARGEST_BYTES)
        return parse_flags(content, location.source.where(location.flags_name))

    # -- sizes

    def _fail(self, name: str, text: str) -> CheckpointError:
        return CheckpointError(f"{self._reader.where}: {name}: {text}")

    def _shape(self, name: str, axes: int) -> tuple[int, ...]:
        """Shape of a generator's weight that the architecture is built from."""
        original = original_name(name, self._averaged)
        variable = self._variables.get(original)
        if variable is None:
            raise self._fail(original, "not in the checkpoint")
        if len(variable.shape) != axes or 0 in variable.shape:
            raise self._fail(original, f"expected {axes} axes, found shape {variable.shape}")
        return variable.shape

    def _blocks(self) -> int:
        names = frozenset(self._variables)
        numbers = block_numbers(names)
        if not numbers:
            raise CheckpointError(
                f"{self._reader.where}: no GANSynth generator: "
                f"{original_name('block_1/conv0/kernel', self._averaged)} is not among its "
                f"{len(names)} variables"
            )
        if self._averaged and not has_averages(names):
            raise CheckpointError(
                f"{self._reader.where}: holds raw weights only, and the moving averages are what generates; "
                "--raw takes them as they are"
            )
        return max(numbers)

    def _architecture(self, step: int) -> Architecture:
        blocks = self._blocks()
        channels = tuple(self._shape(f"block_{b}/conv0/bias", 1)[0] for b in range(1, blocks + 1))
        frames, bins, inputs, _ = self._shape("block_1/conv0/kernel", 4)
        latent_size = self._latent_size(inputs)
        flags = self._flags
        try:
            return Architecture(
                channels=channels,
                latent_size=latent_size,
                pitches=self._pitches(inputs - latent_size),
                wave_frames=flags.audio_frames,
                start_frames=frames,
                start_bins=bins,
                resolutions=flags.resolutions if flags.resolutions > blocks else 0,
                blend=self._blend(step, blocks),
                kind=flags.kind,
                scale=flags.scale,
                offset=flags.offset,
            )
        except ValueError as error:
            raise CheckpointError(f"{self._path}: sizes do not fit each other: {error}") from None

    def _labels(self) -> int | None:
        """Pitches the discriminator tells apart, if it is there."""
        logits = self._variables.get(PITCH_LOGITS)
        return logits.shape[-1] if logits is not None and logits.shape else None

    def _latent_size(self, inputs: int) -> int:
        kernel = original_name("block_1/conv0/kernel", self._averaged)
        labels = self._labels()
        latent_size = self._flags.latent_size or inputs - (labels or RELEASED_LABELS)
        if not 0 < latent_size < inputs:
            raise self._fail(
                kernel, f"{inputs} inputs, expected more than the {latent_size} of latent_vector_size"
            )
        if labels is not None and latent_size + labels != inputs:
            raise self._fail(
                kernel,
                f"{inputs} inputs, expected {latent_size} of the latent and {labels} pitches: "
                "conditional forks are not supported",
            )
        return latent_size

    def _pitches(self, labels: int) -> tuple[int, ...]:
        flags, lowest = self._flags, self._plan.lowest_pitch
        if lowest is None:
            lowest = LOWEST_PITCH if flags.lowest_pitch is None else flags.lowest_pitch
            said = flags.highest_pitch
            if said is not None and said - lowest + 1 != labels:
                raise CheckpointError(
                    f"{self._path}: train_min_pitch and train_max_pitch say {lowest}..{said}, "
                    f"the weights have {labels} pitches; --lowest-pitch decides"
                )
        if not 0 <= lowest <= 128 - labels:
            raise CheckpointError(
                f"{self._path}: {labels} pitches from {lowest} upward do not fit 0..127; "
                "--lowest-pitch decides"
            )
        return tuple(range(lowest, lowest + labels))

    # -- blending

    def _step(self) -> int:
        if STEP not in self._variables:
            step = self._location.step_in_name
            if step is None:
                raise self._fail(STEP, "not in the checkpoint, and the file's name has no step either")
            self._notes.append(f"{STEP} is not in the checkpoint: {step} taken from the file's name")
            return step
        variable = self._variables[STEP]
        if variable.shape or not variable.dtype.startswith("int"):
            raise self._fail(STEP, f"expected one int64, found {variable.dtype} of shape {variable.shape}")
        return max(0, int(self._reader.read(STEP)))

    def _blend(self, step: int, blocks: int) -> tuple[float, ...]:
        """Weights of the blocks' images; empty for the last alone."""
        flags, stage = self._flags, self._location.stage
        if stage is not None and flags.progressive and blocks_of_stage(stage) != blocks:
            self._notes.append(f"stage {stage} usually has {blocks_of_stage(stage)} blocks, found {blocks}")
        if not flags.progressive:
            return ()
        if flags.timed:
            if stage is None or stage % 2:
                raise CheckpointError(
                    f"{self._path}: train_time_limit: a block was being let in by the clock, and how far "
                    "it was is not in the checkpoint; import a stage of even number"
                )
            return ()
        progress = progress_of_step(step, blocks, flags.stable_images, flags.transition_images)
        blend = blend_of_progress(progress, blocks)
        return () if blend[-1] == 1 else blend

    # -- weights

    def _weights(self, architecture: Architecture) -> dict[str, NDArray[np.float32]]:
        shapes = architecture.weight_shapes()
        originals = {name: original_name(name, self._averaged) for name in shapes}
        for name, shape in shapes.items():
            self._check(originals[name], self._variables.get(originals[name]), shape)
        arrays = self._reader.read_many(originals.values())
        for original, array in arrays.items():
            if not np.isfinite(array).all():
                raise self._fail(original, "holds a NaN or an infinity: the training had failed")
        return {name: arrays[original] for name, original in originals.items()}

    def _check(self, name: str, variable: Variable | None, shape: tuple[int, ...]) -> None:
        if variable is None:
            raise self._fail(name, f"not in the checkpoint, expected shape {shape}")
        if variable.shape != shape:
            raise self._fail(name, f"expected shape {shape}, found {variable.shape}")
        if variable.dtype != "float32":
            raise self._fail(name, f"expected float32, found {variable.dtype}")


def _without_folders(flags: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, with paths of the machine that trained reduced to their last part."""
    return {
        key: PurePosixPath(value.replace("\\", "/")).name if isinstance(value, str) else value
        for key, value in flags.items()
    }
