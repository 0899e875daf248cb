"""Measurements of real daemons: the figures are whole and plausible, and nothing stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.cli import main
from daemon.exits import Unavailable
from daemon.measuring import rendering
from daemon.measuring.child import measured_daemon
from daemon.measuring.home import Home, temporary_home
from daemon.measuring.latency import latency_figures
from daemon.measuring.playing import PlayingPlan, playing_figures
from daemon.measuring.rendering import RenderingPlan, rendering_figures
from daemon.measuring.starting import start_figures
from daemon.measuring.watch import KernelWatch
from daemon.measuring.words import describe
from synth_engine.abi import ReturnKind, VoiceStage
from synth_engine.generator.architecture import Architecture
from synth_engine.generator.random_model import SMALL_CHANNELS, make_random_model
from synth_engine.measuring.spread import spread
from synth_engine.shared_memory import EngineMemory

ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURE = Architecture(channels=SMALL_CHANNELS, latent_size=8, harmonic_maps=True)
UNITS = ("_ms", "_s", "_us", "_ns", "_frames", "_times", "_notes_per_s")


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("measured") / "model"
    make_random_model(path, seed=5)
    return path


def say_nothing(_done: int, _total: int) -> None:
    """Progress nobody looks at."""


def options(model_path: Path) -> list[str]:
    return ["--null", "--model", str(model_path)]


def spreads(figures: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every spread in figures, with its path."""
    for name, value in figures.items():
        for row in value if isinstance(value, list) else [value]:
            if isinstance(row, Mapping):
                if "count" in row:
                    yield f"{path}/{name}", row
                else:
                    yield from spreads(row, f"{path}/{name}")


def check_spreads(figures: Mapping[str, object]) -> None:
    """Units in the names, finite numbers, in order."""
    found = list(spreads(json.loads(json.dumps(figures, allow_nan=False))))
    assert found
    for path, row in found:
        unit = next(name.removeprefix("median_") for name in row if name.startswith("median_"))
        assert f"_{unit}" in UNITS, path
        p5, median, p95, most = (row[f"{part}_{unit}"] for part in ("p5", "median", "p95", "max"))
        assert 0 <= p5 <= median <= p95 <= most, path
        assert row["count"] >= 1


def test_playing_tells_banks_knobs_keys_and_late_blocks(model_path: Path, tmp_path: Path) -> None:
    plan = PlayingPlan(model_path, moves=2, banks=1, sweep_s=0.1, block_frames=256)
    figures: Any = playing_figures(plan, tmp_path, say_nothing)
    check_spreads(figures)
    assert (figures["host"], figures["rate_hz"], figures["block_frames"]) == ("null", 48_000, 256)
    assert figures["bank"]["notes"] == 61
    assert figures["lost_moves"] == 0
    assert figures["knob_1_held_note"]["held_notes"] == 1
    assert figures["knob_8_held_notes"]["held_notes"] == 8
    for name in ("knob_1_held_note", "knob_8_held_notes"):
        assert figures[name]["every_note"]["median_ms"] >= figures[name]["first_note"]["median_ms"] > 0
        assert figures[name]["every_note"]["count"] == 2
    keys = figures["key_and_point"]
    assert keys["true_timbre"]["median_ms"] >= keys["first_sound"]["median_ms"] >= 4.0  # /latency
    assert figures["sweep"]["rendered_notes_per_s"] > 0
    meanwhile = figures["meanwhile"]
    assert 0 <= meanwhile["late_blocks"] <= meanwhile["blocks"]
    assert meanwhile["blocks"] > figures["sweep"]["blocks"] > 0


def test_latency_is_told_in_parts(model_path: Path) -> None:
    figures: Any = latency_figures(options(model_path), 3, say_nothing)
    check_spreads(figures)
    assert figures["host"] == "null"
    assert figures["missed_notes"] == 0
    assert figures["stamp_to_sound"]["p5_ms"] >= 3.0  # /latency is 4 ms; no note can come before
    assert figures["stamp_to_sound_in_frames"]["median_frames"] >= 0.048 * 3000
    assert figures["key_to_sound"]["median_ms"] > figures["door"]["median_ms"] > 0
    assert figures["driver_ms"] == pytest.approx(128 / 48, abs=0.01)


def test_starts_are_told_from_the_command_on(model_path: Path) -> None:
    figures: Any = start_figures(options(model_path), 1, compiling=False, show=say_nothing)
    check_spreads(figures)
    for kind in ("cold", "warm"):
        row = {name: each["median_s"] for name, each in figures[kind].items()}
        assert 0 < row["blocks"] <= row["ready"] <= row["whole_bank"]
        assert 0 < row["first_sound"] <= row["whole_bank"]
    assert "first_ever" not in figures
    assert all(mib > 1 for mib in figures["private_memory_mib"].values())


def test_rendering_stands_beside_the_reference_and_the_peak(model_path: Path) -> None:
    pytest.importorskip("tensorflow", reason="the extra train is not installed")
    figures: Any = rendering_figures(RenderingPlan(model_path, 1, 1, threads=(1,)), ARCHITECTURE, say_nothing)
    check_spreads(figures)
    (worker,), (reference,) = figures["worker"], figures["reference"]
    assert worker["threads"] == reference["threads"] == 1
    steps = ("hook", "network", "synthesis", "upsampling", "slot")
    assert sum(worker[f"{name}_share"] for name in steps) == pytest.approx(1.0, abs=0.001)
    assert worker["peak_gflop_per_s"] > 0
    assert worker["share_of_peak"] == pytest.approx(
        worker["network_gflop_per_s"] / worker["peak_gflop_per_s"], rel=0.2, abs=0.001
    )
    assert "TensorFlow" in reference["runtime"]
    ratio = figures["worker_over_reference"]["1_threads"]["median_times"]
    assert ratio == pytest.approx(reference["note"]["median_ms"] / worker["note"]["median_ms"], rel=0.01)


