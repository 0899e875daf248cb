"""Notes that last as long as the key: no seam, no period, no drift."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_engine.generator.model_folder import default_model_path, load_model
from synth_engine.generator.partials import spectrograms_to_partials
from synth_engine.generator.runtime import Entry, NoteRenderer
from synth_engine.generator.spectral import (
    DEFAULT,
    SAMPLE_RATE_HZ,
    WAVE_FRAMES,
    Kind,
    Representation,
    spectrograms_to_waves,
    waves_to_spectrograms,
)
from synth_engine.generator.sustain import EndlessNote, sustained_wave
from synth_engine.generator.tracks import Tracks, bin_tracks, partial_tracks

PITCH = 57.0
HZ = 220.0
SEAM = int(2.81 * SAMPLE_RATE_HZ)  # where the walk begins


def tone(decay_per_s: float = 0.0) -> np.ndarray:
    """A held A3 with vibrato and a slow swell, let go after 3 s."""
    time_s = np.arange(WAVE_FRAMES) / SAMPLE_RATE_HZ
    phase = 2 * np.pi * HZ * time_s + 0.05 * np.sin(2 * np.pi * 5.5 * time_s)
    sound = np.sum([np.sin(n * phase) / n for n in range(1, 9)], axis=0)
    level = (1 + 0.1 * np.sin(2 * np.pi * 1.3 * time_s)) * np.exp(-decay_per_s * time_s)
    released = np.exp(-np.maximum(time_s - 3.0, 0.0) * 20.0)
    return (0.2 * sound * level * released).astype(np.float32)


def tracks_of(wave: np.ndarray, kind: str) -> Tracks:
    spectrogram = waves_to_spectrograms(wave[None])[0]
    return (
        partial_tracks(spectrogram, PITCH, DEFAULT)
        if kind == "partials"
        else bin_tracks(spectrogram, DEFAULT)
    )


@pytest.fixture(scope="module")
def violin() -> tuple[Tracks, np.ndarray]:
    model = load_model(default_model_path())
    pitches = np.array([69.0])
    hooks = Entry(model).activate(model.anchors["violin"].latent[None], pitches)
    renderer = NoteRenderer(model)
    spectrogram = renderer.spectrograms(hooks, pitches)[0]
    return partial_tracks(spectrogram, 69.0, DEFAULT), renderer.waves(hooks, pitches)[0]


def level_db(wave: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(wave, 2048)[::512] * np.hanning(2048)
    return 10 * np.log10(np.sum(windows**2, axis=1) / np.sum(np.hanning(2048) ** 2) + 1e-14)


def strongest_return(wave: np.ndarray) -> float:
    """Highest autocorrelation of the level at lags from 0.3 to 8 s, in dB of the level's own square."""
    level = 10 ** (level_db(wave) / 20)
    power = np.abs(np.fft.rfft(level - level.mean(), 2 * len(level))) ** 2
    covariance = np.fft.irfft(power)[: len(level)] / np.arange(len(level), 0, -1)
    lags_s = np.arange(len(level)) * 512 / SAMPLE_RATE_HZ
    highest = covariance[(lags_s > 0.3) & (lags_s < 8.0)].max() / level.mean() ** 2
    return 10 * np.log10(max(highest, 1e-12))


