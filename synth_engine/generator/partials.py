"""Waves from the spectrograms of a harmonic model: every partial phase-locked, the rest noise.

Plain synthesis (`spectrograms_to_waves`) integrates each bin's frequency by itself, so the bins of one
partial's main lobe drift apart unless the network places all of them exactly: partials flutter and lose
level. A harmonic model knows where its partials are, so here a partial has one frequency, the weighted mean
of its bins' frequencies, and one phase, which its bins follow with the window's own alternation. Bins away
from every partial are those of white noise, shaped. On a half-trained model (36 random notes) that brought
the mean log-spectral distance to the real notes from 11.8 to 7.9 dB (2048-sample windows) and the level error
from -4.1 to -1.6 dB; real notes sent through the representation come back closer as well (level -2.1 to
-0.7 dB).
White noise in place of random phases, and three bins of a partial's skirt in place of two, brought the
distance of 64 real notes sent through from 2.1 to 1.65 dB, of generated ones from 4.8 to 4.6, and the level
between the partials from 1.2 dB too low to 0.1.

A partial's phase depends on pitch and time but hardly on timbre, so two timbres of a pitch cross-fade without
cancelling.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.sparse
from numpy.typing import NDArray

from synth_engine.generator.harmonic import (
    base_step,
    mel_centres_hz,
    nearest_harmonic,
    pitch_to_hz,
)
from synth_engine.generator.spectral import (
    DEFAULT,
    FLOOR,
    Representation,
    mel_matrices,
    spectra_to_wave,
    to_linear_power,
    window_of_synthesis,
)

FloatArray = NDArray[np.float32]

_LOBE_BINS = 2.0  # half the width of the Hann window's main lobe, in FFT bins
_SKIRT_BINS = 3.0  # to here a partial outshines noise: mel bins are wide, so its lobe comes back wider
_GATE = 4.0 * FLOOR  # mel power this near to the representation's floor is silence
_NOISE_SEED = 1


@dataclass(frozen=True)
class PartialPlan:
    """What synthesis needs to know of a pitch.

    Attributes
    ----------
    base : FloatArray, shape (bins,)
        Base step of every mel bin, half turns a frame.
    weighted, weights : csr_array, shape (harmonics, bins)
        Sum up a partial's mel bins with the mel weight, and with its square: a frequency deviation shows in
        a mel bin multiplied by the sum of its column.
    steps_turns, starts_turns : NDArray[np.float64], shape (harmonics,)
        Turns a frame of each steady partial, and its phase at frame 0.
    harmonic : NDArray[np.intp], shape (bins,)
        Index of the partial that each linear bin follows.
    noisy : NDArray[np.bool_], shape (bins,)
        Linear bins outside every main lobe.
    """

    base: FloatArray
    weighted: scipy.sparse.csr_array
    weights: scipy.sparse.csr_array
    steps_turns: NDArray[np.float64]
    starts_turns: NDArray[np.float64]
    harmonic: NDArray[np.intp]
    noisy: NDArray[np.bool_]


@lru_cache(maxsize=256)
def plan_of_pitch(pitch: float, size: Representation) -> PartialPlan:
    """What synthesis needs to know of a MIDI pitch (continuous); the last 256 are remembered."""
    fundamental_hz = pitch_to_hz(pitch)
    bin_width_hz = size.sample_rate_hz / size.window_frames
    reach_hz = _LOBE_BINS * bin_width_hz
    linear_hz, mel_hz = size.bin_frequencies_hz, mel_centres_hz(size)
    linear, mel = (nearest_harmonic(f, fundamental_hz).astype(np.intp) for f in (linear_hz, mel_hz))
    count = int(max(linear.max(), mel.max()))
    forward, _ = mel_matrices(size.bins, size.sample_rate_hz / 2)
    columns = np.asarray(forward.sum(axis=0)).reshape(-1) * (np.abs(mel_hz - mel * fundamental_hz) < reach_hz)
    places = (mel - 1, np.arange(size.bins))
    shape = (count, size.bins)
    numbers = np.arange(1, count + 1, dtype=np.float64)
    return PartialPlan(
        base=base_step(fundamental_hz, size),
        weighted=scipy.sparse.csr_array((columns.astype(np.float32), places), shape=shape),
        weights=scipy.sparse.csr_array((np.square(columns).astype(np.float32), places), shape=shape),
        steps_turns=numbers * fundamental_hz * size.hop_frames / size.sample_rate_hz,
        # Schroeder's phases keep the peaks of many equal partials low.
        starts_turns=0.5 * numbers**2 / count,
        harmonic=linear - 1,
        noisy=np.abs(linear_hz - linear * fundamental_hz) > _SKIRT_BINS * bin_width_hz,
    )


@lru_cache(maxsize=4)
def noise_frames(size: Representation) -> NDArray[np.complex64]:
    """Spectra of the noise of every note, (frames, bins), which follow on each other round and round.

    It is always the same noise, so that a note is always the same.
    """
    rng = np.random.default_rng(_NOISE_SEED)
    around = rng.standard_normal(size.frames * size.hop_frames, np.float32)
    return spectra_of_noise(np.concatenate([around, around[: size.window_frames - size.hop_frames]]), size)


def spectra_of_noise(noise: FloatArray, size: Representation) -> NDArray[np.complex64]:
    """Analyse white noise into frames of mean power one.

    Frames of one noise overlap as they should: frames turned at random lose 6 dB when they are added, and
    what they add up to warbles.

    Parameters
    ----------
    noise : NDArray[np.float32], shape (samples,)
        Of variance one; as many samples as whole windows cover.
    size : Representation
        Sizes.

    Returns
    -------
    NDArray[np.complex64], shape (frames, bins)
    """
    window = np.float32(1.5) * window_of_synthesis(size)  # Hann
    frames = np.lib.stride_tricks.sliding_window_view(noise, size.window_frames)[:: size.hop_frames]
    spectra: NDArray[np.complex64] = scipy.fft.rfft(frames * window, axis=-1)[:, 1:]
    spectra *= np.float32(1.0 / np.sqrt(np.square(window).sum()))
    return spectra


@lru_cache(maxsize=4)
def alternation(size: Representation) -> FloatArray:
    """Sign of each linear bin: a window that starts at the frame turns neighbours by half a turn."""
    signs: FloatArray = np.where(np.arange(1, size.bins + 1) % 2, -1.0, 1.0).astype(np.float32)
    return signs


def audible_power(spectrogram: FloatArray) -> FloatArray:
    """Mel power of every frame and bin, silence where it is near the representation's floor."""
    power: FloatArray = np.maximum(np.exp(spectrogram[..., 0]) - np.float32(_GATE), np.float32(0.0))
    return power


