"""The command line: help with examples, errors in words, exit statuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from daemon.cli import timbred
from daemon.exits import Unavailable
from daemon.instance_lock import InstanceLock

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "XDG_RUNTIME_DIR": str(home)}
    return subprocess.run(
        [sys.executable, "-m", "daemon.cli", *words],
        check=False, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=60,
    )  # fmt: skip


def command_of(words: tuple[str, ...]) -> click.Command:
    command: click.Command = timbred
    context = click.Context(timbred)
    for word in words:
        assert isinstance(command, click.Group)
        inner = command.get_command(context, word)
        assert inner is not None
        command = inner
    return command


def commands(words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    command = command_of(words)
    found: list[tuple[str, ...]] = [words] if words else []
    if not isinstance(command, click.Group):
        return found
    for name in command.list_commands(click.Context(timbred)):
        found += commands((*words, name))
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_helps_with_an_example(words: tuple[str, ...]) -> None:
    command = command_of(words)
    if isinstance(command, click.Group):
        return
    assert command.help is not None
    assert "Example:" in command.help
    assert f"timbred {' '.join(words)}" in command.help
    assert "\\b" not in command.help  # click's mark, not its name


def test_a_wrong_option_is_a_usage_error(tmp_path: Path) -> None:
    result = run("run", "--volum", "3", home=tmp_path)
    assert result.returncode == 64
    assert "--volum" in result.stderr


def test_a_wrong_key_in_the_configuration_is_told_with_the_right_one(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[audio]\nrate_hertz = 44100\n")
    result = run("run", "--config", str(file), home=tmp_path)
    assert result.returncode == 78
    assert "rate_hertz" in result.stderr
    assert "did you mean" in result.stderr
    assert "line 2" in result.stderr


def test_a_broken_model_is_told_before_anything_starts(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"\x00" * 10)
    result = run(
        "run", "--instance", "test-cli", "--null", "--osc-port", "0", "--model", str(model), home=tmp_path
    )
    assert result.returncode == 78
    assert str(model) in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unknown_model_name_lists_what_there_is(tmp_path: Path) -> None:
    result = run("run", "--null", "--model", "defautl", home=tmp_path)
    assert result.returncode == 78
    assert "default" in result.stderr


def test_a_missing_soundfont_is_told_with_its_package(tmp_path: Path) -> None:
    result = run("dataset", "render", str(tmp_path / "notes"), "--soundfont", "/nowhere.sf2", home=tmp_path)
    assert result.returncode == 69
    assert "fluid-soundfont-gm" in result.stderr
    assert "Traceback" not in result.stderr


def test_doctor_speaks_of_everything_a_player_needs(tmp_path: Path) -> None:
    result = run("doctor", home=tmp_path)
    for what in ("Python", "Sound", "MIDI", "OSC", "Model", "PCA basis", "Shared memory", "Real-time"):
        assert what in result.stdout, result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_devices_lists_without_a_sound_card(tmp_path: Path) -> None:
    result = run("devices", home=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "MIDI inputs" in result.stdout


def test_a_second_daemon_of_an_instance_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    lock = InstanceLock(runtime)
    with pytest.raises(Unavailable, match="--instance"):
        InstanceLock(runtime)
    lock.release()
    InstanceLock(runtime).release()
