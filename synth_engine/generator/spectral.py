"""Waves to (log mel power, instantaneous frequency) spectrograms and back.

The representations of GANSynth's models. In the high-resolution mel one, 64,000 samples at 16 kHz are 128
frames of 1024 mel bins with two channels: the natural log of mel power, and the phase step since the frame
before in units of pi. NumPy and SciPy only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal, get_args

import numpy as np
import scipy.fft
import scipy.sparse
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000
WAVE_FRAMES = 64_000
FLOOR = 1e-6  # added to power and magnitude before a logarithm

# Affine map of each channel to the network's range: normalised = SCALE * value + OFFSET.
# Source: the prespecified normaliser of the released GANSynth models.
SCALE = (0.0661371661726, 0.8)
OFFSET = (0.113718730221, 0.0)
_SCALES, _OFFSETS = np.array(SCALE, np.float32), np.array(OFFSET, np.float32)

Kind = Literal["mel", "linear", "phase"]
KINDS: tuple[Kind, ...] = get_args(Kind)

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Representation:
    """Sizes of one spectrogram representation; the defaults are the released models' own.

    Attributes
    ----------
    frames : int
        Spectrogram frames (time).
    bins : int
        FFT bins kept (DC is dropped, Nyquist kept), and as many mel bins.
    wave_frames : int
        Samples of one note.
    sample_rate_hz : int
        Sample rate.
    kind : {"mel", "linear", "phase"}
        Log mel power and phase step; log magnitude and phase step; log magnitude and phase.
    """

    frames: int = 128
    bins: int = 1024
    wave_frames: int = WAVE_FRAMES
    sample_rate_hz: int = SAMPLE_RATE_HZ
    kind: Kind = "mel"

    @property
    def window_frames(self) -> int:
        """Samples of one FFT window."""
        return 2 * self.bins

    @property
    def hop_frames(self) -> int:
        """Samples from one window to the next: a quarter of the window."""
        return self.window_frames // 4

    @property
    def longest_wave_frames(self) -> int:
        """Samples that the windows cover."""
        return self.hop_frames * (self.frames - 1) + self.window_frames

    @property
    def padding_frames(self) -> int:
        """Zeros put in front of a wave; nothing is put behind it."""
        return self.longest_wave_frames - self.wave_frames

    @cached_property
    def bin_frequencies_hz(self) -> NDArray[np.float64]:
        """True frequency of every linear bin, shape (bins,): FFT bins 1..bins."""
        spacing_hz = self.sample_rate_hz / self.window_frames
        return np.arange(1, self.bins + 1, dtype=np.float64) * spacing_hz


DEFAULT = Representation()


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return 700.0 * (np.exp(mel / 1127.0) - 1.0)


def _band_edges_hz(bins: int, nyquist_hz: float) -> NDArray[np.float64]:
    """Edges of the mel bands, shape (bins + 2,).

    Bands narrower than one and a half linear bins are widened **in place**: a band's widening moves the edges
    that the next bands read. The released weights were trained on exactly this matrix.
    """
    edges = np.linspace(0.0, 1127.0 * np.log1p(nyquist_hz / 700.0), bins + 2)
    narrowest_hz = 1.5 * nyquist_hz / bins
    for i in range(bins):
        if _mel_to_hz(edges[i + 2]) - _mel_to_hz(edges[i]) < narrowest_hz:
            centre = edges[i + 1]
            reach = 1127.0 * np.arcsinh(0.5 * narrowest_hz / (_mel_to_hz(centre) + 700.0))
            edges[i], edges[i + 2] = centre - reach, centre + reach
    return _mel_to_hz(edges)


@lru_cache(maxsize=8)
def mel_matrices(bins: int, nyquist_hz: float) -> tuple[scipy.sparse.csr_array, scipy.sparse.csr_array]:
    """Return the linear-to-mel matrix M and its inverse R, both float64 of shape (bins, bins).

    Rows of M are linear bins and columns mel bins; rows of R are mel bins. R is the transpose of M with every
    column scaled, not a pseudo-inverse, so the mel round trip is lossy by design.

    Source: Engel et al., GANSynth (ICLR 2019), released code's mel matrix.
    """
    edges = _band_edges_hz(bins, nyquist_hz)
    lower, centre, upper = edges[:bins], edges[1:-1], edges[2:]
    linear = np.linspace(0.0, nyquist_hz, bins)[:, None]
    rising, falling = (linear - lower) / (centre - lower), (upper - linear) / (upper - centre)
    forward = np.maximum(0.0, np.minimum(rising, falling))
    forward[0] = 0.0
    column_sums = (forward @ forward.T).sum(axis=0)
    usable = np.abs(column_sums) > 1e-8
    inverse = forward.T / np.where(usable, column_sums, 1.0)
    return scipy.sparse.csr_array(forward), scipy.sparse.csr_array(inverse)


@lru_cache(maxsize=8)
def _float32_transposes(
    bins: int, nyquist_hz: float
) -> tuple[scipy.sparse.csr_array, scipy.sparse.csr_array]:
    # Sparse times dense is fast with the sparse factor on the left: (frames, bins) @ M = (M.T @ frames.T).T.
    forward, inverse = mel_matrices(bins, nyquist_hz)
    return forward.T.tocsr().astype(np.float32), inverse.T.tocsr().astype(np.float32)


@lru_cache(maxsize=8)
def _hann(frames: int) -> FloatArray:
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(frames) / frames)
    return window.astype(np.float32)


def _apply(matrix: scipy.sparse.csr_array, rows: NDArray[np.floating]) -> NDArray[np.floating]:
    flat = rows.reshape(-1, rows.shape[-1])
    product: NDArray[np.floating] = (matrix @ flat.T).T.reshape(rows.shape)
    return product


def wrap(phase: NDArray[np.floating]) -> NDArray[np.floating]:
    """Wrap angles in radians into [-pi, pi)."""
    return (phase + np.pi) % (2.0 * np.pi) - np.pi


def waves_to_spectra(waves: FloatArray, representation: Representation = DEFAULT) -> NDArray[np.complex64]:
    """Short-time Fourier transform of waves.

    Parameters
    ----------
    waves : NDArray[np.float32], shape (notes, wave_frames)
        Samples in -1..1.
    representation : Representation
        Sizes.

    Returns
    -------
    NDArray[np.complex64], shape (notes, frames, bins)
        FFT bins 1..bins of every frame.
    """
    size = representation
    padded = np.pad(waves.astype(np.float32), ((0, 0), (size.padding_frames, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, size.window_frames, axis=-1)
    windows = windows[:, :: size.hop_frames]
    spectra: NDArray[np.complex64] = scipy.fft.rfft(windows * _hann(size.window_frames), axis=-1)[..., 1:]
    return spectra


def waves_to_spectrograms(waves: FloatArray, representation: Representation = DEFAULT) -> FloatArray:
    """Analyse waves into the two channels of a representation.

    Parameters
    ----------
    waves : NDArray[np.float32], shape (notes, wave_frames)
        Samples in -1..1.
    representation : Representation
        Sizes and kind.

    Returns
    -------
    NDArray[np.float32], shape (notes, frames, bins, 2)
        "mel": natural log of mel power, and phase step in units of pi (-1..1 but for the first frame).
        "linear": natural log of magnitude, and phase step. "phase": natural log of magnitude, and phase.

    Source: GANSynth, section 3 ("IF-Mel", "IF" and "Phase").
    """
    spectra = waves_to_spectra(waves, representation)
    magnitude, angle = np.abs(spectra) + np.float32(FLOOR), np.angle(spectra)
    out = np.empty((*magnitude.shape, 2), np.float32)
    if representation.kind != "mel":
        out[..., 0] = np.log(magnitude)
        out[..., 1] = (angle if representation.kind == "phase" else _phase_steps(angle)) / np.pi
        return out
    to_mel, _ = _float32_transposes(representation.bins, representation.sample_rate_hz / 2)
    power = _apply(to_mel, magnitude**2)
    phase = np.cumsum(_phase_steps(angle), axis=1, dtype=np.float64)
    out[..., 0] = np.log(power + FLOOR)
    out[..., 1] = _phase_steps(_apply(to_mel, phase)) / np.pi
    return out


def _phase_steps(phase: NDArray[np.floating]) -> NDArray[np.floating]:
    """Wrapped differences along frames; the first frame keeps its own phase."""
    steps = np.diff(phase, axis=1, prepend=0.0)
    wrapped = wrap(steps[:, 1:])
    # A step of exactly half a turn keeps its sign, as in numpy.unwrap.
    steps[:, 1:] = np.where((wrapped == -np.pi) & (steps[:, 1:] > 0), np.pi, wrapped)
    return steps


def spectrograms_to_waves(spectrograms: FloatArray, representation: Representation = DEFAULT) -> FloatArray:
    """Synthesise waves from the two channels of a representation; no phase is guessed or iterated.

    Parameters
    ----------
    spectrograms : NDArray[np.float32], shape (notes, frames, bins, 2)
        As returned by `waves_to_spectrograms`.
    representation : Representation
        Sizes and kind.

    Returns
    -------
    NDArray[np.float32], shape (notes, wave_frames)
        Samples; the last 1536 fade because no later window overlaps them.
    """
    size = representation
    waves = np.empty((len(spectrograms), size.wave_frames), np.float32)
    for note, spectrogram in enumerate(spectrograms):  # one note at a time stays inside the cache
        waves[note] = spectra_to_wave(spectrogram_to_spectrum(spectrogram, size), size)
    return waves


def spectra_to_wave(spectrum: NDArray[np.complex64], size: Representation) -> FloatArray:
    """Overlap and add one note's windows.

    Parameters
    ----------
    spectrum : NDArray[np.complex64], shape (frames, bins)
        FFT bins 1..bins of every frame; DC is zero.
    size : Representation
        Sizes.

    Returns
    -------
    NDArray[np.float32], shape (wave_frames,)
    """
    with_dc = np.zeros((size.frames, size.bins + 1), np.complex64)
    with_dc[:, 1:] = spectrum
    windows = scipy.fft.irfft(with_dc, n=size.window_frames, axis=-1, overwrite_x=True)
    windows *= window_of_synthesis(size)
    return _overlap_add(windows, size.hop_frames)[size.padding_frames :]


def window_of_synthesis(size: Representation) -> FloatArray:
    """What every inverse transform is multiplied with before it is added, float32 (window_frames,)."""
    shares = np.float32(1.0 / 1.5)  # Hann / sum of squared shifted Hanns
    window: FloatArray = _hann(size.window_frames) * shares
    return window


def to_linear_power(mel_power: FloatArray, size: Representation) -> FloatArray:
    """Spread mel power (..., bins) over the linear bins."""
    _, to_linear = _float32_transposes(size.bins, size.sample_rate_hz / 2)
    power: FloatArray = _apply(to_linear, mel_power)
    return power


def spectrogram_to_spectrum(spectrogram: FloatArray, size: Representation) -> NDArray[np.complex64]:
    """Complex spectrum of one note, shape (frames, bins), from its two channels (frames, bins, 2)."""
    # The running phase reaches hundreds of radians, so it is kept in half turns and reduced before the
    # float32 sine.
    half_turns = spectrogram[..., 1]
    if size.kind != "phase":
        half_turns = np.cumsum(half_turns, axis=0, dtype=np.float64)
    if size.kind == "mel":
        _, to_linear = _float32_transposes(size.bins, size.sample_rate_hz / 2)
        half_turns = _apply(to_linear, half_turns)
        power = to_linear_power(np.exp(spectrogram[..., 0]), size)
        magnitude = np.sqrt(power + np.float32(FLOOR))
    else:
        magnitude = np.exp(spectrogram[..., 0])
    angle = (np.pi * (half_turns - 2.0 * np.rint(0.5 * half_turns))).astype(np.float32)
    spectrum = np.empty(angle.shape, np.complex64)
    np.multiply(magnitude, np.cos(angle), out=spectrum.real)
    np.multiply(magnitude, np.sin(angle), out=spectrum.imag)
    return spectrum


def _overlap_add(windows: FloatArray, hop_frames: int) -> FloatArray:
    overlap = windows.shape[-1] // hop_frames
    hops = windows.reshape(len(windows), overlap, hop_frames)
    out = np.zeros((len(windows) + overlap - 1, hop_frames), np.float32)
    for part in range(overlap):
        out[part : part + len(windows)] += hops[:, part]
    return out.reshape(-1)


def normalise(spectrograms: FloatArray) -> FloatArray:
    """Bring both channels into the network's range, clipped to -1..1; shape (..., 2)."""
    clipped: FloatArray = np.clip(spectrograms * _SCALES + _OFFSETS, -1.0, 1.0).astype(np.float32)
    return clipped


def denormalise(outputs: FloatArray) -> FloatArray:
    """Undo `normalise` (but for the clipping); shape (..., 2)."""
    return ((outputs - _OFFSETS) / _SCALES).astype(np.float32)
