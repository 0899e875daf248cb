"""The spectral chain against numbers of the original and against itself."""

from __future__ import annotations

import numpy as np
import pytest

from synth_engine.generator import spectral
from tests.synth_engine.gansynth.golden import GOLDEN, needs_golden
from tests.synth_engine.generator.golden_spectral import LINEAR, PHASE, spectral_errors


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "spectral.npz") as file:
        return dict(file)


def _tone(frequency_hz: float) -> np.ndarray:
    times_s = np.arange(spectral.WAVE_FRAMES) / spectral.SAMPLE_RATE_HZ
    partials = [np.sin(2 * np.pi * n * frequency_hz * times_s) / n for n in range(1, 8)]
    return (0.3 * np.sum(partials, axis=0)).astype(np.float32)[None]


@needs_golden
def test_every_step_equals_the_original() -> None:
    found = spectral_errors()
    assert len(found) == 25
    assert {name: error for name, (error, allowed) in found.items() if not error <= allowed} == {}


@needs_golden
def test_analysis_equals_the_original_where_there_is_sound(golden: dict[str, np.ndarray]) -> None:
    ours = spectral.waves_to_spectrograms(golden["wave"][None])[0]
    theirs = golden["mel_specgram"]
    loud = theirs[..., 0] > -4.0
    assert np.abs(ours - theirs)[..., 0][loud].max() < 2e-2
    assert np.median(np.abs(ours - theirs)[..., 0][loud]) < 1e-4
    steady = loud & np.roll(loud, 1, axis=0)
    steady[:6] = False  # inside the zero padding
    difference = np.abs((ours - theirs)[..., 1][steady])
    difference = np.minimum(difference, 2.0 - difference)  # a turn is no difference
    assert np.quantile(difference, 0.999) < 2e-3
    assert np.median(difference) < 1e-5


def test_round_trip_keeps_a_steady_tone() -> None:
    wave = _tone(261.63)
    back = spectral.spectrograms_to_waves(spectral.waves_to_spectrograms(wave))
    middle = slice(8_000, 60_000)
    level = np.sqrt(np.mean(back[0, middle] ** 2) / np.mean(wave[0, middle] ** 2))
    assert 0.7 < level < 1.3
    peak = np.argmax(np.abs(np.fft.rfft(back[0, middle] * np.hanning(52_000)))) * 16_000 / 52_000
    assert abs(peak - 261.63) < 1.0


@pytest.mark.parametrize("size", [LINEAR, PHASE])
def test_round_trip_without_mel_is_the_wave_itself_but_for_its_ends(size: spectral.Representation) -> None:
    waves = np.concatenate([_tone(110.0), _tone(440.0)])
    back = spectral.spectrograms_to_waves(spectral.waves_to_spectrograms(waves, size), size)
    np.testing.assert_allclose(back[:, 2048:-1536], waves[:, 2048:-1536], atol=1e-4)


def test_low_resolution_has_twice_the_frames_of_half_the_bins() -> None:
    size = spectral.Representation(frames=256, bins=512, kind="linear")
    assert (size.window_frames, size.hop_frames, size.padding_frames) == (1024, 256, 2304)
    spectrograms = spectral.waves_to_spectrograms(_tone(220.0), size)
    assert spectrograms.shape == (1, 256, 512, 2)
    back = spectral.spectrograms_to_waves(spectrograms, size)
    np.testing.assert_allclose(back[:, 1024:-768], _tone(220.0)[:, 1024:-768], atol=1e-4)


def test_notes_of_a_batch_do_not_touch_each_other() -> None:
    waves = np.concatenate([_tone(110.0), _tone(440.0)])
    together = spectral.waves_to_spectrograms(waves)
    np.testing.assert_allclose(together[1:], spectral.waves_to_spectrograms(waves[1:]), atol=1e-3)


def test_normalising_and_back_changes_nothing_inside_the_range() -> None:
    rng = np.random.default_rng(0)
    values = rng.uniform([-13.0, -1.0], [10.0, 1.0], (3, 4, 5, 2)).astype(np.float32)
    np.testing.assert_allclose(spectral.denormalise(spectral.normalise(values)), values, atol=1e-4)


def test_silence_stays_silent() -> None:
    silence = np.zeros((1, spectral.WAVE_FRAMES), np.float32)
    back = spectral.spectrograms_to_waves(spectral.waves_to_spectrograms(silence))
    assert np.isfinite(back).all()
    assert np.abs(back).max() < 0.01