def partial_steps(spectrogram: FloatArray, power: FloatArray, plan: PartialPlan) -> NDArray[np.float64]:
    """Turns that every partial makes from the frame before to each frame, shape (frames, harmonics)."""
    deviation = spectrogram[..., 1] - plan.base
    deviation -= 2.0 * np.rint(0.5 * deviation)
    # A step out of silence is the note's arbitrary first phase, not a frequency.
    steady = power.copy()
    steady[0] = 0.0
    np.minimum(power[1:], power[:-1], out=steady[1:])
    total = (plan.weights @ steady.T).T + np.float32(1e-12)
    half_turns = (plan.weighted @ (steady * deviation).T).T / total
    turns: NDArray[np.float64] = 0.5 * half_turns.astype(np.float64)
    turns[1:] += plan.steps_turns
    return turns


def rotations(turns: NDArray[np.float64]) -> NDArray[np.complex64]:
    """Phases in turns as complex numbers."""
    # float32 cannot hold hundreds of turns exactly
    reduced = (turns - np.rint(turns)).astype(np.float32)
    rotated: NDArray[np.complex64] = np.exp(np.complex64(2j * np.pi) * reduced)
    return rotated


def spectrograms_to_partials(
    spectrograms: FloatArray, pitches: NDArray[np.floating], representation: Representation = DEFAULT
) -> FloatArray:
    """Synthesise waves whose partials are phase-locked.

    Parameters
    ----------
    spectrograms : NDArray[np.float32], shape (notes, frames, bins, 2)
        Natural log of mel power, and phase step in units of pi.
    pitches : NDArray[np.floating], shape (notes,)
        MIDI pitches, continuous.
    representation : Representation
        Sizes.

    Returns
    -------
    NDArray[np.float32], shape (notes, wave_frames)
        Samples at the representation's rate; silence is silent.

    Source: identity phase locking after Laroche and Dolson, Improved phase vocoder time-scale modification of
    audio (IEEE Transactions on Speech and Audio Processing, 1999), with known partials in place of peaks.
    """
    size = representation
    waves = np.empty((len(spectrograms), size.wave_frames), np.float32)
    for note, (spectrogram, pitch) in enumerate(zip(spectrograms, pitches, strict=True)):
        plan = plan_of_pitch(float(pitch), size)
        power = audible_power(spectrogram)
        turns = plan.starts_turns + np.cumsum(partial_steps(spectrogram, power, plan), axis=0)
        phasors = rotations(turns)[:, plan.harmonic] * alternation(size)
        # Another stretch of noise for every pitch: chords add up as noise does, not as one signal.
        phasors[:, plan.noisy] = np.roll(noise_frames(size), round(7.0 * pitch), axis=0)[:, plan.noisy]
        phasors *= np.sqrt(to_linear_power(power, size))
        waves[note] = spectra_to_wave(phasors, size)
    return waves
