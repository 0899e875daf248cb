"""``timbred transcribe`` as a player types it."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from daemon.cli import main
from daemon.commands.transcribe import transcribe
from synth_engine.transcription import monophonic, polyphonic
from tests.synth_engine.transcription.conftest import require


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    """An A that dies away, after a quarter of a second of silence."""
    require(monophonic.is_installed(), "swift-f0")
    time_s = np.arange(44_100) / 44_100
    partials = sum(np.sin(2 * np.pi * 220 * n * time_s) / n for n in range(1, 6))
    sound = np.concatenate([np.zeros(11_025), 0.3 * partials * np.exp(-2 * time_s)])
    path = tmp_path / "tone.wav"
    soundfile.write(path, sound, 44_100)
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(transcribe, [str(word) for word in words])


@pytest.mark.parametrize("engine", ["basic-pitch", "swift-f0"])
def test_a_tone_becomes_a_note_in_a_file_beside_it(tone: Path, engine: str) -> None:
    require(polyphonic.is_installed(), "basic-pitch and onnxruntime")
    result = run(tone, "--engine", engine)
    assert result.exit_code == 0, result.output
    assert f"heard by {engine}" in result.output
    notes = [message for message in mido.MidiFile(tone.with_suffix(".mid")) if message.type == "note_on"]
    assert notes[0].note == 57
    assert notes[0].velocity == 127
    assert notes[0].time == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("engine", ["basic-pitch", "swift-f0"])
def test_a_missing_engine_is_told_with_the_command_that_mends_it(
    tone: Path, engine: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("basic_pitch", "swift_f0"):
        monkeypatch.setitem(__import__("sys").modules, module, None)
    monkeypatch.setattr(polyphonic, "weights_path", lambda: None)
    with pytest.raises(SystemExit) as ended:
        main(["transcribe", str(tone), "--engine", engine])
    assert ended.value.code == 69
    assert "pip install" in capsys.readouterr().err
    assert not tone.with_suffix(".mid").exists()


def test_what_cannot_be_read_ends_with_words_and_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    for path in (broken, tmp_path / "absent.wav"):
        with pytest.raises(SystemExit) as ended:
            main(["transcribe", str(path), "-o", str(tmp_path / "o.mid")])
        assert ended.value.code == 74
        assert path.name in capsys.readouterr().err
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["broken.wav"]


def test_a_range_upside_down_is_refused(tone: Path) -> None:
    result = run(tone, "--lowest", 70, "--highest", 60)
    assert result.exit_code == 2
    assert "--lowest 70 is above --highest 60" in result.output


def test_a_glide_is_written_as_bends_of_one_note(tmp_path: Path) -> None:
    require(monophonic.is_installed(), "swift-f0")
    time_s = np.arange(32_000) / 16_000
    vibrato = 57 + 0.4 * np.sin(2 * np.pi * 4 * time_s)
    phase = 2 * np.pi * np.cumsum(440 * 2 ** ((vibrato - 69) / 12)) / 16_000
    path = tmp_path / "vibrato.flac"
    soundfile.write(path, 0.3 * sum(np.sin(n * phase) / n for n in range(1, 6)), 16_000)
    assert run(path, "--bends").exit_code == 0
    messages = [message for message in mido.MidiFile(path.with_suffix(".mid")) if not message.is_meta]
    assert [message.note for message in messages if message.type == "note_on"] == [57]
    semitones = [message.pitch / 4096 for message in messages if message.type == "pitchwheel"]
    assert max(semitones) == pytest.approx(0.4, abs=0.12)
    assert min(semitones) == pytest.approx(-0.4, abs=0.12)
    assert run(path, "--bends", "--engine", "basic-pitch").exit_code == 2
