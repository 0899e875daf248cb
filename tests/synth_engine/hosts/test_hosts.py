from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mappings.catalogue import CATALOGUE
from synth_engine.abi import EventKind, HostKind, VoiceStage
from synth_engine.hosts.null import NullHost
from synth_engine.hosts.offline import OfflineHost
from synth_engine.hosts.portaudio import HostUnavailable, OutputDevice, choose_output
from synth_engine.hosts.recovery import recover
from synth_engine.rings import EventWriter
from synth_engine.shared_memory import EngineMemory
from tests.synth_engine.kernel.player import Player, constant

LEVEL = 0.1 * 10 ** (CATALOGUE["/gain"].default / 20) * np.sqrt(0.5)  # of `constant`, on either channel


@pytest.fixture
def memory(tmp_path: Path) -> EngineMemory:
    return EngineMemory.create(tmp_path)


def pace_while(memory: EngineMemory, action: Callable[[], object]) -> float:
    """Frames the host rendered meanwhile, per frame it should have rendered."""
    telemetry = memory.record["telemetry"]
    before, begun = int(telemetry["frames"]), time.monotonic()
    action()
    seconds = time.monotonic() - begun
    return (int(telemetry["frames"]) - before) / (seconds * int(telemetry["rate_hz"]))


def test_the_null_host_keeps_the_pace_of_a_device(memory: EngineMemory) -> None:
    host = NullHost(memory, 48_000, 256)
    host.start()
    assert pace_while(memory, lambda: time.sleep(0.5)) == pytest.approx(1.0, abs=0.1)
    assert memory.record["telemetry"]["host"] == HostKind.NULL
    host.close()
    done = int(memory.record["telemetry"]["blocks"])
    time.sleep(0.05)
    assert memory.record["telemetry"]["blocks"] == done


def test_the_null_host_runs_on_while_the_interpreter_is_busy(memory: EngineMemory) -> None:
    host = NullHost(memory, 48_000, 256)
    host.start()
    # one call into C that never gives the interpreter's lock away
    assert pace_while(memory, lambda: sum(range(20_000_000))) == pytest.approx(1.0, abs=0.3)
    host.close()


def test_a_fading_host_falls_silent(memory: EngineMemory) -> None:
    memory.pool[0, 64:-64] = constant()
    writer = EventWriter(memory, 0)
    writer.push(EventKind.SET_KEY, key=60, slot=0, source_pitch=60.0)
    writer.push(EventKind.NOTE_ON, key=60, value=1.0)
    host = NullHost(memory, 48_000, 64)
    host.start()
    deadline = time.monotonic() + 5
    while memory.record["telemetry"]["peak_left"] < 0.9 * LEVEL and time.monotonic() < deadline:
        time.sleep(0.005)
    host.fade()
    while memory.record["telemetry"]["peak_left"] > 0 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert memory.record["telemetry"]["peak_left"] == 0
    assert memory.record["telemetry"]["active_voices"] == 1
    host.close()


@pytest.mark.parametrize(("rate_hz", "block_frames"), [(0, 128), (48_000, 0), (48_000, 10**6), (10**6, 128)])
def test_impossible_numbers_are_refused(memory: EngineMemory, rate_hz: int, block_frames: int) -> None:
    for host in (NullHost, OfflineHost):
        with pytest.raises(ValueError, match="expected 1"):
            host(memory, rate_hz, block_frames)


def test_the_virtual_clock_counts_frames(memory: EngineMemory) -> None:
    host = OfflineHost(memory, 44_100, 100)
    assert host.now_ns == 1_000_000_000
    assert host.render(44_100 + 7).shape == (44_107, 2)
    assert host.now_ns == 2_000_000_000 + 7 * 1_000_000_000 // 44_100
    assert memory.record["telemetry"]["blocks"] == 442
    assert memory.record["telemetry"]["late_blocks"] == 0


def test_a_device_that_starts_after_the_offline_clock_does_not_count_a_late_block(
    memory: EngineMemory,
) -> None:
    OfflineHost(memory, 48_000, 128).render(1000)
    OfflineHost(memory, 44_100, 512, start_ns=10**15).render(512 * 80)
    telemetry = memory.record["telemetry"]
    assert telemetry["late_blocks"] == 0
    assert telemetry["block_period_ns"] == pytest.approx(512e9 / 44_100, rel=1e-2)


OUTPUTS = [
    OutputDevice("system", "JACK Audio Connection Kit", 2, 48_000, True, 3),
    OutputDevice("Scarlett 2i2 USB: Audio (hw:1,0)", "ALSA", 2, 44_100, False, 0),
    OutputDevice("HDA Intel PCH: ALC257 (hw:0,0)", "ALSA", 2, 44_100, False, 1),
]


@pytest.mark.parametrize(
    ("pattern", "name"),
    [(None, "system"), ("scarlett", "Scarlett"), ("*intel*hw:0,*", "HDA"), ("jack", "system")],
)
def test_an_output_is_chosen_by_part_of_its_name_or_a_glob(pattern: str | None, name: str) -> None:
    assert choose_output(OUTPUTS, pattern).name.startswith(name)


def test_another_device_is_never_taken_silently() -> None:
    with pytest.raises(HostUnavailable, match="no output device matches 'Behringer'; there are 'system"):
        choose_output(OUTPUTS, "Behringer")
    with pytest.raises(HostUnavailable, match="no output device"):
        choose_output([], None)


def test_recovery_drops_voices_that_make_no_sense_and_counts_slots_afresh() -> None:
    player = Player()
    player.load(0, constant())
    for key in range(60, 64):
        player.set_key(key, 0)
        player.note_on(key)
    player.render(256)
    record = player.memory.record
    record["voices"]["position"][1] = np.nan
    record["voices"]["slot"][2] = 9999
    record["slots"]["references"][0] = 77
    record["slots"]["references"][5] = 3
    record["smoothed"][0] = np.nan
    record["left_gain"] = np.inf
    record["pending_count"] = -4
    assert recover(player.memory) == 2
    assert record["slots"]["references"][0] == 6
    assert record["slots"]["references"][5] == 0
    assert np.isfinite(player.render(4800)).all()
    assert (record["voices"]["stage"] != VoiceStage.FREE).sum() == 2
    player.close()


def test_a_successor_takes_over_sounding_voices(tmp_path: Path) -> None:
    memory = EngineMemory.create(tmp_path)
    memory.pool[0, 64:-64] = constant()
    writer = EventWriter(memory, 0)
    writer.push(EventKind.SET_KEY, key=60, slot=0, source_pitch=60.0)
    writer.push(EventKind.NOTE_ON, key=60, value=1.0)
    OfflineHost(memory, 48_000, 128).render(9600)
    successor = EngineMemory.open(tmp_path)
    recover(successor)
    sound = OfflineHost(successor, 48_000, 128).render(4800)
    assert sound[-1, 0] == pytest.approx(LEVEL, rel=1e-3)
