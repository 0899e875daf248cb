from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synth_engine.abi import SLOT_FRAMES, EventKind, HostKind, ReturnKind
from synth_engine.kernel.compiled import load_kernel
from synth_engine.rings import EventWriter, Return, ReturnReader
from synth_engine.shared_memory import EngineMemory
from tests.jack_names import jack_server_name

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 20.0


@pytest.fixture
def memory(tmp_path: Path) -> EngineMemory:
    load_kernel()  # compiled before, so that no child has to
    memory = EngineMemory.create(tmp_path)
    memory.pool[0, 64:-64] = 0.1 * np.sin(np.arange(SLOT_FRAMES) * 0.1)
    memory.pool[0, 64] = 1.0
    EventWriter(memory, 0).push(EventKind.SET_KEY, key=60, slot=0, source_pitch=60.0)
    return memory


@contextmanager
def audio_process(
    memory: EngineMemory, *arguments: str, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "synth_engine.audio", "--runtime-dir", str(memory.directory), *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, **environment},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            pipe.close()


def report(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    return json.loads(process.stdout.readline())


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def play(memory: EngineMemory, key: int = 60) -> None:
    assert EventWriter(memory, 1).push(EventKind.NOTE_ON, key=key, value=1.0, stamp_ns=time.monotonic_ns())


def test_it_says_what_it_opened_and_ends_when_its_parent_is_gone(
    memory: EngineMemory,
) -> None:
    with audio_process(memory, "--null", "--block-frames", "256", "--rate-hz", "44100") as process:
        said = report(process)
        assert said == {
            "host": "null", "device": "none", "rate_hz": 44100, "block_frames": 256,
            "latency_ms": pytest.approx(5.805),
        }  # fmt: skip
        telemetry = memory.record["telemetry"]
        assert telemetry["blocks"] >= 2
        assert telemetry["audio_pid"] == process.pid
        assert telemetry["host"] == HostKind.NULL
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0


def test_sigterm_ends_it_cleanly_and_ctrl_c_is_left_to_the_parent(memory: EngineMemory) -> None:
    with audio_process(memory, "--null") as process:
        report(process)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


def test_voices_of_a_killed_process_sound_on_in_the_next_one(memory: EngineMemory) -> None:
    with audio_process(memory, "--null") as process:
        report(process)
        play(memory)
        wait_for(lambda: memory.record["telemetry"]["active_voices"] == 1)
        process.kill()
        process.wait()
    position = float(memory.record["voices"]["position"][0])
    assert position < 4.0
    with audio_process(memory, "--null") as process:
        report(process)
        wait_for(lambda: memory.record["voices"]["position"][0] > position)
        assert memory.record["voices"]["key"][0] == 60
        assert memory.record["telemetry"]["notes_started"] == 1
        wait_for(lambda: memory.record["telemetry"]["peak_left"] > 0.01)


def test_without_memory_it_ends_with_a_line_and_the_status_for_files(
    tmp_path: Path, memory: EngineMemory
) -> None:
    (tmp_path / "engine.shm").unlink()
    with audio_process(memory, "--null") as process:
        assert "engine.shm: cannot be opened" in report(process)["error"]
        assert process.wait(PATIENCE_S) == 74


@pytest.mark.parametrize(
    "arguments", [("--device", "no such device"), ("--probe", "--device", "no such device")]
)
def test_without_its_device_it_ends_with_the_status_for_devices(
    memory: EngineMemory, arguments: tuple[str, ...]
) -> None:
    with audio_process(memory, *arguments, JACK_DEFAULT_SERVER="none", JACK_NO_START_SERVER="1") as process:
        assert "output device" in report(process)["error"]
        assert process.wait(PATIENCE_S) == 69
    assert memory.record["telemetry"]["blocks"] == 0


@pytest.fixture
def jack() -> Iterator[tuple[subprocess.Popen[bytes], dict[str, str]]]:
    """A JACK server of this test's own on the dummy driver, at another rate than asked for."""
    with jack_server_name() as name:
        environment = {"JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1"}
        try:
            server = subprocess.Popen(
                ["jackd", "-n", name, "-r", "-d", "dummy", "-r", "44100", "-p", "256"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **environment},
            )  # fmt: skip
        except FileNotFoundError:
            pytest.skip("jackd is not installed")
        wait = ["jack_wait", "-s", name, "-w", "-t", "10"]
        subprocess.run(wait, capture_output=True, env={**os.environ, **environment}, check=True)
        yield server, environment
        server.kill()
        server.wait()


@pytest.mark.system
def test_on_jack_it_takes_the_server_s_rate_plays_and_leaves_when_the_server_dies(
    memory: EngineMemory, jack: tuple[subprocess.Popen[bytes], dict[str, str]]
) -> None:
    server, environment = jack
    with audio_process(memory, "--probe", **environment) as probe:
        assert probe.wait(PATIENCE_S) == 0
    with audio_process(memory, **environment) as process:
        said = report(process)
        assert said["rate_hz"] == 44_100
        assert said["block_frames"] == 256
        assert said["device"] == "system"
        ports = subprocess.run(
            ["jack_lsp", "-c"], capture_output=True, text=True, env={**os.environ, **environment}, check=True
        )
        assert "system:playback_1\n   timbred:out_0" in ports.stdout
        play(memory)
        messages: list[Return] = []
        reader = ReturnReader(memory)
        wait_for(lambda: messages.extend(reader.drain()) or messages)
        assert messages[0].kind == ReturnKind.NOTE_STARTED
        wait_for(lambda: memory.record["telemetry"]["peak_left"] > 0.01)
        server.kill()
        server.wait()
        assert process.wait(PATIENCE_S) == 69
