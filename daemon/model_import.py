"""A checkpoint of the original becomes one of the player's models (``timbred import``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from daemon.fresh_folder import fresh_folder
from synth_engine.gansynth.importing import ImportPlan, read_checkpoint
from synth_engine.gansynth.locating import is_stage_name
from synth_engine.gansynth.seeds import with_seeded_anchors
from synth_engine.generator.model import Model, ModelError
from synth_engine.generator.model_folder import load_model, save_model

EMBEDDED = "default"  # what the embedded model is called
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def model_name(path: Path, wanted: str | None = None) -> str:
    """The name a model is given: the one wanted, or that of its folder or archive.

    Raises
    ------
    ModelError
        If it cannot be a folder's name, or is the embedded model's.
    """
    if wanted is None:
        path = path.resolve()
        folder = path if path.is_dir() or path.suffix == ".zip" else path.parent
        named = folder.parent if is_stage_name(folder.name) else folder
        stem = named.stem if named.suffix == ".zip" else named.name
        wanted = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")
    if not _NAME.fullmatch(wanted) or wanted == EMBEDDED:
        raise ModelError(
            f"a model cannot be called {wanted!r}: expected letters, digits, . _ or -, beginning with a "
            f"letter or digit, and not {EMBEDDED!r}; give one with --name"
        )
    return wanted


def import_model(
    path: Path, folder: Path, plan: ImportPlan, *, anchors: int, replace: bool
) -> tuple[Model, tuple[str, ...]]:
    """Read a checkpoint and write a model folder, whole or not at all.

    Parameters
    ----------
    path : Path
        Checkpoint; see :func:`synth_engine.gansynth.locating.locate`.
    folder : Path
        The model's folder to be.
    plan : ImportPlan
        How to read it.
    anchors : int
        How many seeded points get names.
    replace : bool
        Whether a model of that name may be replaced.

    Returns
    -------
    Model, tuple of str
        As it now is on disk, and notes for the player.

    Raises
    ------
    ModelError
        If it is no checkpoint that can be read.
    OSError
        If the folder is there and may not be replaced, or cannot be written.
    """
    with fresh_folder(folder, replace) as fresh:
        imported = read_checkpoint(path, plan)
        save_model(with_seeded_anchors(imported.model, anchors), fresh)
        model = load_model(fresh)  # what the player will read, read once
    return model, imported.notes


def summary(model: Model) -> Mapping[str, str]:
    """What was imported, in words."""
    size, told = model.architecture, model.provenance
    shape = model.representation
    seconds = shape.wave_frames / shape.sample_rate_hz
    blend = " + ".join(f"{weight:.3g} x block {block}" for block, weight in size.output_weights.items())
    return {
        "checkpoint": f"stage {told['stage']}, step {told['step']}, {told['weights']}",
        "network": f"{size.blocks} blocks ({', '.join(map(str, size.channels))}); output: {blend}",
        "latent": f"{size.latent_size} numbers",
        "pitches": f"{size.pitches[0]} to {size.pitches[-1]}",
        "notes": f"{seconds:g} s, {shape.kind}, {shape.frames} x {shape.bins}",
    }
