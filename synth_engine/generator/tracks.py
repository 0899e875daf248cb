"""A note taken apart: how loud every linear bin is in every frame, and how far its phase moves.

Played in the order of the frames this gives exactly the note that `spectrograms_to_partials` or
`spectrograms_to_waves` makes; played in another order it gives another note of the same sound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth_engine.generator.partials import (
    alternation,
    audible_power,
    noise_frames,
    partial_steps,
    plan_of_pitch,
    rotations,
)
from synth_engine.generator.spectral import FLOOR, Representation, to_linear_power

FloatArray = NDArray[np.float32]
Turns = NDArray[np.float64]


@dataclass(frozen=True)
class Tracks:
    """Power and phase of one note's frames.

    Attributes
    ----------
    size : Representation
        Sizes of the spectrogram it comes from.
    power : NDArray[np.float32], shape (frames, bins)
        Power of every linear bin.
    steps : NDArray[np.float64], shape (frames, tracks)
        Turns that each track makes from the frame before; the first frame's are its phases.
    follows : NDArray[np.intp], shape (bins,)
        Track that each linear bin follows.
    signs : NDArray[np.float32], shape (bins,)
        Sign of each bin's phasor.
    noisy : NDArray[np.bool_], shape (bins,)
        Bins that follow no track but are noise.
    noise : NDArray[np.complex64], shape (frames, bins)
        What these are multiplied with in the note's own frames, of mean power one.
    """

    size: Representation
    power: FloatArray
    steps: Turns
    follows: NDArray[np.intp]
    signs: FloatArray
    noisy: NDArray[np.bool_]
    noise: NDArray[np.complex64]

    def spectra(self, power: FloatArray, turns: Turns, noise: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """Return FFT bins of frames, (n, bins), from power and noise (n, bins) and phases (n, tracks)."""
        phasors = rotations(turns)[:, self.follows] * self.signs
        phasors[:, self.noisy] = noise[:, self.noisy]
        phasors *= np.sqrt(power)
        return phasors


def partial_tracks(spectrogram: FloatArray, pitch: float, size: Representation) -> Tracks:
    """Take a harmonic model's note apart: one track a partial; else as `spectrograms_to_partials`.

    Parameters
    ----------
    spectrogram : NDArray[np.float32], shape (frames, bins, 2)
        Natural log of mel power, and phase step in units of pi.
    pitch : float
        MIDI pitch, continuous.
    size : Representation
        Sizes.
    """
    plan = plan_of_pitch(pitch, size)
    power = audible_power(spectrogram)
    steps = partial_steps(spectrogram, power, plan)
    steps[0] += plan.starts_turns
    noise = np.roll(noise_frames(size), round(7.0 * pitch), axis=0)
    return Tracks(
        size, to_linear_power(power, size), steps, plan.harmonic, alternation(size), plan.noisy, noise
    )


def bin_tracks(spectrogram: FloatArray, size: Representation) -> Tracks:
    """Take a note of any other model apart: one track a linear bin; else as `spectrograms_to_waves`."""
    level, phase = spectrogram[..., 0], spectrogram[..., 1]
    if size.kind == "mel":
        power = to_linear_power(np.exp(level), size) + np.float32(FLOOR)
        steps = to_linear_power(phase, size)
    else:
        power = np.exp(2.0 * level)
        steps = phase if size.kind == "linear" else np.diff(phase, axis=0, prepend=0.0)
    bins = size.bins
    turns: Turns = 0.5 * np.asarray(steps, np.float64)
    signs, noise = np.ones(bins, np.float32), np.ones((size.frames, bins), np.complex64)
    return Tracks(
        size, np.asarray(power, np.float32), turns, np.arange(bins), signs, np.zeros(bins, np.bool_), noise
    )
