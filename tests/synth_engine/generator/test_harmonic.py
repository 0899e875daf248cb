"""Harmonic maps against tones whose frequencies are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_engine.generator import harmonic, spectral


def _tone(fundamental_hz: float) -> np.ndarray:
    times_s = np.arange(spectral.WAVE_FRAMES) / spectral.SAMPLE_RATE_HZ
    count = int(7_600 // fundamental_hz)
    partials = [np.cos(2 * np.pi * n * fundamental_hz * times_s + n * n) / n for n in range(1, count + 1)]
    return (0.2 * np.sum(partials, axis=0)).astype(np.float32)[None]


@pytest.mark.parametrize("pitch", [36, 48.5, 60, 72, 84])
def test_base_step_is_the_frequency_of_a_steady_harmonic_tone(pitch: float) -> None:
    spectrogram = spectral.waves_to_spectrograms(_tone(harmonic.pitch_to_hz(pitch)))[0, 16:100]
    magnitude = np.exp(0.5 * spectrogram[..., 0])
    error = np.abs(spectral.wrap(np.pi * (spectrogram[..., 1] - harmonic.maps_of_pitch(pitch).base_step)))
    assert (error * magnitude).sum() / magnitude.sum() / np.pi < 0.02


def test_lobe_map_peaks_where_the_partials_are() -> None:
    fundamental_hz = harmonic.pitch_to_hz(60)
    spectrogram = spectral.waves_to_spectrograms(_tone(fundamental_hz))[0, 16:100, :, 0].mean(axis=0)
    lobe = harmonic.maps_of_pitch(60.0).channels[:, 2]
    for n in range(1, 12):
        bins = np.flatnonzero(np.abs(harmonic.mel_centres_hz(spectral.DEFAULT) - n * fundamental_hz) < 60)
        assert abs(bins[np.argmax(lobe[bins])] - bins[np.argmax(spectrogram[bins])]) <= 1


@given(st.floats(10.0, 120.0))
@settings(max_examples=30, deadline=None)
def test_maps_of_any_pitch_are_bounded(pitch: float) -> None:
    maps = harmonic.maps_of_pitch(pitch)
    assert maps.channels.shape == (1024, harmonic.MAP_CHANNELS)
    assert maps.base_step.shape == (1024,)
    assert np.abs(maps.channels).max() < 2.0
    assert np.abs(maps.base_step).max() <= 1.0


def test_maps_follow_the_size_of_the_representation() -> None:
    size = spectral.Representation(frames=8, bins=64, wave_frames=250)
    assert harmonic.maps_of_pitch(60.0, size).channels.shape == (64, harmonic.MAP_CHANNELS)


def test_pitch_69_is_440_hz() -> None:
    assert harmonic.pitch_to_hz(69) == 440.0
    assert harmonic.pitch_to_hz(57) == pytest.approx(220.0)


def test_every_harmonic_has_a_slot_and_the_first_have_their_own() -> None:
    slots = harmonic.slots_of_harmonics(np.arange(1.0, 2000.0))
    assert list(slots[:32]) == list(range(32))
    assert (np.diff(slots) >= 0).all()
    assert slots[-1] == harmonic.HARMONIC_SLOTS - 1
    assert slots[243] > slots[122] > slots[61]  # an octave up is another slot to the top of pitch 24