def test_a_missing_reference_is_said(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "find_spec", lambda name: None if name == "tensorflow" else True)
    figures = rendering_figures(RenderingPlan(model_path, 1, 1, threads=(1,)), ARCHITECTURE, say_nothing)
    assert figures["reference"] == "not installed: tensorflow (pip install 'timbred[train]')"
    check_spreads(figures)


def test_json_is_all_there_is_on_the_standard_output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    main(["measure", "voices", "--blocks", "5", "--json"])
    figures = json.loads(capsys.readouterr().out)
    check_spreads(figures)
    assert {"processor", "cores", "versions", "load_average_before", "load_average_after"} <= set(
        figures["machine"]
    )


def test_words_tell_every_figure_with_its_unit() -> None:
    figures = {
        "knob": {"held_notes": 2, "every_note": spread([1.0, 2.0, 4.0], "ms")},
        "rows": [{"threads": 1}],
    }
    assert [line.split() for line in describe(figures).splitlines()] == [
        ["knob"],
        ["held", "notes", "2"],
        ["every", "note", "2", "ms", "(p5", "1.1,", "p95", "3.8,", "max", "4,", "n", "3)"],
        ["rows"],
        ["threads", "1"],
    ]


def test_two_models_are_one_too_many(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["measure", "render", "--model", "default", "--full-size"])
    assert end.value.code == 64
    assert "expected one of them" in capsys.readouterr().err


def test_a_daemon_that_ends_is_told_with_its_last_words() -> None:
    with (
        temporary_home() as home,
        measured_daemon(home, ["--null", "--model", "nobody-has-made-it"]) as child,
        pytest.raises(Unavailable, match="nobody-has-made-it"),
    ):
        child.memory()
    assert not home.folder.exists()


def test_a_worker_that_cannot_work_is_not_waited_for(model_path: Path) -> None:
    with temporary_home() as home:
        home.keep_kernel()
        home.cache.joinpath("networks").write_text("in the way of the folder of compiled networks")
        with measured_daemon(home, options(model_path)) as child, pytest.raises(Unavailable, match="worker"):
            child.wait_ready()


def wait_for_home(folder: Path, process: subprocess.Popen[str]) -> Path:
    """The home of the measured daemon, once its shared maps are there."""
    while process.poll() is None:
        for path in folder.glob("timbred-measure-*/timbred.toml"):
            runtime = Path(
                next(
                    line.partition(" = ")[2].strip('"')
                    for line in path.read_text().splitlines()
                    if line.startswith("runtime")
                )
            )
            if (runtime / "engine.shm").exists():
                return runtime
        time.sleep(0.05)
    raise AssertionError(process.communicate())


def processes_of(runtime: Path) -> list[int]:
    """Processes whose command line names the maps, or the home they belong to."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(runtime).encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_leaves_nothing_behind(
    number: signal.Signals, status: int, model_path: Path, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon.cli", "measure", "latency", *options(model_path)],
        env={**os.environ, "TMPDIR": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")},
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    runtime = wait_for_home(tmp_path, process)
    process.send_signal(number)
    words = process.communicate(timeout=60)[1]
    assert process.returncode == status
    assert "Traceback" not in words
    assert not runtime.exists()
    assert not list(tmp_path.glob("timbred-measure-*"))
    assert processes_of(runtime) == []


def test_homes_share_nothing() -> None:
    with temporary_home() as first, temporary_home() as second:
        for name in Home.__dataclass_fields__:
            assert getattr(first, name) != getattr(second, name)
        first.cache.mkdir(parents=True)
        first.forget()
        assert not first.cache.exists()


def test_an_onset_is_placed_by_the_clock_of_the_blocks(tmp_path: Path) -> None:
    memory = EngineMemory.create(tmp_path)
    watch = KernelWatch(memory)
    record = memory.record
    telemetry = record["telemetry"]
    for name, value in {"rate_hz": 48_000, "frames": 1280, "block_frames": 128, "block_time_ns": 5e9}.items():
        telemetry[name] = value
    started = record["returns"]["records"][0]
    for name, value in {
        "kind": ReturnKind.NOTE_STARTED,
        "key": 60,
        "slot": 3,
        "frame": 1280 - 128 + 48,
    }.items():
        started[name] = value
    record["returns"]["write_index"] = 1
    (onset,) = watch.onsets()
    assert (onset.key, onset.slot) == (60, 3)
    assert onset.sound_ns == pytest.approx(5e9 + 1e6)
    assert watch.onsets() == []
    memory.remove()


def test_a_key_is_heard_from_its_newest_held_voice(tmp_path: Path) -> None:
    memory = EngineMemory.create(tmp_path)
    voices = memory.record["voices"]
    rows = [  # key, started frame, slot, source pitch, held, fading
        (60, 100, 1, 60.0, 1, 0),
        (60, 200, 2, 60.0, 1, 0),
        (60, 300, 3, 60.0, 1, 1),
        (64, 100, 4, 62.0, 1, 0),
        (67, 100, 5, 67.0, 0, 0),
    ]
    for voice, row in zip(voices, rows, strict=False):
        names = ("key", "started_frame", "slot", "source_pitch", "held", "fading")
        for name, value in zip(names, row, strict=True):
            voice[name] = value
        voice["stage"] = VoiceStage.SUSTAIN
    watch = KernelWatch(memory)
    assert watch.slots((60, 64, 67)) == {60: 2, 64: 4}
    assert watch.own_slots((60, 64, 67)) == {60: 2}
    assert watch.slots((61,)) == {}
    assert np.isfinite(list(watch.seconds_in((60,)).values())).all()
    memory.remove()
