"""Recordings to single notes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from synth_engine.datasets import cutting
from synth_engine.datasets.audio_files import AudioFileError, find_recordings, read_recording
from synth_engine.datasets.pitch import DetectorMissing, PitchDetector
from synth_engine.datasets.pitch_choice import PitchChoice
from synth_engine.datasets.recordings import Cut, cut_recordings
from synth_engine.datasets.shards import DatasetError
from tests.synth_engine.datasets.sounds import scale, silence, tone, write

REAL = Path("/usr/share/lmms/samples/instruments")  # Debian's lmms-common: ogg, 44.1 kHz, one file damaged
NAMES = PitchChoice("names")


def detector() -> PitchDetector:
    try:
        return PitchDetector()
    except DetectorMissing as error:
        pytest.skip(str(error))


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.wav"))


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3", ".aiff", ".au", ".caf", ".w64"])
@pytest.mark.parametrize(("rate_hz", "channels"), [(44_100, 2), (16_000, 1)])
def test_every_format_reads_alike(tmp_path: Path, suffix: str, rate_hz: int, channels: int) -> None:
    wave = tone(60, 0.6, rate_hz)
    path = write(tmp_path / f"a{suffix}", np.stack([wave] * channels, axis=1), rate_hz)
    read = read_recording(path)
    assert read.dtype == np.float32
    assert len(read) == pytest.approx(9_600, abs=1_200)  # mp3 adds some silence
    spectrum = np.abs(np.fft.rfft(read[:8_000] * np.hanning(min(8_000, len(read)))))
    assert np.argmax(spectrum[:200]) * 2 == pytest.approx(261.6, abs=2.1)


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 96_000])
def test_every_rate_keeps_the_pitch_and_the_length(tmp_path: Path, rate_hz: int) -> None:
    read = read_recording(write(tmp_path / "a.wav", tone(60, 1.0, rate_hz), rate_hz))
    assert len(read) == pytest.approx(16_000, abs=2)
    assert np.argmax(np.abs(np.fft.rfft(read))) == pytest.approx(261.6, abs=1.1)


def test_stereo_gives_its_loudest_channel_or_the_mean(tmp_path: Path) -> None:
    left, right = tone(60, 0.5), 0.5 * tone(64, 0.5)
    path = write(tmp_path / "a.wav", np.stack([right, left], axis=1))
    one, both = read_recording(path), read_recording(path, mix=True)
    alone = read_recording(write(tmp_path / "left.wav", left))
    assert np.abs(one - alone).max() < 1e-3
    assert np.abs(both - alone).max() > 0.05


@pytest.mark.parametrize("content", [b"", b"RIFF", b"not sound at all" * 100, b"RIFF\x24\0\0\0WAVEfmt "])
def test_a_broken_file_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match="cannot be read"):
        read_recording(path)


def test_samples_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.array([0.0, np.nan, 1.0] * 100), subtype="FLOAT")
    with pytest.raises(AudioFileError, match="no numbers"):
        read_recording(path)
    with pytest.raises(AudioFileError, match="no samples"):
        read_recording(write(tmp_path / "b.wav", np.zeros(0)))


def test_recordings_are_found_at_any_depth_and_hidden_ones_are_not(tmp_path: Path) -> None:
    for name in ("b.WAV", "a/c.mp3", "a/notes.txt", ".hidden/d.wav", "a/.e.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [str(p.relative_to(tmp_path)) for p in find_recordings(tmp_path)] == ["a/c.mp3", "b.WAV"]


def test_onsets_are_found_where_notes_begin() -> None:
    rate_hz = 16_000
    wave = np.concatenate([silence(0.5, rate_hz)] + [tone(p, 0.7, rate_hz) for p in (60, 64, 67)])
    found = np.array(cutting.onsets(wave.astype(np.float32))) / rate_hz
    assert found == pytest.approx([0.5, 1.2, 1.9], abs=0.02)
    assert cutting.onsets(np.zeros(16_000, np.float32)) == []
    assert cutting.onsets(np.zeros(0, np.float32)) == []


def test_a_scale_is_cut_at_its_notes_and_heard(tmp_path: Path) -> None:
    write(tmp_path / "in/lute/run.flac", scale([48, 60, 69]))
    report = cut_recordings(tmp_path / "in", tmp_path / "out", Cut(), PitchChoice(detector=detector()))
    assert report.rejected == []
    assert names(tmp_path / "out") == [
        f"lute/run.{n:03d}-{p:03d}-100.wav" for n, p in enumerate((48, 60, 69))
    ]
    wave, rate_hz = soundfile.read(tmp_path / "out/lute/run.001-060-100.wav")
    assert (len(wave), rate_hz) == (64_000, 16_000)
    assert np.abs(wave).max() == pytest.approx(0.95, abs=0.01)
    assert np.abs(wave[:400]).max() > 0.3  # the note begins at once
    assert wave[-1] == 0.0


def test_steps_overlap_and_skip_silence(tmp_path: Path) -> None:
    wave = np.concatenate([tone(45, 6.0, decay_s=20.0), np.zeros(44_100 * 6), tone(45, 4.0, decay_s=20.0)])
    write(tmp_path / "drone.wav", wave)
    cut = Cut("step", seconds=2.0, step_s=1.0)
    report = cut_recordings(tmp_path / "drone.wav", tmp_path / "out", cut, PitchChoice(given=45))
    # of 15 places those from 6 to 10 s are silent
    assert report.notes == 10
    assert all("-045-100" in name for name in names(tmp_path / "out"))
    assert soundfile.info(tmp_path / "out/drone.000-045-100.wav").frames == 32_000


def test_padding_trims_fills_and_fades(tmp_path: Path) -> None:
    write(tmp_path / "in/short_60.wav", np.concatenate([silence(0.4), 0.1 * tone(60, 0.5), silence(0.3)]))
    write(tmp_path / "in/long_C5.aiff", tone(72, 6.0, decay_s=30.0))
    report = cut_recordings(tmp_path / "in", tmp_path / "out", Cut("pad"), NAMES)
    assert names(tmp_path / "out") == ["long_C5.000-072-100.wav", "short_60.000-060-100.wav"]
    assert report.notes == 2
    short, _ = soundfile.read(tmp_path / "out/short_60.000-060-100.wav")
    assert np.abs(short[:400]).max() > 0.2
    assert np.abs(short).max() == pytest.approx(0.95, abs=0.01)
    assert np.abs(short[10_000:]).max() == 0.0
    long, _ = soundfile.read(tmp_path / "out/long_C5.000-072-100.wav")
    levels = [np.abs(part).max() for part in (long[60_000:63_000], long[63_600:63_800], long[-40:])]
    assert levels[0] > 2 * levels[1] > 4 * levels[2]


def test_bad_files_are_listed_and_the_others_done(tmp_path: Path) -> None:
    write(tmp_path / "in/good_60.wav", tone(60, 1.0))
    write(tmp_path / "in/unnamed.wav", tone(60, 1.0))
    write(tmp_path / "in/silent_60.wav", np.zeros(9_000))
    (tmp_path / "in/broken_60.ogg").write_bytes(b"OggS" + bytes(50))
    report = cut_recordings(tmp_path / "in", tmp_path / "out", Cut("pad"), NAMES)
    assert report.notes == 1
    reasons = dict(report.rejected)
    assert sorted(reasons) == ["broken_60.ogg", "silent_60.wav", "unnamed.wav"]
    assert "cannot be read" in reasons["broken_60.ogg"]
    assert "silent" in reasons["silent_60.wav"]
    assert "no pitch in its name" in reasons["unnamed.wav"]
    assert (tmp_path / "out/rejected.txt").read_text().count("\n") == 3


def test_files_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    write(tmp_path / "in/a_60.wav", tone(60, 0.5))
    write(tmp_path / "in/a_60.flac", tone(60, 0.9))
    assert cut_recordings(tmp_path / "in", tmp_path / "out", Cut("pad"), NAMES).notes == 2
    assert names(tmp_path / "out") == ["a_60_flac.000-060-100.wav", "a_60_wav.000-060-100.wav"]


def test_nothing_usable_is_one_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(DatasetError, match="no recordings in it"):
        cut_recordings(tmp_path / "in", tmp_path / "out", Cut(), NAMES)
    (tmp_path / "in/a.wav").write_bytes(b"nothing")
    with pytest.raises(DatasetError, match=r"none of 1 recordings gave a note; a\.wav: cannot be read"):
        cut_recordings(tmp_path / "in", tmp_path / "out", Cut(), NAMES)
    assert list((tmp_path / "out").iterdir()) == []
    with pytest.raises(DatasetError, match="no such file"):
        cut_recordings(tmp_path / "none", tmp_path / "out", Cut(), NAMES)
    with pytest.raises(DatasetError, match="taken for recordings"):
        cut_recordings(tmp_path / "in", tmp_path / "in/out", Cut(), NAMES)


def test_a_killed_run_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    for pitch in range(60, 66):
        write(tmp_path / f"in/harp_{pitch}.wav", tone(pitch, 0.4))
    whole = cut_recordings(tmp_path / "in", tmp_path / "whole", Cut("pad"), NAMES)

    class Killed(Exception):
        pass

    def kill(done: int, total: int) -> None:
        if done == 3:
            raise Killed

    out = tmp_path / "killed"
    with pytest.raises(Killed):
        cut_recordings(tmp_path / "in", out, Cut("pad"), NAMES, kill)
    journal = out / "cut.jsonl"
    journal.write_text(journal.read_text() + '{"source": "harp_6')  # torn by the kill
    done: list[int] = []
    assert cut_recordings(tmp_path / "in", out, Cut("pad"), NAMES, lambda d, _: done.append(d)) == whole
    assert done == [4, 5, 6]
    assert names(out) == names(tmp_path / "whole")
    for name in names(out):
        pair = [hashlib.sha256((folder / name).read_bytes()).digest() for folder in (out, tmp_path / "whole")]
        assert pair[0] == pair[1]
    with pytest.raises(DatasetError, match=r"begun with seconds 4.0, not 2.0"):
        cut_recordings(tmp_path / "in", out, Cut("pad", seconds=2.0), NAMES)


@pytest.mark.parametrize("pitch", [26, 33, 45, 60, 84])
def test_pitches_are_heard_over_the_range(pitch: int) -> None:
    heard = detector().hear(tone(pitch, 2.0, 16_000, decay_s=2.0).astype(np.float32))
    assert heard is not None
    assert heard.pitch == pytest.approx(pitch, abs=0.5)
    assert heard.confidence > 0.5


def test_noise_and_silence_have_no_pitch() -> None:
    ear = detector()
    noise = np.random.default_rng(0).normal(size=32_000).astype(np.float32)
    assert ear.hear(np.zeros(32_000, np.float32)) is None
    with pytest.raises(AudioFileError, match="no clear pitch heard"):
        PitchChoice(detector=ear).choose(noise, None)
    assert not ear.agrees(noise, 60)


def test_without_the_detector_only_names_count() -> None:
    choice = PitchChoice(detector=None)
    assert choice.choose(np.zeros(9, np.float32), 61) == 61
    with pytest.raises(AudioFileError, match="not installed"):
        choice.choose(np.zeros(9, np.float32), None)


def test_two_opinions_must_agree() -> None:
    class Other:
        def pitch_of(self, wave: np.ndarray) -> int:
            return 60

    choice = PitchChoice(detector=detector(), second=Other())
    assert choice.choose(tone(60, 2.0, 16_000).astype(np.float32), None) == 60
    with pytest.raises(AudioFileError, match="heard as 67 by SwiftF0, as 60 by basic-pitch"):
        choice.choose(tone(67, 2.0, 16_000).astype(np.float32), None)


@pytest.mark.skipif(not REAL.is_dir(), reason="Debian's lmms-common, with real recordings, is not installed")
def test_real_recordings_with_two_broken_ones_become_notes(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for name in ("piano02", "trumpet01", "violin_pizzicato01", "e_piano_accord01", "harpsichord01"):
        (source / f"{name}.ogg").write_bytes((REAL / f"{name}.ogg").read_bytes())
    whole = (source / "piano02.ogg").read_bytes()
    (source / "torn.ogg").write_bytes(
        b"\0" * 100 + whole[100:5_000]
    )  # harpsichord01.ogg is damaged as shipped
    report = cut_recordings(source, tmp_path / "out", Cut(), PitchChoice(detector=detector()))
    reasons = dict(report.rejected)
    assert "cannot be read" in reasons["harpsichord01.ogg"]
    assert "cannot be read" in reasons["torn.ogg"]
    assert "no clear pitch" in reasons["e_piano_accord01.ogg"]  # a chord
    assert names(tmp_path / "out") == [
        "piano02.000-048-100.wav",
        "trumpet01.000-069-100.wav",
        "violin_pizzicato01.000-067-100.wav",
    ]
