"""A model becomes a checkpoint with the original's folders, files and variable names."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth_engine.gansynth.bundle import write_bundle
from synth_engine.gansynth.flags import FILE_NAME
from synth_engine.gansynth.importing import FORMAT, LOWEST_PITCH
from synth_engine.gansynth.names import SECONDS, STEP, original_name
from synth_engine.gansynth.schedule import (
    STABLE_IMAGES,
    TRANSITION_IMAGES,
    blend_of_progress,
    progress_of_step,
)
from synth_engine.gansynth.seeds import instrument_names
from synth_engine.generator.architecture import Architecture
from synth_engine.generator.model import Model, ModelError

_BLEND_ERROR = 1e-6  # one image of a transition moves a weight by about this


def write_checkpoint(model: Model, folder: Path) -> list[str]:
    """Write a checkpoint folder: `experiment.json`, and in `stage_...` the checkpoint and the file naming it.

    Raw weights and moving averages both hold the model's weights. Discriminator and optimiser are not
    there, so the original can generate from it but not train on.

    Parameters
    ----------
    model : Model
        Any without harmonic maps and conditions, which the original does not have.
    folder : Path
        Made if missing; not atomic as a whole.

    Returns
    -------
    list of str
        What the player should know: what the original's format has no place for.

    Raises
    ------
    ModelError
        If the original has no such network.
    OSError
        If the files cannot be written.
    """
    architecture = model.architecture
    _check_exportable(architecture)
    flags = experiment_flags(model)
    step, stage = _step_and_stage(model, flags)
    stage_folder = folder / f"stage_{stage:05d}"
    name = f"model.ckpt-{step}"
    write_bundle(stage_folder / name, export_tensors(model, step))
    state = f'model_checkpoint_path: "{name}"\nall_model_checkpoint_paths: "{name}"\n'
    (stage_folder / "checkpoint").write_text(state, encoding="utf-8")
    text = json.dumps(flags, indent=1, sort_keys=True, allow_nan=False)
    (folder / FILE_NAME).write_text(text + "\n", encoding="utf-8")
    return _losses(model, flags)


def _check_exportable(architecture: Architecture) -> None:
    if architecture.harmonic_maps:
        raise ModelError(
            "the model has harmonic maps, which the original's network does not; it cannot be exported"
        )
    if architecture.conditions:
        raise ModelError("the model has conditions beside pitch, which the original does not know")
    pitches = architecture.pitches
    if pitches != tuple(range(pitches[0], pitches[0] + len(pitches))):
        raise ModelError(f"pitches: expected consecutive ones, found {pitches}")


def _losses(model: Model, flags: dict[str, Any]) -> list[str]:
    notes = []
    if names := instrument_names(model):
        notes.append(f"{len(names)} anchors are left behind: a checkpoint has no names for points")
    if _widths(flags, model.architecture.blocks) != model.architecture.channels:
        notes.append(
            f"fmap_base and fmap_max cannot say the widths {model.architecture.channels}: "
            "readers that build the network from the settings will not fit the weights"
        )
    return notes


def export_tensors(model: Model, step: int) -> dict[str, NDArray[Any]]:
    """Everything a reader of generators looks for, by the original's names.

    Parameters
    ----------
    model : Model
        See :func:`write_checkpoint`.
    step : int
        Step counter.
    """
    weights = dict(model.weights)
    for block, width in enumerate(model.architecture.channels, start=1):
        # outputs that are not heard, zero: the original computes them and weighs them with zero
        weights.setdefault(f"block_{block}/to_rgb/kernel", np.zeros((1, 1, width, 2), np.float32))
        weights.setdefault(f"block_{block}/to_rgb/bias", np.zeros(2, np.float32))
    tensors: dict[str, NDArray[Any]] = {
        original_name(name, averaged): array for name, array in weights.items() for averaged in (False, True)
    }
    return {**tensors, STEP: np.array(step, np.int64), SECONDS: np.array(0, np.float32)}


def experiment_flags(model: Model) -> dict[str, Any]:
    """The settings: those it was imported with, or the released ones; its own sizes in any case."""
    size = model.architecture
    flags = dict(_RELEASED)
    imported = model.provenance.get("flags") if model.provenance.get("format") == FORMAT else None
    if isinstance(imported, dict):
        flags = dict(imported)
    elif widths := _width_flags(size.channels):
        flags |= widths
    flags |= {
        "data_type": size.kind,
        "latent_vector_size": size.latent_size,
        "num_resolutions": size.resolutions or size.blocks,
        "audio_length": size.wave_frames,
        "start_height": size.start_frames,
        "start_width": size.start_bins,
    }
    if flags.get("data_normalizer") != "none":
        flags |= dict(zip(("mag_normalizer_a", "p_normalizer_a"), size.scale, strict=True))
        flags |= dict(zip(("mag_normalizer_b", "p_normalizer_b"), size.offset, strict=True))
    if size.pitches[0] != LOWEST_PITCH or "train_min_pitch" in flags or "train_max_pitch" in flags:
        flags |= {"train_min_pitch": size.pitches[0], "train_max_pitch": size.pitches[-1]}
    return flags


def _step_and_stage(model: Model, flags: dict[str, Any]) -> tuple[int, int]:
    """The counter and stage it was imported from, or those at which its blend is what it is."""
    size, told = model.architecture, model.provenance
    blend = size.blend or (*[0.0] * (size.blocks - 1), 1.0)
    finished = blend[-1] == 1
    stage = 2 * size.blocks - (2 if finished else 3)
    if told.get("format") == FORMAT:
        step, stage_told = told.get("step"), told.get("stage")
        if isinstance(step, int):
            return step, stage_told if isinstance(stage_told, int) else max(stage, 0)
    stable = int(flags.get("stable_stage_num_images", STABLE_IMAGES))
    transition = int(flags.get("transition_stage_num_images", TRANSITION_IMAGES))
    progress = math.fsum(weight * number for number, weight in enumerate(blend))
    whole = int(progress)
    step = whole * (stable + transition) + stable + round((progress - whole) * transition)
    found = blend_of_progress(progress_of_step(step, size.blocks, stable, transition), size.blocks)
    if max(abs(a - b) for a, b in zip(found, blend, strict=True)) > _BLEND_ERROR:
        raise ModelError(f"blend: {blend} is no moment of the original's schedule; it cannot be exported")
    return step, max(stage, 0)


def _width_flags(channels: tuple[int, ...]) -> dict[str, Any]:
    """fmap_base and fmap_max that make these widths; empty if none do."""
    for block, width in enumerate(channels, start=1):
        flags = {"fmap_base": width * 2**block, "fmap_decay": 1.0, "fmap_max": max(channels)}
        if _widths(flags, len(channels)) == channels:
            return flags
    return {}


def _widths(flags: dict[str, Any], blocks: int) -> tuple[int, ...]:
    """Channels of each block by the original's rule; empty if the settings do not say."""
    try:
        base, decay, most = (float(flags[key]) for key in ("fmap_base", "fmap_decay", "fmap_max"))
    except (KeyError, TypeError, ValueError):
        return ()
    return tuple(int(min(base / 2 ** (block * decay), most)) for block in range(1, blocks + 1))