def cents(wave: np.ndarray, pitch_hz: float) -> float:
    """Distance of the fundamental from a frequency."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 1 << 20))
    spectrum[: int(0.9 * pitch_hz / SAMPLE_RATE_HZ * (1 << 20))] = 0
    spectrum[int(1.1 * pitch_hz / SAMPLE_RATE_HZ * (1 << 20)) :] = 0
    return float(1200 * np.log2(np.argmax(spectrum) * SAMPLE_RATE_HZ / (1 << 20) / pitch_hz))


def flux(wave: np.ndarray) -> np.ndarray:
    """Change of the magnitude spectrum from one 16 ms to the next, relative to the spectrum."""
    windows = np.lib.stride_tricks.sliding_window_view(wave, 1024)[::256] * np.hanning(1024)
    magnitude = np.abs(np.fft.rfft(windows, axis=1))
    return np.linalg.norm(np.diff(magnitude, axis=0), axis=1) / np.linalg.norm(magnitude[1:], axis=1)


@pytest.mark.parametrize("kind", ["partials", "bins"])
def test_a_note_not_held_longer_is_the_models_own(kind: str) -> None:
    wave = tone()
    spectrogram = waves_to_spectrograms(wave[None])
    plain = (
        spectrograms_to_partials(spectrogram, np.array([PITCH]))
        if kind == "partials"
        else spectrograms_to_waves(spectrogram)
    )[0]
    ours = sustained_wave(tracks_of(wave, kind), 1.0)
    assert ours.shape == plain.shape
    assert np.abs(ours - plain).max() < 1e-5


@pytest.mark.parametrize("kind", ["linear", "phase"])
def test_notes_of_the_other_representations_are_kept_too(kind: Kind) -> None:
    size = Representation(kind=kind)
    spectrogram = waves_to_spectrograms(tone()[None], size)
    ours = sustained_wave(bin_tracks(spectrogram[0], size), 0.0)
    assert np.abs(ours - spectrograms_to_waves(spectrogram, size)[0]).max() < 1e-4


@pytest.mark.parametrize("kind", ["partials", "bins"])
def test_thirty_seconds_have_no_period_and_no_drift(kind: str) -> None:
    wave = sustained_wave(tracks_of(tone(), kind), 30.0, seed=1)
    assert len(wave) == pytest.approx(31.0 * SAMPLE_RATE_HZ, abs=512)
    held = wave[int(3.2 * SAMPLE_RATE_HZ) : int(29.8 * SAMPLE_RATE_HZ)]
    assert strongest_return(held) < -40.0
    pitches = [cents(piece, HZ) for piece in np.array_split(held, 5)]
    assert max(pitches) - min(pitches) < 3.0
    assert abs(pitches[-1]) < 3.0


def test_the_real_violin_neither_returns_nor_drifts(violin: tuple[Tracks, np.ndarray]) -> None:
    wave = sustained_wave(violin[0], 30.0)
    held = wave[int(3.2 * SAMPLE_RATE_HZ) : int(29.8 * SAMPLE_RATE_HZ)]
    assert strongest_return(held) < -40.0
    pitches = [cents(piece, 440.0) for piece in np.array_split(held, 5)]
    assert max(pitches) - min(pitches) < 3.0


def test_there_is_no_seam(violin: tuple[Tracks, np.ndarray]) -> None:
    tracks, own = violin
    wave = sustained_wave(tracks, 10.0)
    assert np.abs(wave[: SEAM - 1024] - own[: SEAM - 1024]).max() < 1e-5
    natural = flux(own[SAMPLE_RATE_HZ : SEAM - 1024])
    around = flux(wave[SEAM - 4096 : SEAM + 8192])
    assert around.max() < 1.5 * natural.max()
    level = level_db(wave)
    assert np.abs(np.diff(level[80:300])).max() < 0.5


def test_the_release_follows_from_the_frame_reached(violin: tuple[Tracks, np.ndarray]) -> None:
    tracks, own = violin
    wave = sustained_wave(tracks, 10.0)
    level, natural = level_db(wave), level_db(own)
    longer = (len(wave) - len(own)) // 512
    # the same fall, from the same level, seven seconds later; nothing jumps where it begins
    np.testing.assert_allclose(level[longer + 97 :], natural[97:], atol=2.0)
    assert np.abs(np.diff(level[longer + 60 : longer + 89])).max() < 0.5


def test_what_dies_by_itself_is_left_to_die() -> None:
    wave = sustained_wave(tracks_of(tone(decay_per_s=1.0), "bins"), 9.0)
    level = level_db(wave)
    frames = np.arange(100, 270)
    slope_db_per_s = np.polyfit(frames, level[frames], 1)[0] * SAMPLE_RATE_HZ / 512
    assert slope_db_per_s == pytest.approx(-8.69, abs=1.5)
    assert np.abs(np.diff(level[60:270])).max() < 1.0


def test_silence_stays_silent() -> None:
    silence = np.zeros(WAVE_FRAMES, np.float32)
    assert not sustained_wave(tracks_of(silence, "partials"), 8.0).any()
    assert np.abs(sustained_wave(tracks_of(silence, "bins"), 8.0)).max() < 1e-3


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=8))
def test_reading_in_pieces_gives_the_same_sound(pieces: list[int]) -> None:
    tracks = tracks_of(tone(), "partials")
    whole = EndlessNote(tracks, seed=4).read(sum(pieces))
    note = EndlessNote(tracks, seed=4)
    parts = np.concatenate([note.read(piece) for piece in pieces])
    assert len(parts) == len(whole) == sum(pieces)
    np.testing.assert_allclose(parts, whole, atol=1e-5)


def test_a_live_release_ends_the_note() -> None:
    note = EndlessNote(tracks_of(tone(), "bins"), seed=4)
    held = note.read(10 * SAMPLE_RATE_HZ)
    note.release()
    rest = note.read(10 * SAMPLE_RATE_HZ)
    assert len(held) == 10 * SAMPLE_RATE_HZ
    assert SAMPLE_RATE_HZ // 2 < len(rest) < 2 * SAMPLE_RATE_HZ
    assert np.abs(rest[-1600:]).max() < 1e-3 < np.abs(rest[:1600]).max()
    assert len(note.read(100)) == 0
