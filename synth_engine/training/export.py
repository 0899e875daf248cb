"""Turn a training run's averaged weights into a model folder.

python -m synth_engine.training.export --data DATA --run RUN --out MODEL
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synth_engine.datasets.labels import Label
from synth_engine.datasets.shards import read_dataset
from synth_engine.generator.model import Anchor, Model
from synth_engine.generator.model_folder import save_model
from synth_engine.training import checkpoints
from synth_engine.training.checkpoints import Checkpoint
from synth_engine.training.recipe import instruments_of, read_recipe

_LIBRARIES = ("numpy", "scipy", "keras", "tensorflow", "jax")


def anchors_of(labels: list[Label], means: NDArray[np.float32]) -> dict[str, Anchor]:
    """Return one anchor an instrument: its mean, family and the pitches it was heard at."""
    anchors = {}
    for name, mean in zip(instruments_of(labels), means, strict=True):
        own = [label for label in labels if label.instrument == name]
        pitches = [label.pitch for label in own]
        anchors[name] = Anchor(np.round(mean, 5), own[0].family, min(pitches), max(pitches))
    return anchors


def _versions() -> dict[str, str]:
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # one backend is enough
    return versions


def _length(checkpoint: Checkpoint) -> dict[str, object]:
    return {"steps": checkpoint.step, "training_minutes": round(checkpoint.elapsed_s / 60.0, 1)}


def export_model(
    run: Path,
    data: Path,
    out: Path,
    licence: str,
    *,
    metrics: dict[str, object] | None = None,
    begun_with: Path | None = None,
) -> Model:
    """Write the averaged weights of a run as a model folder.

    Parameters
    ----------
    run : Path
        Folder with the run's checkpoint.
    data : Path
        Data set it was trained on.
    out : Path
        Model folder to write.
    licence : str
        Licence of the weights, with the notices of what they were trained on.
    metrics : dict or None
        Figures of an evaluation, kept in the description.
    begun_with : Path or None
        Run whose weights this one began with, told in the provenance.

    Raises
    ------
    FileNotFoundError
        If the checkpoint, the recipe or the data set is missing.
    OSError
        If `out` cannot be written.
    """
    checkpoint, recipe = checkpoints.read(run), read_recipe(run)
    _, labels = read_dataset(data)
    shapes = recipe.architecture.weight_shapes()
    averages = [checkpoint.tensors[f"average/{i}"] for i in range(len(shapes) + 2)]
    dataset = json.loads((data / "dataset.json").read_text(encoding="utf-8"))
    provenance = {
        "recipe": "synth_engine.training.decoder",
        **_length(checkpoint),
        **({"begun_with": _length(checkpoints.read(begun_with))} if begun_with is not None else {}),
        "batch": recipe.batch,
        "peak_rate": recipe.peak_rate,
        "seed": recipe.seed,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "dataset": {**dataset, "programs": len(dataset["programs"]), "notes": len(labels)},
        "libraries": _versions(),
    }
    model = Model(
        architecture=recipe.architecture,
        weights=dict(zip(shapes, averages, strict=False)),
        anchors=anchors_of(labels, averages[-2]),
        provenance=provenance,
        licence=licence,
        metrics=metrics or {},
    )
    return save_model(model, out)


def main() -> None:
    """Export from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", type=Path, required=True, help="folder of the training run")
    parser.add_argument("--data", type=Path, required=True, help="folder of its data set")
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--licence", type=Path, help="text file with the licence and notices")
    parser.add_argument("--begun-with", type=Path, help="folder of the run it began with")
    parser.add_argument("--metrics", type=Path, help="JSON file of `evaluation --json`")
    options = parser.parse_args()
    metrics = json.loads(options.metrics.read_text(encoding="utf-8")) if options.metrics else None
    licence = options.licence.read_text(encoding="utf-8") if options.licence else "not stated"
    model = export_model(
        options.run, options.data, options.out, licence, metrics=metrics, begun_with=options.begun_with
    )
    sys.stdout.write(f"{options.out}: {len(model.anchors)} anchors, digest {model.digest}\n")


if __name__ == "__main__":
    main()
