"""A description of directions as text, JSON and pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from daemon.basis_describe import Description
from mappings.atomic_files import write_atomic
from pca_cache.basis import Basis
from pca_cache.describe import QUALITIES
from synth_engine.evaluation.direction_pictures import draw_effects, draw_walks
from synth_engine.evaluation.directions import HookPlayer
from synth_engine.generator.model import Model


def directions_table(basis: Basis) -> str:
    """One row a direction: number, name, safe range, drift, agreement, change; a star beats random ones."""
    width = max(len(label.name) for label in basis.labels)
    lines = [f"{'':3} {'name':{width}}  safe sigma  drift  agree  change"]
    for number, label in enumerate(basis.labels, start=1):
        lines.append(
            f"{number:3} {label.name:{width}}  {label.lowest_sigma:+3g}..{label.highest_sigma:+3g}  "
            f"{label.drift_cents:4.1f}c  {100 * label.agreement:3.0f} %  {label.change_db:4.1f} dB"
            f"{' *' if label.beats_random else ''}"
        )
    return "\n".join(
        [*lines, "* changes more, and more alike everywhere, than random directions of equal length"]
    )


def write_description(
    folder: Path, model: Model, description: Description, layers: Mapping[str, Mapping[str, float]] | None
) -> list[Path]:
    """Write `directions.json`, `effects.png` and `walks.png`.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    basis = description.basis
    gaps = description.random.gaps()
    document = {
        "format_version": 1,
        "model_digest": model.digest,
        "layer": basis.layer,
        "revision": basis.revision,
        "probes": [[note.group, note.pitch] for note in description.probes],
        "units": {quality.key: f"{quality.step:g} is one clearly heard step" for quality in QUALITIES},
        "directions": [label.to_json() for label in basis.labels],
        "turned_round": (1 + np.flatnonzero(description.signs < 0)).tolist(),
        "corrected": [place + 1 for place in description.corrected],
        "random_change_db": np.round(np.median(description.random.change_db, axis=1), 2).tolist(),
        "random_effects": np.round(np.nanmedian(gaps, axis=1), 3).tolist(),
        "layers": layers or {},
    }
    paths = [folder / name for name in ("directions.json", "effects.png", "walks.png")]
    write_atomic(paths[0], (json.dumps(document, indent=1) + "\n").encode(), generations=0)
    draw_effects(paths[1], basis.labels, description.responses, description.random, description.signs)
    offsets = (basis.components * basis.sigmas[:, None, None, None]).astype(np.float32)
    liveliest = int(np.median(description.responses.change_db, axis=0).argmax())
    player = HookPlayer(model, "block_1/conv0")
    draw_walks(paths[2], basis.labels, offsets, player, description.probes[liveliest])
    return paths
