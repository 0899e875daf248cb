"""Where captured sounds are kept: a copy of a model among the user's own, with anchors of his."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from daemon.exits import Unavailable
from daemon.fresh_folder import fresh_folder
from daemon.settings import load_settings, resolve_model
from mappings.atomic_files import write_atomic
from synth_engine.datasets.audio_files import AudioFileError, read_recording
from synth_engine.datasets.cutting import trimmed
from synth_engine.datasets.pitch import DetectorMissing, PitchDetector
from synth_engine.generator.description import describe
from synth_engine.generator.model import Anchor, Model
from synth_engine.generator.model_folder import DESCRIPTION_NAME, WEIGHTS_NAME, load_model
from synth_engine.training.recorded_note import prepare_note

FloatArray = NDArray[np.float32]

FAMILY = "captured"
_REACH = 12  # semitones up and down where a captured note is taken to sound like itself


@dataclass(frozen=True)
class Target:
    """Where an anchor will be kept.

    Attributes
    ----------
    source : Path
        The model that is searched.
    folder : Path
        The user's copy of it.
    exists : bool
        Whether the copy is there already.
    """

    source: Path
    folder: Path
    exists: bool


@dataclass(frozen=True)
class CapturedSound:
    """One recorded note.

    Attributes
    ----------
    wave : NDArray[np.float32], shape (frames,)
        At 16 kHz, without the silence around it.
    pitch : float
        MIDI pitch, continuous.
    """

    wave: FloatArray
    pitch: float

    def wave_for(self, model: Model) -> FloatArray:
        """The note at a model's length and level."""
        return prepare_note(self.wave, model.representation)


def plan_target(model: str, into: str, name: str, may_replace: bool) -> Target:
    """Find where the anchor goes, before any work is done.

    Raises
    ------
    click.UsageError
        If `into` is no name, is another model's copy, or holds an anchor `name` that may not be replaced.
    ConfigError, ModelError
        If the model cannot be found or read.
    """
    config, paths = load_settings({"model": model})
    source = resolve_model(config, paths)
    if not into or into in (".", "..", "default") or Path(into).name != into:
        raise click.UsageError(f"--into: expected the name of a model of your own, found {into!r}")
    folder = paths.data / "models" / into
    there, exists = load_model(source), folder.exists()
    if exists:
        copy = load_model(folder)
        if copy.digest != there.digest:
            raise click.UsageError(f"--into: {folder} is no copy of {source}; choose another name")
        there = copy
    if name in there.anchors and not may_replace:
        place = folder if exists else source
        raise click.UsageError(f"--name: {place} has an anchor {name!r}; --replace replaces it")
    return Target(source, folder, exists)


def read_note(sound: Path, pitch: float | None) -> CapturedSound:
    """Read one recorded note, and hear its pitch if it is not told.

    Raises
    ------
    OSError
        If the recording cannot be used.
    Unavailable
        If the pitch has to be heard and what hears it is not installed.
    click.UsageError
        If no pitch is heard.
    """
    try:
        wave = trimmed(read_recording(sound))
    except AudioFileError as error:
        raise OSError(f"{sound}: {error}") from None
    if not len(wave):
        raise OSError(f"{sound}: no sound in it")
    if pitch is None:
        try:
            heard = PitchDetector().hear(wave)
        except DetectorMissing as error:
            raise Unavailable(f"{error}; or tell the pitch with --pitch") from None
        if heard is None:
            raise click.UsageError(f"{sound}: no pitch heard; tell it with --pitch")
        pitch = heard.pitch
    return CapturedSound(wave, pitch)


def keep_anchor(model: Model, target: Target, name: str, latent: FloatArray, pitch: float) -> None:
    """Write the anchor into the user's copy of the model; the weights stay byte for byte what they are.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    lowest, highest = max(0, round(pitch) - _REACH), min(127, round(pitch) + _REACH)
    anchors = {**model.anchors, name: Anchor(latent, FAMILY, lowest, highest)}
    content = (
        json.dumps(describe(replace(model, anchors=anchors)), indent=1, allow_nan=False).encode() + b"\n"
    )
    if target.exists:
        write_atomic(target.folder / DESCRIPTION_NAME, content, generations=0)
        return
    with fresh_folder(target.folder, replace=False) as folder:
        write_atomic(folder / WEIGHTS_NAME, (target.source / WEIGHTS_NAME).read_bytes(), generations=0)
        write_atomic(folder / DESCRIPTION_NAME, content, generations=0)
