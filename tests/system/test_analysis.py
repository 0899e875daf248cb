"""The judges themselves: each finds what was put in, and nothing where nothing was."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.system.analysis.faults import (
    click_detection_rate,
    count_bad_values,
    count_clipped,
    find_clicks,
    peak_db,
)
from tests.system.analysis.onsets import ExpectedNote, measure_timing, onset_moments
from tests.system.analysis.pitch_judge import agreement, judge_path, listen, transcribe
from tests.system.analysis.sweep import Take, measure_following
from tests.system.conftest import require

RATE_HZ = 48_000
SPACING_S = 0.25


def key_to_hz(key: float) -> float:
    """Equal temperament, A4 = 440 Hz."""
    return float(440.0 * 2.0 ** ((key - 69.0) / 12.0))


def harmonic_notes(keys: list[int], *, tilt: float = 1.0) -> tuple[NDArray[np.float32], list[ExpectedNote]]:
    """Plucked notes one after the other, in pairs a fifth apart, with nothing above 8 kHz."""
    mono = np.zeros(round((len(keys) * SPACING_S + 1.0) * RATE_HZ), np.float32)
    notes = []
    times_s = np.arange(round(0.4 * RATE_HZ)) / RATE_HZ
    envelope = (
        np.minimum(times_s / 0.003, 1.0) * np.exp(-times_s / 0.12) * np.minimum((0.4 - times_s) / 0.02, 1.0)
    )
    for index, key in enumerate(keys):
        start = round((0.5 + index * SPACING_S) * RATE_HZ)
        for pitch in (key, key + 7):
            partials = [h for h in range(1, 9) if h * key_to_hz(pitch) < 7000]
            wave = sum(np.sin(2 * np.pi * h * key_to_hz(pitch) * times_s) / h**tilt for h in partials)
            mono[start : start + times_s.size] += (0.1 * envelope * wave).astype(np.float32)
            notes.append(ExpectedNote(start, start + round(0.2 * RATE_HZ), pitch))
    return mono, notes


@pytest.fixture(scope="module")
def music() -> tuple[NDArray[np.float32], list[ExpectedNote]]:
    return harmonic_notes([60, 64, 57, 52, 67, 62, 55, 69] * 8)


def test_onsets_are_timed_to_a_few_milliseconds(
    music: tuple[NDArray[np.float32], list[ExpectedNote]],
) -> None:
    timing = measure_timing(music[0], RATE_HZ, music[1])
    assert timing.clear_share > 0.95
    assert np.abs(timing.errors_ms).max() < 6


def test_late_music_is_measured_as_late(music: tuple[NDArray[np.float32], list[ExpectedNote]]) -> None:
    late = np.pad(music[0], (480, 0))
    shift_ms = np.median(measure_timing(late, RATE_HZ, music[1]).errors_ms) - np.median(
        measure_timing(music[0], RATE_HZ, music[1]).errors_ms
    )
    assert shift_ms == pytest.approx(10.0, abs=1.0)


def test_a_chord_is_one_moment(music: tuple[NDArray[np.float32], list[ExpectedNote]]) -> None:
    assert len(onset_moments(music[1], RATE_HZ)) == len(music[1]) // 2


def test_the_judge_hears_the_notes_and_misses_them_a_semitone_away(
    music: tuple[NDArray[np.float32], list[ExpectedNote]],
) -> None:
    weights = judge_path()
    require(weights, "the Python package basic-pitch (pip install --no-deps basic-pitch)")
    assert weights is not None
    written = transcribe(listen(music[0], RATE_HZ, weights))
    shifted = [ExpectedNote(note.frame, note.end_frame, note.key + 1) for note in music[1]]
    assert agreement(written, music[1], RATE_HZ).recall > 0.9
    assert agreement(written, shifted, RATE_HZ).recall < 0.05


def test_steps_of_minus_60_db_are_found_and_none_where_there_is_none(
    music: tuple[NDArray[np.float32], list[ExpectedNote]],
) -> None:
    exempt = [place for note in music[1] for place in (note.frame, note.end_frame)]
    assert find_clicks(music[0], RATE_HZ, exempt) == []
    assert click_detection_rate(music[0], RATE_HZ, exempt, -58.0) > 0.95
    assert click_detection_rate(music[0], RATE_HZ, exempt, -72.0) < 0.05


def test_numbers_that_are_none_and_flat_tops_are_counted() -> None:
    frames = np.sin(np.arange(4800) / 20).astype(np.float32)[None, :]
    assert (count_bad_values(frames), count_clipped(0.9 * frames)) == (0, 0)
    assert count_clipped(np.clip(1.5 * frames, -0.8, 0.8)) > 100
    frames[0, 7:9] = np.nan, np.inf
    assert count_bad_values(frames) == 2


def test_silence_has_no_level() -> None:
    assert peak_db(np.zeros((2, 100), np.float32)) == -np.inf


def test_a_knob_that_tilts_the_spectrum_is_followed_and_one_that_does_nothing_is_not() -> None:
    keys = [60, 64, 57, 52, 67, 62, 55, 69] * 18
    times_s = np.arange(0.0, 36.0, 0.1)
    knob = 3 * np.sin(2 * np.pi * times_s / 12)
    moves = list(zip(times_s, knob, strict=True))
    dark, bright = (harmonic_notes(keys, tilt=tilt)[0] for tilt in (1.3, 0.7))
    noise = np.random.default_rng(0).normal(0, 1e-4, (2, dark.size)).astype(np.float32)
    share = np.interp(np.arange(dark.size) / RATE_HZ, times_s + 0.25, 0.5 + knob / 8).astype(np.float32)
    still = Take((dark + bright) / 2 + noise[0], RATE_HZ)
    moved = Take(share * bright + (1 - share) * dark + noise[1], RATE_HZ)
    followed = measure_following(moved, still, moves)
    ignored = measure_following(Take((dark + bright) / 2 + noise[1], RATE_HZ), still, moves)
    assert followed.read_correlation > 0.9 > followed.chance_correlation
    assert followed.lag_s == pytest.approx(0.25, abs=0.13)
    assert abs(ignored.read_correlation) < 0.4
