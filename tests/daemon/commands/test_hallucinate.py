"""``timbred hallucinate`` as a player types it, with a small random model."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from daemon.commands.hallucinate import hallucinate
from daemon.exits import Unavailable
from daemon.osc.codec import encode_message, parse_packet
from synth_engine.generator.random_model import make_random_model

QUICK = ["--spacing", "0.2", "--attack", "0", "--sustain", "0.1", "--release", "0.1", "--rate-hz", "16000"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    make_random_model(path, seed=1)
    return path


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def run(*words: object) -> str:
    result = CliRunner().invoke(hallucinate, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_a_file_is_written_from_names_seeds_and_a_presets_file(model: Path, tmp_path: Path) -> None:
    points = tmp_path / "points.json"
    points.write_text(json.dumps({"points": ["marimba", 7, {"kind": "anchors", "weights": {"violin": 2}}]}))
    out = tmp_path / "sound.flac"
    said = run(
        "-o", out, "--model", model, "--point", "violin", "--points-file", points, "--between", 1,
        "--sheet", tmp_path / "sheet.png", *QUICK,
    )  # fmt: skip
    sound, rate_hz = soundfile.read(out)
    assert rate_hz == 16_000
    assert sound.shape == (round((6 * 0.2 + 0.2) * 16_000), 2)
    assert np.abs(sound).max() == pytest.approx(10 ** (-1 / 20), rel=1e-3)
    assert "7 sounds" in said
    assert "key points violin, marimba, 7, points 3" in said
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_seed_makes_the_same_sound_and_another_seed_another(model: Path, tmp_path: Path) -> None:
    sounds = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        out = tmp_path / f"{name}.wav"
        run(
            "-o",
            out,
            "--model",
            model,
            "--keys",
            2,
            "--between",
            0,
            "--draw",
            "random",
            "--seed",
            seed,
            *QUICK,
        )
        sounds.append(soundfile.read(out)[0])
    np.testing.assert_array_equal(sounds[0], sounds[1])
    assert np.abs(sounds[0] - sounds[2]).max() > 0.01


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--point", "violn"], "did you mean 'violin'"),
        (["--pitches", "12"], "the model has 24 to 84"),
        (["--pitches", "H4"], "no pitch"),
        (["--attack", 0, "--sustain", 0, "--release", 0], "no sound"),
        (["--points-file", "POINTS"], "point 2"),
        (["--draw", "pca", "--point", "violin", "--point", "marimba"], "around one point"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(
    model: Path, tmp_path: Path, words: list[object], complaint: str
) -> None:
    points = tmp_path / "points.json"
    points.write_text('["violin", {"kind": "elsewhere"}]')
    out = tmp_path / "sounds" / "out.wav"
    said = run("-o", out, "--model", model, *(points if word == "POINTS" else word for word in words))
    assert complaint in said
    assert not out.parent.exists() or not list(out.parent.iterdir())


def test_directions_that_are_not_fitted_are_told_with_the_command(model: Path, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="timbred pca fit"):
        run("-o", tmp_path / "x.wav", "--model", model, "--draw", "pca")


@pytest.fixture
def daemon_double() -> Iterator[tuple[int, list[tuple[str, tuple[object, ...]]]]]:
    """Answers as the daemon's OSC door does."""
    heard: list[tuple[str, tuple[object, ...]]] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(5)

        def answer() -> None:
            for _ in range(2):
                data, sender = udp.recvfrom(65_536)
                (message,) = parse_packet(data)
                heard.append((message.address, message.arguments))
                if "nowhere" in message.arguments:
                    udp.sendto(encode_message("/error", (message.address, "no such point")), sender)
                elif message.address != "/journey/seconds":
                    udp.sendto(encode_message("/journey", ("moving", "violin", 0.0)), sender)

        thread = threading.Thread(target=answer)
        thread.start()
        yield udp.getsockname()[1], heard
        thread.join()


def test_live_asks_the_daemon_and_tells_its_answer(
    daemon_double: tuple[int, list[tuple[str, tuple[object, ...]]]],
) -> None:
    port, heard = daemon_double
    said = run(
        "--live", "--point", "violin", "--point", 7, "--way", "back", "--spacing", 2, "--between", 4,
        "--osc-port", port,
    )  # fmt: skip
    assert heard == [("/journey/seconds", (10.0,)), ("/journey/back", ("violin", 7))]
    assert "moving violin" in said


def test_live_tells_what_the_daemon_refuses(
    daemon_double: tuple[int, list[tuple[str, tuple[object, ...]]]],
) -> None:
    assert "no such point" in run("--live", "--point", "nowhere", "--osc-port", daemon_double[0])


def test_live_without_a_daemon_says_how_to_start_one() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Unavailable, match="timbred run"):
        run("--live", "--point", "violin", "--osc-port", port)
