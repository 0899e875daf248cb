"""``timbred render`` from the command line."""

from __future__ import annotations

from pathlib import Path

import mido
import pytest
import soundfile

from synth_engine.generator.random_model import make_random_model
from tests.daemon.conftest import Call


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    make_random_model(folder)
    return folder


def write_song(path: Path, *keys: int, channel: int = 0) -> Path:
    file = mido.MidiFile()
    file.tracks.append(mido.MidiTrack())
    for key in keys:
        file.tracks[0].append(mido.Message("note_on", note=key, channel=channel))
        file.tracks[0].append(mido.Message("note_off", note=key, channel=channel, time=120))
    file.save(path)
    return path


def test_a_song_is_rendered_and_everything_changed_is_told(call: Call, model: Path, tmp_path: Path) -> None:
    song = write_song(tmp_path / "song.mid", 60, 20, 100)
    out = tmp_path / "song.wav"
    result = call("render", str(song), "-o", str(out), "--model", str(model), "--mono")
    assert result.status == 0, result.stderr
    assert "2 notes outside the model's range 24..84 (from 20 to 100): moved by octaves" in result.stderr
    assert "3 of 3 (100 %)" in result.stderr
    assert "3 notes" in result.stdout
    assert "peak -1 dBFS" in result.stdout
    info = soundfile.info(out)
    assert (info.samplerate, info.channels) == (48_000, 1)


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["--anchor", "violn"], 64, "did you mean 'violin'"),
        (["--timbre", "3=violin"], 64, "channel 3 has no notes"),
        (["--outside", "refuse"], 78, "1 notes outside"),
        (["--seconds-per-timbre", "0"], 64, "0.05"),
    ],
)
def test_wrong_wishes_are_told(
    call: Call, model: Path, tmp_path: Path, words: list[str], status: int, told: str
) -> None:
    song = write_song(tmp_path / "song.mid", 60, 20)
    out = tmp_path / "song.wav"
    result = call("render", str(song), "-o", str(out), "--model", str(model), *words)
    assert result.status == status
    assert told in result.stderr
    assert "Traceback" not in result.stderr
    assert not out.exists()


def test_another_suffix_is_refused_before_anything_is_read(call: Call, tmp_path: Path) -> None:
    song = write_song(tmp_path / "song.mid", 60)
    result = call("render", str(song), "-o", str(tmp_path / "song.mp3"))
    assert result.status == 64
    assert ".wav or .flac" in result.stderr


@pytest.mark.parametrize(("content", "told"), [(b"", "empty file"), (b"MThd\0\0", "damaged")])
def test_a_broken_song_is_told(call: Call, model: Path, tmp_path: Path, content: bytes, told: str) -> None:
    song = tmp_path / "song.mid"
    song.write_bytes(content)
    result = call("render", str(song), "-o", str(tmp_path / "a.wav"), "--model", str(model))
    assert result.status == 78
    assert told in result.stderr
    assert str(song) in result.stderr


def test_a_song_of_drums_alone_says_how_to_play_them(call: Call, model: Path, tmp_path: Path) -> None:
    song = write_song(tmp_path / "song.mid", 36, channel=9)
    result = call("render", str(song), "-o", str(tmp_path / "a.wav"), "--model", str(model))
    assert result.status == 78
    assert "--drums plays them" in result.stderr
