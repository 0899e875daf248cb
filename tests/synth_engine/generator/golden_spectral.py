"""How far the spectral chain is off the original's, step by step, with what is allowed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from synth_engine.generator import spectral
from synth_engine.generator.spectral import DEFAULT, Representation
from tests.synth_engine.gansynth.golden import GOLDEN

LINEAR, PHASE = replace(DEFAULT, kind="linear"), replace(DEFAULT, kind="phase")
_SMALL = Representation(8, 64, 320)

Errors = dict[str, tuple[float, float]]


def spectral_errors() -> Errors:
    """Name of each step to its largest error and the tolerance."""
    with np.load(GOLDEN / "spectral.npz") as file:
        golden = dict(file)
    return {**_matrices(), **_analysis(golden), **_synthesis(golden), **_small("final"), **_small("blend")}


def _largest(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max())


def _steps(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Difference of phase steps: a full turn is none."""
    difference = np.abs(found - expected) % 2.0
    return np.minimum(difference, 2.0 - difference)


def _matrices() -> Errors:
    with np.load(GOLDEN / "mel_matrices.npz") as file:
        triplets = dict(file)
    largest = 0.0
    matrices = spectral.mel_matrices(1024, 8000.0)
    for name, matrix in zip(("linear_to_mel", "mel_to_linear"), matrices, strict=True):
        expected = np.zeros((1024, 1024))
        expected[triplets[f"{name}_row"], triplets[f"{name}_col"]] = triplets[f"{name}_val"]
        assert matrix.nnz == triplets[f"{name}_val"].size == 2042
        largest = max(largest, _largest(matrix.toarray(), expected))
    return {"mel matrices": (largest, 1e-9)}


def _analysis(golden: dict[str, np.ndarray]) -> Errors:
    wave = golden["wave"][None]
    spectra = spectral.waves_to_spectra(wave)[0]
    linear = spectral.waves_to_spectrograms(wave, LINEAR)[0]
    phase = spectral.waves_to_spectrograms(wave, PHASE)[0]
    mel = spectral.waves_to_spectrograms(wave)[0]
    expected = golden["specgram_sub"]
    magnitude = np.abs(linear[::4, :, 0] - expected[..., 0])
    steps = _steps(linear[::4, :, 1], expected[..., 1])
    both = np.minimum(linear[..., 0], np.roll(linear[..., 0], 1, axis=0))[::4]
    both[:2] = -np.inf  # inside the zero padding there is no phase
    angles = phase[::8, :, 1] * np.pi  # the stored phase is the spectrum's
    turned = golden["stft_sub"] * np.exp(-1j * angles)
    mel_expected = golden["mel_specgram"]
    loud = mel_expected[..., 0] > -4.0
    normalised = spectral.normalise(mel_expected[::16])
    return {
        "stft": (_largest(spectra[::8], golden["stft_sub"]), 1e-4),
        "linear: log magnitude above -5": (float(magnitude[expected[..., 0] > -5.0].max()), 1e-3),
        "linear: log magnitude, all": (float(magnitude.max()), 2e-2),
        "linear: phase step above -7": (float(steps[both > -7.0].max()), 1e-3),
        "linear: phase step above -3": (float(steps[both > -3.0].max()), 5e-5),
        "phase: what is left of the spectrum's angle": (_largest(turned.imag, 0.0), 1e-4),
        "phase: log magnitude is the linear one": (_largest(phase[..., 0], linear[..., 0]), 0.0),
        "mel: log power above -4": (float(np.abs(mel - mel_expected)[..., 0][loud].max()), 1e-3),
        "mel: normalised": (_largest(normalised, golden["mel_normalized_sub"]), 1e-6),
    }


def _synthesis(golden: dict[str, np.ndarray]) -> Errors:
    wave, mel = golden["wave"][None], golden["mel_specgram"]
    spectra = spectral.waves_to_spectra(wave)[0]
    linear = spectral.waves_to_spectrograms(wave, LINEAR)
    phase = spectral.waves_to_spectrograms(wave, PHASE)
    from_mel = spectral.spectrogram_to_spectrum(mel, DEFAULT)
    logarithm, expected = np.log(np.abs(from_mel)), golden["lin_from_mel_sub"]
    angles = np.diff(np.angle(from_mel), axis=0, prepend=0.0) / np.pi
    from_stft = spectral.spectra_to_wave(spectra, DEFAULT)
    original = golden["wave_from_specgram"]
    return {
        "linear from mel: log magnitude": (_largest(logarithm[::8], expected[..., 0]), 1e-5),
        "linear from mel: phase step": (float(_steps(angles[::8], expected[..., 1]).max()), 1e-4),
        "stft from mel": (_largest(from_mel[::8], golden["stft_from_mel_sub"]), 1e-3),
        "wave from stft": (_largest(from_stft, golden["wave_from_stft"]), 1e-5),
        "wave from linear": (_largest(spectral.spectrograms_to_waves(linear, LINEAR)[0], original), 1e-5),
        "wave from phase": (_largest(spectral.spectrograms_to_waves(phase, PHASE)[0], original), 1e-5),
        "wave from mel": (
            _largest(spectral.spectrograms_to_waves(mel[None])[0], golden["wave_from_mel"]),
            1e-5,
        ),
    }


def _small(name: str) -> Errors:
    with np.load(GOLDEN / f"small_{name}.npz") as file:
        golden = {key: file[key] for key in ("mel_specgram", "lin_specgram", "stft", "waves")}
    mel, linear, waves = golden["mel_specgram"], golden["lin_specgram"], golden["waves"][..., 0]
    spectra = np.stack([spectral.spectrogram_to_spectrum(each, _SMALL) for each in mel])
    from_linear = spectral.spectrograms_to_waves(linear, replace(_SMALL, kind="linear"))
    return {
        f"small_{name}: linear from mel": (_largest(np.log(np.abs(spectra)), linear[..., 0]), 1e-4),
        f"small_{name}: stft": (_largest(spectra, golden["stft"][..., 0]), 1e-3),
        f"small_{name}: waves from mel": (_largest(spectral.spectrograms_to_waves(mel, _SMALL), waves), 1e-3),
        f"small_{name}: waves from linear": (_largest(from_linear, waves), 1e-3),
    }
