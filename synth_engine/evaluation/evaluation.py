"""How good a model is: pitch, silence, and distance to the real notes.

python -m synth_engine.evaluation.evaluation --model MODEL --notes 300 --seed 0 --json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synth_engine.datasets.shards import read_dataset
from synth_engine.generator.model import Model
from synth_engine.generator.model_folder import default_model_path, load_model
from synth_engine.generator.runtime import Entry, NoteRenderer
from synth_engine.generator.spectral import normalise, waves_to_spectrograms
from synth_engine.evaluation.judges import SILENCE_DBFS, PitchJudge, loudest_dbfs

Notes = Iterable[tuple[str, int, NDArray[np.float32]]]
Progress = Callable[[int, int], None]


def anchor_notes(model: Model, count: int, seed: int) -> Notes:
    """Yield (anchor, pitch, wave) of random anchors at random pitches inside their ranges."""
    rng = np.random.default_rng(seed)
    names = list(model.anchors)
    entry, renderer = Entry(model), NoteRenderer(model)
    for _ in range(count):
        name = names[int(rng.integers(len(names)))]
        anchor = model.anchors[name]
        pitch = int(rng.integers(anchor.lowest_pitch, anchor.highest_pitch + 1))
        pitches = np.array([float(pitch)])
        yield name, pitch, renderer.waves(entry.activate(anchor.latent[None], pitches), pitches)[0]


def random_notes(model: Model, count: int, seed: int) -> Notes:
    """Yield ("random", pitch, wave) of N(0, I) latent points at random pitches of the model."""
    rng = np.random.default_rng(seed)
    entry, renderer = Entry(model), NoteRenderer(model)
    for _ in range(count):
        latent = rng.normal(size=(1, model.latent_size)).astype(np.float32)
        pitch = int(rng.choice(model.pitches))
        pitches = np.array([float(pitch)])
        yield "random", pitch, renderer.waves(entry.activate(latent, pitches), pitches)[0]


def judge(notes: Notes, judge_of_pitch: PitchJudge) -> dict[str, object]:
    """Count right pitches and silent notes.

    Returns
    -------
    dict
        `notes`; `right_semitone` (share, 0..1); `right_pitch_class` (octave slips forgiven); `silent`;
        `wrong` (list of [name, pitch, pitch heard]).
    """
    total = right = right_class = silent = 0
    wrong = []
    for name, pitch, wave in notes:
        heard = judge_of_pitch.pitch_of(wave)
        total += 1
        right += heard == pitch
        right_class += (heard - pitch) % 12 == 0
        silent += loudest_dbfs(wave) < SILENCE_DBFS
        if heard != pitch:
            wrong.append([name, pitch, heard])
    return {
        "notes": total,
        "right_semitone": round(right / max(1, total), 4),
        "right_pitch_class": round(right_class / max(1, total), 4),
        "silent": silent,
        "wrong": wrong,
    }


def compare(model: Model, data: Path, count: int, seed: int, judge_of_pitch: PitchJudge) -> dict[str, object]:
    """Judge real notes of the data set, and measure how far the generated ones are from them.

    Returns
    -------
    dict
        `real_right_semitone`: the judge's ceiling. `log_magnitude_error_db` and `frequency_error`: mean
        absolute error where the real note is within 60 dB of its loudest bin, in dB and in units of pi a
        frame (0.5 is chance).

    Raises
    ------
    FileNotFoundError
        If `data` holds no notes.
    """
    waves, labels = read_dataset(data)
    rng = np.random.default_rng(seed)
    known = [i for i, label in enumerate(labels) if label.instrument in model.anchors]
    entry, renderer = Entry(model), NoteRenderer(model)
    right, magnitude, frequency = [], [], []
    for i in rng.choice(known, count):
        label, wave = labels[i], waves[i].astype(np.float32) / 32767.0
        pitches = np.array([float(label.pitch)])
        latent = model.anchors[label.instrument].latent[None]
        generated = normalise(renderer.spectrograms(entry.activate(latent, pitches), pitches))[0]
        real = waves_to_spectrograms(wave[None])[0]
        loud = real[..., 0] > real[..., 0].max() - 60.0 / _DB_PER_NEPER
        error = np.abs(generated - normalise(real))[loud]
        magnitude.append(error[:, 0].mean() / _NORMALISED_PER_DB)
        frequency.append(np.minimum(error[:, 1], 1.6 - error[:, 1]).mean() / 0.8)
        right.append(judge_of_pitch.pitch_of(wave) == label.pitch)
    return {
        "notes": count,
        "real_right_semitone": round(float(np.mean(right)), 4),
        "log_magnitude_error_db": round(float(np.mean(magnitude)), 2),
        "frequency_error": round(float(np.mean(frequency)), 4),
    }


_DB_PER_NEPER = 10.0 / np.log(10.0)  # of power
_NORMALISED_PER_DB = 0.0661371661726 / _DB_PER_NEPER


def evaluate(model: Model, notes: int, seed: int, data: Path | None = None) -> dict[str, object]:
    """Return all figures of a model: anchors, random points, and (with `data`) distance to the real notes.

    Raises
    ------
    JudgeMissing
        If the pitch judge is not installed.
    FileNotFoundError
        If `data` holds no notes.
    """
    judge_of_pitch = PitchJudge()
    figures: dict[str, object] = {
        "seed": seed,
        "anchors": judge(anchor_notes(model, notes, seed), judge_of_pitch),
        "random_points": judge(random_notes(model, max(1, notes // 3), seed), judge_of_pitch),
    }
    if data is not None:
        figures["real"] = compare(model, data, notes, seed, judge_of_pitch)
    return figures


def main() -> None:
    """Evaluate from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, default=default_model_path(), help="model folder")
    parser.add_argument("--data", type=Path, help="data set to compare with")
    parser.add_argument("--notes", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args()
    figures = evaluate(load_model(options.model), options.notes, options.seed, options.data)
    if options.json:
        sys.stdout.write(json.dumps(figures, indent=1) + "\n")
        return
    for part, values in figures.items():
        sys.stdout.write(f"{part}: {values}\n")


if __name__ == "__main__":
    main()
