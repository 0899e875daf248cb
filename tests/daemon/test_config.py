"""The configuration: defaults, file, command line, and errors that say where."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import stat
from collections import namedtuple
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import config as config_module
from daemon import paths as paths_module
from daemon.config import (
    AudioConfig,
    Config,
    ConfigError,
    MidiConfig,
    OscConfig,
    Paths,
    config_path,
    load_config,
)
from daemon.paths import RUNTIME_BYTES, choose_runtime, make_private

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / "home" / name.lower()))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "timbred.toml"


def test_without_a_file_everything_is_at_its_default() -> None:
    assert load_config() == Config()
    assert Config().osc == OscConfig("127.0.0.1", 9700)
    assert Config().render.threads >= 1


def test_the_example_in_the_documentation_is_what_the_defaults_are(written: Path) -> None:
    lines = (config_module.__doc__ or "").split("::\n", 1)[1].splitlines()
    written.write_text("\n".join(line for line in lines if '"..."' not in line and '"/..."' not in line))
    config = load_config(written)
    assert dataclasses.replace(config, render=Config().render) == Config()


def test_the_file_is_read_and_the_command_line_wins(written: Path) -> None:
    written.write_text(
        'instance = "left"\n[audio]\ndevice = "USB"\nrate_hz = 44100\n[midi]\nports = "Key*"\n'
        '[paths]\ncache = "~/c"\n[model]\npath = "/m"\n'
    )
    config = load_config(
        written, {"audio.rate_hz": 96_000, "audio.null": None, "greeting": True, "midi.ports": ("a", "b")}
    )
    assert config.audio == AudioConfig("USB", 96_000)
    assert config.midi == MidiConfig(("a", "b"))
    assert (config.instance, config.greeting, config.model.path) == ("left", True, Path("/m"))
    assert config.paths.cache == Path.home() / "c"


def test_the_usual_file_is_found_in_the_configuration_directory() -> None:
    config_path().parent.mkdir(parents=True)
    config_path().write_text("[osc]\nport = 9800\n")
    assert load_config().osc.port == 9800


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[audio]\n\nblok_frames=6\n", "line 3: there is no entry audio.blok_frames, did you mean 'audio.bl"),
        ("\n\n[adio]\nnull = true\n", "line 3: there is no section [adio], did you mean 'audio'?"),
        ("port = 9000\n", "line 1: there is no entry port"),
        ("osc = 9000\n", "line 1: osc is a section, not an entry"),
        ("[osc]\nport = 70000\n", "line 2: osc.port is 70000, expected a whole number from 0 to 65535"),
        ('[osc]\nport = "9000"\n', "line 2: osc.port is '9000', expected a whole number"),
        ("[osc]\nport = true\n", "osc.port is True, expected a whole number"),
        ("[osc]\nhost = 7\n", "osc.host is 7, expected text in quotes"),
        ("[audio]\nnull = 1\n", "audio.null is 1, expected true or false"),
        ("[audio]\nrate_hz = 48000.0\n", "audio.rate_hz is 48000.0, expected a whole number"),
        ('[midi]\napi = "midi"\n', "midi.api is 'midi', expected one of auto, alsa"),
        ("[midi]\nports = [1]\n", "midi.ports is [1], expected a list of texts"),
        ('[paths]\nstate = "here"\n', "paths.state is 'here', expected a path that begins with / or ~"),
        ('[[audio]]\nrate_hz = 1\n', "audio is a section, not an entry"),
        ("[audio.deep]\nx = 1\n", "there is no entry audio.deep"),
        ('instance = "../x"\n', "line 1: instance is '../x', expected 1 to 32 letters"),
        ("[audio\n", "is not TOML: Expected ']' at the end of a table declaration (at line 1"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_named_with_its_line(written: Path, text: str, words: str) -> None:
    written.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(written)
    assert words in str(caught.value)
    assert str(written) in str(caught.value)


def test_a_wrong_word_on_the_command_line_is_told_as_such() -> None:
    with pytest.raises(
        ConfigError, match=r"command line: audio\.block_frames is 3, expected a whole number from 16"
    ):
        load_config(None, {"audio.block_frames": 3})
    with pytest.raises(
        ConfigError, match=r"command line: there is no entry osc.prt, did you mean 'osc.port'\?"
    ):
        load_config(None, {"osc.prt": 3})


def test_a_file_that_is_not_there_or_not_text_is_told(written: Path) -> None:
    with pytest.raises(ConfigError, match="there is no configuration file"):
        load_config(written)
    written.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load_config(written)
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(written.parent)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_no_text_does_worse_than_a_configuration_error(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text, encoding="utf-8")
    with contextlib.suppress(ConfigError):
        assert isinstance(load_config(path), Config)


def test_two_instances_share_what_can_be_shared_and_nothing_else(written: Path, tmp_path: Path) -> None:
    one, other = Paths.default(), Paths.default("left")
    assert (one.config, one.cache, one.data) == (other.config, other.cache, other.data)
    assert one.state != other.state
    assert one.runtime != other.runtime
    assert str(tmp_path) in str(one.state)


def test_paths_of_the_configuration_replace_the_usual_ones(tmp_path: Path) -> None:
    config = load_config(None, {"paths.runtime": str(tmp_path / "r"), "instance": "left"})
    resolved = config.resolve_paths()
    assert resolved == Paths.default("left").with_overrides(runtime=tmp_path / "r")
    assert not resolved.runtime.exists()


def test_directories_are_made_and_the_runtime_one_is_private(tmp_path: Path) -> None:
    paths = Paths.default().with_overrides(runtime=tmp_path / "a" / "r")
    paths.make()
    paths.make()
    assert all(getattr(paths, entry.name).is_dir() for entry in dataclasses.fields(paths))
    assert stat.S_IMODE(paths.runtime.stat().st_mode) == 0o700
    assert stat.S_IMODE(paths.state.stat().st_mode) == 0o700


def test_the_first_place_with_room_is_the_runtime_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = {"small": RUNTIME_BYTES - 1, "large": RUNTIME_BYTES, "larger": 2 * RUNTIME_BYTES}
    for name in free:
        (tmp_path / name).mkdir()
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(0, 0, free.get(Path(place).name, 0)))
    places = [tmp_path / name / "timbred" for name in free]
    assert choose_runtime(places) == places[1]
    free.update(large=5, larger=6, small=7)
    assert choose_runtime(places) == places[0]


def test_maps_that_a_crash_left_do_not_drive_the_daemon_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shm").mkdir()
    (tmp_path / "shm" / "pool.shm").write_bytes(bytes(1_000_000))
    monkeypatch.setattr(paths_module, "RUNTIME_BYTES", 900_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(0, 0, 0))
    assert choose_runtime([tmp_path / "shm", tmp_path / "other"]) == tmp_path / "shm"


def test_a_runtime_directory_laid_by_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    (tmp_path / "file").write_text("")
    for name in ("link", "file"):
        with pytest.raises(ConfigError, match="is in the way"):
            make_private(tmp_path / name)
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    with pytest.raises(ConfigError, match="belongs to user"):
        make_private(tmp_path / "target")


def test_a_directory_that_cannot_be_made_says_which_entry_would_help(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"give another as cache under \[paths\]"):
        Paths.default().with_overrides(cache=tmp_path / "file" / "c", runtime=tmp_path / "r").make()
