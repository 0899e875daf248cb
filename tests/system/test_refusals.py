"""Starts that go wrong, and files that are broken: the daemon says what is the matter in words."""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path

import pytest

from mappings.catalogue import CATALOGUE
from pca_cache.store import basis_path
from synth_engine.generator.model_folder import default_model_path
from tests.system.daemon_process import Home, run_to_end, started_daemon

pytestmark = pytest.mark.system

USAGE, UNAVAILABLE, SOFTWARE, IO, CONFIG = 64, 69, 70, 74, 78
GARBAGE = bytes(range(256)) * 40
NO_JACK = {**os.environ, "JACK_DEFAULT_SERVER": "no-such-server", "JACK_NO_START_SERVER": "1"}


def test_an_osc_port_in_use_ends_with_69_and_its_number(home: Home) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        status, words = run_to_end(home, "--null", "--osc-port", str(port))
    assert status == UNAVAILABLE
    assert str(port) in words
    assert "Traceback" not in words


def test_without_a_sound_card_it_keeps_time_and_says_so(home: Home) -> None:
    with started_daemon(home, environment=NO_JACK) as daemon:
        status = daemon.wait_for("on the null host", lambda status: status.get("host") == "null", 60)
        assert status["audio_running"] == 1
        assert status["device_error"]
        assert "no sound comes out" in daemon.words
        daemon.wait_for("able to play", lambda status: int(status["rendered_notes"]) >= 1, 30)
        daemon.osc.send("/note", 60, 0.8)
        daemon.wait_for("playing", lambda status: int(status["notes_started"]) >= 1, 5)
        assert daemon.stop() == 0


def test_an_unknown_option_ends_with_64(home: Home) -> None:
    status, words = run_to_end(home, "--no-such-option")
    assert status == USAGE
    assert "--no-such-option" in words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[osc\nport = 1", "not TOML"),
        ("[osc]\nport = 'loud'\n", "line 2"),
        ("[osc]\nporrt = 9000\n", "porrt"),
        ("\x00\xff", "timbred.toml"),
    ],
)
def test_a_broken_configuration_ends_with_78_and_the_place(
    home: Home, tmp_path: Path, text: str, expected: str
) -> None:
    path = tmp_path / "timbred.toml"
    path.write_text(text, encoding="utf-8")
    status, words = run_to_end(home, "--null", "--config", str(path))
    assert status == CONFIG
    assert expected in words
    assert "Traceback" not in words


@pytest.mark.parametrize("spoilt", ["model.safetensors", "model.json"])
@pytest.mark.parametrize("how", ["garbage", "cut", "absent"])
def test_a_broken_model_is_named_and_not_played(home: Home, tmp_path: Path, spoilt: str, how: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(default_model_path(), folder)
    path = folder / spoilt
    if how == "absent":
        path.unlink()
    else:
        path.write_bytes(GARBAGE if how == "garbage" else path.read_bytes()[: path.stat().st_size // 2])
    status, words = run_to_end(home, "--null", "--osc-port", "0", "--model", str(folder), timeout_s=30)
    assert status in (SOFTWARE, IO, CONFIG)
    assert spoilt in words or str(folder) in words
    assert "Traceback" not in words


def test_broken_presets_bases_and_states_are_passed_over_in_words(home: Home) -> None:
    environment = home.environment
    presets = Path(environment["XDG_CONFIG_HOME"]) / "timbred" / "presets"
    presets.mkdir(parents=True)
    (presets / "mine.json").write_bytes(GARBAGE)
    state = Path(environment["XDG_STATE_HOME"]) / "timbred" / home.instance
    state.mkdir(parents=True)
    (state / "state.json").write_text('{"format_version": 1, "parameters": ')
    spoil_bases(home)
    with started_daemon(home, "--null") as daemon:
        daemon.wait_ready()
        assert daemon.osc.value("/gain") == pytest.approx(CATALOGUE["/gain"].default)
        names = [row for address, row in daemon.osc.ask("/preset/list") if address == "/preset/list"]
        assert names
        assert all("mine" not in map(str, row) for row in names)
        assert "mine.json" in daemon.words
        assert "state.json" in daemon.words
        assert "Traceback" not in daemon.words


def spoil_bases(home: Home) -> None:
    """Garbage in the place of every file a former daemon might have cached."""
    cache = Path(home.environment["XDG_CACHE_HOME"]) / "timbred"
    cache.mkdir(parents=True, exist_ok=True)
    digest = json.loads((default_model_path() / "model.json").read_text())["digest"]
    basis_path(cache, digest).write_bytes(GARBAGE)


def test_garbage_in_the_cache_does_not_keep_it_from_playing(home: Home) -> None:
    with started_daemon(home, "--null") as daemon:
        daemon.wait_ready()
        daemon.wait_bank()
        assert daemon.stop() == 0
    # compiling the kernel anew takes too long to be done here; its own tests spoil its object
    cached = [p for p in home.files("XDG_CACHE_HOME", "*") if p.is_file() and p.parent.name != "kernel"]
    assert cached
    for path in cached:
        path.write_bytes(GARBAGE)
    with started_daemon(home, "--null") as daemon:
        daemon.wait_ready()
        daemon.wait_bank()
        daemon.osc.send("/note", 60, 0.8)
        daemon.wait_for("playing", lambda status: int(status["notes_started"]) >= 1, 5)
        assert int(daemon.status()["bad_frames"]) == 0
