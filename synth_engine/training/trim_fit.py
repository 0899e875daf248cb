"""Fit a model's trim: the levels that its notes lack, in closed form, once it is trained.

    python -m synth_engine.training.trim_fit --model MODEL --data DATA --out TRIMMED

Each anchor's notes are rendered and compared with the real ones, harmonic slot by harmonic slot; a ridge
regression from the hook then tells what to add. On its own it would add 15 dB to the notes of random points,
of which it knows nothing, and make them unlike any sound; so random points and mixes of anchors are asked to
follow a stiff fit, which has only the general drift.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from synth_engine.datasets.labels import Label
from synth_engine.generator.architecture import runtime_scale
from synth_engine.generator.entry import Entry
from synth_engine.generator.harmonic import HARMONIC_SLOTS, LOBE_CHANNEL, maps_of_pitch
from synth_engine.generator.latents import draw_latents
from synth_engine.generator.model import Model
from synth_engine.generator.model_folder import load_model, save_model
from synth_engine.generator.runtime import NoteRenderer
from synth_engine.generator.spectral import denormalise
from synth_engine.generator.trim import BESIDE_LOBE, KINDS, WITHIN_LOBE, curves
from synth_engine.offline.paths import slerp
from synth_engine.training.spectra import open_spectra

FloatArray = NDArray[np.float32]
Progress = Callable[[int, int], None]

KNOTS = (4, 14, 48, 98)  # frames: onset, after the attack, held, before the release
RIDGE, STIFF_RIDGE = 1e-3, 0.3  # of the hooks' mean power
_RANDOM_NOTES, _MIXED_NOTES = 4000, 1500
_UNHEARD_WEIGHT = 0.3  # of such a note, against 1 of a real one
_SEED = 0
_RANGE_NAT = 7.5 * np.log(
    10.0
)  # of power below the note's loudest patch, what is quieter is as good as silent
_MOST_NAT = 6.0


def patch_power(power: FloatArray, pitch: float, model: Model, knots: tuple[int, ...]) -> NDArray[np.float64]:
    """Mean power of each harmonic slot's partial and surroundings around each knot.

    Parameters
    ----------
    power : NDArray[np.float32], shape (frames, bins)
        Mel power of a note.
    pitch : float
        MIDI pitch.
    model : Model
        Whose maps say which bin belongs to what.
    knots : tuple of int
        Frames.

    Returns
    -------
    NDArray[np.float64], shape (knots, kinds, slots)
        NaN where a slot has no bins.
    """
    maps = maps_of_pitch(pitch, model.representation)
    lobe = maps.channels[:, LOBE_CHANNEL]
    weights = curves(knots, len(power))
    around = (weights / weights.sum(axis=1, keepdims=True)) @ power
    found = np.full((len(knots), KINDS, HARMONIC_SLOTS), np.nan)
    shares = np.where(lobe > WITHIN_LOBE, lobe, 0.0), np.where(lobe < BESIDE_LOBE, 1.0, 0.0)
    for kind, share in enumerate(shares):
        bins = np.bincount(maps.slots, share, HARMONIC_SLOTS)
        some = bins > 0.5
        for knot, row in enumerate(around):
            sums = np.bincount(maps.slots, share * row, HARMONIC_SLOTS)
            found[knot, kind, some] = sums[some] / bins[some]
    return found


def missing_levels(made: NDArray[np.float64], real: NDArray[np.float64]) -> NDArray[np.float64]:
    """What to add to made patches (natural log of power) so that they are as loud as the real ones."""
    floor = np.nanmax(real) * np.exp(-_RANGE_NAT) + 1e-12
    missing: NDArray[np.float64] = np.log(real + floor) - np.log(made + floor)
    return np.nan_to_num(np.clip(missing, -_MOST_NAT, _MOST_NAT))


def ridge(
    inputs: FloatArray, targets: FloatArray, weights: FloatArray, strength: float
) -> tuple[FloatArray, FloatArray]:
    """Return (kernel, bias) of targets = inputs @ kernel + bias.

    Solved in the space of the examples or of the components, whichever is smaller.

    Parameters
    ----------
    inputs, targets : NDArray[np.float32], shape (examples, components) and (examples, outputs)
    weights : NDArray[np.float32], shape (examples,)
        Of each example.
    strength : float
        Of the penalty on the kernel, as a share of an example's mean power.
    """
    share = weights / weights.sum()
    mean, offset = share @ inputs, share @ targets
    root = np.sqrt(weights)[:, None]
    centred = (inputs - mean) * root
    wanted = (targets - offset) * root
    penalty = strength * float(np.square(centred).sum()) / float(weights.sum())
    if len(inputs) < inputs.shape[1]:
        kernel = centred.T @ _solve(centred @ centred.T, wanted, penalty)
    else:
        kernel = _solve(centred.T @ centred, centred.T @ wanted, penalty)
    return kernel, offset - mean @ kernel


def _solve(products: FloatArray, wanted: FloatArray, penalty: float) -> FloatArray:
    stiffened = products.astype(np.float64)
    stiffened[np.diag_indices_from(stiffened)] += penalty
    solved: FloatArray = scipy.linalg.solve(stiffened, wanted, assume_a="pos", overwrite_a=True)
    return solved.astype(np.float32)


def unheard_hooks(model: Model, seed: int) -> FloatArray:
    """Hooks of random points and of mixes of anchors at random pitches, shape (examples, components)."""
    rng = np.random.default_rng(seed)
    anchors = np.stack([anchor.latent for anchor in model.anchors.values()])
    first, second = rng.integers(len(anchors), size=(2, _MIXED_NOTES))
    along = rng.uniform(0.15, 0.85, _MIXED_NOTES)
    mixes = [slerp(anchors[a], anchors[b], t) for a, b, t in zip(first, second, along, strict=True)]
    latents = np.concatenate([draw_latents(model, rng, _RANDOM_NOTES), np.stack(mixes).astype(np.float32)])
    pitches = rng.choice(model.pitches, len(latents)).astype(np.float64)
    return Entry(model).activate(latents, pitches).reshape(len(latents), -1)


def fit_trim(
    model: Model, spectra: NDArray[np.float16], labels: Sequence[Label], progress: Progress | None = None
) -> Model:
    """Return the model with a trim fitted to the real notes of its anchors; an old trim is replaced.

    Parameters
    ----------
    model : Model
        With harmonic maps.
    spectra, labels
        From `open_spectra`; notes of instruments that are no anchors are left out.
    progress : callable or None
        Told notes done and in all.

    Raises
    ------
    ValueError
        If none of the notes is an anchor's.
    """
    size = replace(model.architecture, trim_frames=())
    weights = {name: model.weights[name] for name in size.weight_shapes()}
    plain = replace(model, architecture=size, weights=weights)
    known = [i for i, label in enumerate(labels) if label.instrument in model.anchors]
    if not known:
        raise ValueError("labels: expected notes of the model's anchors, found none")
    entry, renderer = Entry(plain), NoteRenderer(plain)
    hooks, missing = [], []
    for done, note in enumerate(known, start=1):
        pitches = np.array([float(labels[note].pitch)])
        hook = entry.activate(model.anchors[labels[note].instrument].latent[None], pitches)
        made = renderer.spectrograms(hook, pitches)[0, ..., 0]
        real = denormalise(np.asarray(spectra[note], np.float32))[..., 0]
        powers = [patch_power(np.exp(level), pitches[0], plain, KNOTS) for level in (made, real)]
        hooks.append(hook.reshape(-1))
        missing.append(missing_levels(*powers).reshape(-1).astype(np.float32))
        if progress is not None:
            progress(done, len(known))
    kernel, bias = _tamed(np.stack(hooks), np.stack(missing), unheard_hooks(plain, _SEED))
    trimmed = replace(size, trim_frames=KNOTS)
    shape = trimmed.weight_shapes()["trim/kernel"]
    stored = kernel.reshape(shape) / np.float32(runtime_scale("trim/kernel", shape))
    return replace(
        plain,
        architecture=trimmed,
        weights={**weights, "trim/kernel": stored, "trim/bias": bias},
        provenance={
            **model.provenance,
            "trim": {"notes": len(known), "ridge": RIDGE, "unheard_weight": _UNHEARD_WEIGHT},
        },
    )


def _tamed(hooks: FloatArray, missing: FloatArray, unheard: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Fit real notes closely and the rest as stiffly as needs be."""
    real, other = np.ones(len(hooks), np.float32), np.full(len(unheard), _UNHEARD_WEIGHT, np.float32)
    stiff_kernel, stiff_bias = ridge(hooks, missing, real, STIFF_RIDGE)
    drift = unheard @ stiff_kernel + stiff_bias
    examples, targets = np.concatenate([hooks, unheard]), np.concatenate([missing, drift])
    return ridge(examples, targets, np.concatenate([real, other]), RIDGE)


def main() -> None:
    """Fit from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, required=True, help="model folder")
    parser.add_argument("--data", type=Path, required=True, help="data set it was trained on")
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    options = parser.parse_args()
    spectra, labels = open_spectra(options.data)

    def tell(done: int, total: int) -> None:
        if done % 100 == 0 or done == total:
            sys.stderr.write(f"{done} of {total} notes\n")

    model = save_model(fit_trim(load_model(options.model), spectra, labels, tell), options.out)
    sys.stdout.write(f"{options.out}: digest {model.digest}\n")


if __name__ == "__main__":
    main()