_RELEASED: dict[str, Any] = {
    "adam_beta1": 0.0,
    "adam_beta2": 0.99,
    "batch_size_schedule": [8],
    "d_fn": "specgram",
    "data_normalizer": "specgrams_prespecified_normalizer",
    "dataset_name": "nsynth_tfds",
    "debug_hook": False,
    "discriminator_ac_loss_weight": 10.0,
    "discriminator_learning_rate": 0.0008,
    "fake_batch_size": 61,
    "fmap_base": 4096,
    "fmap_decay": 1.0,
    "fmap_max": 256,
    "g_fn": "specgram",
    "gen_gl_consistency_loss_weight": 0.0,
    "generator_ac_loss_weight": 10.0,
    "generator_learning_rate": 0.0008,
    "gradient_penalty_target": 1.0,
    "gradient_penalty_weight": 10.0,
    "kernel_size": 3,
    "master": "",
    "normalizer_margin": 0.8,
    "normalizer_num_examples": 1000,
    "ps_tasks": 0,
    "real_score_penalty_weight": 0.001,
    "sample_rate": 16000,
    "save_summaries_num_images": 10000,
    "scale_base": 2,
    "scale_mode": "ALL",
    "simple_arch": False,
    "stable_stage_num_images": STABLE_IMAGES,
    "task": 0,
    "to_rgb_activation": "tanh",
    "total_num_images": 11_000_000,
    "train_progressive": True,
    "train_time_limit": None,
    "train_time_stage_multiplier": 1.0,
    "transition_stage_num_images": TRANSITION_IMAGES,
}
