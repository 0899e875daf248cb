"""Sound files and sheets: whole or not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from synth_engine.offline.pictures import write_sheet
from synth_engine.offline.resampling import at_positions, resample
from synth_engine.offline.sound_file import SoundFileError, write_sound, write_sound_blocks

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("name", "subtype"), [("a.wav", "FLOAT"), ("a.FLAC", "PCM_24")])
def test_a_sound_comes_back(tmp_path: Path, name: str, subtype: str) -> None:
    sound = RNG.uniform(-0.9, 0.9, (1000, 2)).astype(np.float32)
    write_sound(tmp_path / "new" / name, sound, 44_100)
    back, rate_hz = soundfile.read(tmp_path / "new" / name, dtype="float32")
    assert rate_hz == 44_100
    assert soundfile.info(tmp_path / "new" / name).subtype == subtype
    np.testing.assert_allclose(back, sound, atol=2e-7)
    assert [path.name for path in (tmp_path / "new").iterdir()] == [name]


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SoundFileError, match=r"\.wav or \.flac"):
        write_sound(tmp_path / "a.mp3", np.zeros(3, np.float32), 16_000)


def test_what_is_interrupted_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")

    def blocks():
        yield np.zeros(10, np.float32)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_sound_blocks(path, blocks(), 16_000, 1)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        write_sound(tmp_path / "file" / "a.wav", np.zeros(3, np.float32), 16_000)


def test_a_sheet_is_a_picture(tmp_path: Path) -> None:
    waves = [RNG.normal(size=16_000), np.zeros(64_000)]
    write_sheet(tmp_path / "sheet.png", waves, ["noise", "nothing"])
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("frequency_hz", [100.0, 7_700.0])
def test_resampling_is_cleaner_than_ninety_decibels(rate_hz: int, frequency_hz: float) -> None:
    window = np.hanning(16_000)
    wave = window * np.sin(2 * np.pi * frequency_hz * np.arange(16_000) / 16_000)
    ours = resample(wave, 16_000, rate_hz)
    times_s = np.arange(len(ours)) / rate_hz
    expected = np.interp(times_s, np.arange(16_000) / 16_000, window) * np.sin(
        2 * np.pi * frequency_hz * times_s
    )
    error_db = 10 * np.log10(np.mean((ours - expected) ** 2) / np.mean(expected**2))
    assert error_db < -90.0


def test_reading_between_frames_is_cleaner_than_ninety_decibels() -> None:
    def tone(frames: np.ndarray) -> np.ndarray:
        window = 0.5 - 0.5 * np.cos(2 * np.pi * frames / 16_000)
        return window * np.sin(2 * np.pi * 6_500.0 * frames / 16_000)

    positions = np.arange(200.0, 15_800.0, 0.7391)
    error = at_positions(tone(np.arange(16_000.0)).astype(np.float32), positions) - tone(positions)
    assert 10 * np.log10(np.mean(error**2) / np.mean(tone(positions) ** 2)) < -90.0


def test_beyond_the_ends_is_silence() -> None:
    assert np.abs(at_positions(np.ones(100, np.float32), np.array([-500.0, 700.0]))).max() < 1e-6
