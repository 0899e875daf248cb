"""Phase-locked synthesis of harmonic spectrograms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_engine.generator.harmonic import pitch_to_hz
from synth_engine.generator.partials import noise_frames, spectrograms_to_partials
from synth_engine.generator.spectral import Representation, spectra_to_wave, waves_to_spectrograms

MIDDLE = slice(16_000, 48_000)


def _tone(frequency_hz: float, level: float = 0.2) -> np.ndarray:
    times_s = np.arange(64_000) / 16_000
    count = int(7_000 // frequency_hz)
    partials = [np.cos(2 * np.pi * n * frequency_hz * times_s + n * n) / n for n in range(1, count + 1)]
    return (level * np.sum(partials, axis=0)).astype(np.float32)[None]


def _partial_levels(wave: np.ndarray, frequency_hz: float) -> np.ndarray:
    spectrum = np.abs(np.fft.rfft(wave[MIDDLE] * np.hanning(32_000)))
    centres = [round(n * frequency_hz * 2) for n in range(1, 6)]
    return np.array([spectrum[c - 4 : c + 5].max() for c in centres])


@pytest.mark.parametrize("pitch", [36.0, 60.0, 84.0])
def test_a_steady_tone_keeps_its_partials_levels(pitch: float) -> None:
    frequency_hz = pitch_to_hz(pitch)
    wave = _tone(frequency_hz)
    back = spectrograms_to_partials(waves_to_spectrograms(wave), np.array([pitch]))
    ratio_db = 20 * np.log10(_partial_levels(back[0], frequency_hz) / _partial_levels(wave[0], frequency_hz))
    assert np.abs(ratio_db).max() < 1.5


def test_a_tone_does_not_flutter() -> None:
    wave = spectrograms_to_partials(waves_to_spectrograms(_tone(440.0)), np.array([69.0]))[0]
    levels = np.sqrt((wave[MIDDLE].reshape(-1, 800) ** 2).mean(axis=1))
    assert levels.std() / levels.mean() < 0.02


@pytest.mark.parametrize("cents", [-20, 15])
def test_a_mistuned_note_stays_mistuned(cents: int) -> None:
    frequency_hz = 440.0 * 2.0 ** (cents / 1200)
    wave = spectrograms_to_partials(waves_to_spectrograms(_tone(frequency_hz)), np.array([69.0]))[0]
    spectrum = np.abs(np.fft.rfft(wave[MIDDLE] * np.hanning(32_000), 1 << 18))
    heard_hz = (np.argmax(spectrum[:10_000])) * 16_000 / (1 << 18)
    assert abs(1200 * np.log2(heard_hz / frequency_hz)) < 2


def test_two_timbres_of_a_pitch_do_not_cancel() -> None:
    bright, dark = _tone(220.0), 0.2 * np.cos(2 * np.pi * 220.0 * np.arange(64_000) / 16_000 + 2.0)[None]
    both = [waves_to_spectrograms(w.astype(np.float32)) for w in (bright, dark)]
    first, second = (spectrograms_to_partials(s, np.array([57.0]))[0] for s in both)
    sum_level = _partial_levels(first + second, 220.0)[0]
    assert sum_level > 0.9 * (_partial_levels(first, 220.0)[0] + _partial_levels(second, 220.0)[0])


def test_silence_is_silent() -> None:
    silence = waves_to_spectrograms(np.zeros((1, 64_000), np.float32))
    assert not spectrograms_to_partials(silence, np.array([60.0])).any()


@given(pitch=st.floats(5.0, 125.0), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_any_spectrogram_at_any_pitch_gives_finite_sound(pitch: float, seed: int) -> None:
    size = Representation(frames=8, bins=64, wave_frames=250)
    rng = np.random.default_rng(seed)
    spectrogram = rng.uniform((-17.0, -1.0), (14.0, 1.0), (1, 8, 64, 2)).astype(np.float32)
    wave = spectrograms_to_partials(spectrogram, np.array([pitch]), size)
    assert wave.shape == (1, 250)
    assert np.isfinite(wave).all()


def test_noise_keeps_its_level() -> None:
    wave = 0.05 * np.random.default_rng(3).standard_normal((1, 64_000)).astype(np.float32)
    back = spectrograms_to_partials(waves_to_spectrograms(wave), np.array([72.0]))
    between = slice(800, 1000)  # Hz, between the first harmonic and the second
    spectra = [np.fft.rfft(w[MIDDLE])[2 * between.start : 2 * between.stop] for w in (wave[0], back[0])]
    powers = [np.square(np.abs(spectrum)) for spectrum in spectra]
    assert abs(10 * np.log10(powers[1].mean() / powers[0].mean())) < 1.0


def test_frames_of_noise_are_the_frames_of_one_wave() -> None:
    size = Representation()
    noise = noise_frames(size)
    wave = spectra_to_wave(noise, size)
    windows = np.lib.stride_tricks.sliding_window_view(wave, size.window_frames)[:: size.hop_frames]
    spectra = np.fft.rfft(windows * np.hanning(size.window_frames + 1)[:-1])[:, 1:]
    lead = size.padding_frames // size.hop_frames  # frames before the note
    np.testing.assert_allclose(spectra[5:100, 8:-8], noise[lead + 5 : lead + 100, 8:-8], atol=2e-3)
    assert np.square(np.abs(noise)).mean() == pytest.approx(1.0, abs=0.02)
