from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon import events
from daemon.midi.door import MidiDoor
from mappings.map_store import MapStore
from tests.daemon.midi.doubles import FakeSystem, RecordingWriter

MAP = 'format_version = 1\n[match]\nport = "keys"\n[[map]]\nsource = "cc 20"\ntarget = "%s"\n'


async def until(true: Callable[[], bool], timeout_s: float = 5.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline_s, "did not happen in time"
        await asyncio.sleep(0.005)


def make_door(
    handle: Callable[[events.Command], object], system: FakeSystem, directory: Path | None = None
) -> MidiDoor:
    maps = MapStore(directory, lambda text: None)
    return MidiDoor(handle, [RecordingWriter()], maps, virtual_port=False, api=[lambda: system])


def test_commands_come_on_the_control_thread_in_order() -> None:
    system, heard = FakeSystem(), []
    system.plug("Keys")

    async def play() -> None:
        door = make_door(heard.append, system)
        await door.start()
        await until(lambda: door.ports() == ["Keys"])
        for key in range(50):
            system.ports["Keys"].send(0x90, key, 1)
        system.ports["Keys"].send(0xC0, 3)
        await until(lambda: len(heard) == 51)
        await door.stop()
        assert door.counters["messages"] == 51
        assert door.ports() == []

    asyncio.run(play())
    assert [command.key for command in heard[:50]] == list(range(50))
    assert heard[50] == events.ProgramChange(3, "midi:Keys")
    assert len(heard) == 101  # every key let go at the end


def test_a_changed_map_takes_effect_while_playing(tmp_path: Path) -> None:
    system, heard = FakeSystem(), []
    system.plug("Keys")
    (tmp_path / "keys.toml").write_text(MAP % "/pca/1")

    async def play() -> None:
        door = make_door(heard.append, system, tmp_path)
        await door.start()
        await until(lambda: door.ports() == ["Keys"])
        system.ports["Keys"].send(0xB0, 20, 127)
        await until(lambda: len(heard) == 1)
        (tmp_path / "keys.toml").write_text(MAP % "/attack")
        await asyncio.sleep(0.7)
        system.ports["Keys"].send(0xB0, 20, 127)
        await until(lambda: len(heard) == 2)
        await door.stop()

    asyncio.run(play())
    assert [command.path for command in heard] == ["/pca/1", "/attack"]


def test_a_refused_command_is_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    system = FakeSystem()
    system.plug("Keys")

    def refuse(command: events.Command) -> None:
        raise events.CommandError("no preset 99")

    async def play() -> None:
        door = make_door(refuse, system)
        await door.start()
        await until(lambda: door.ports() == ["Keys"])
        system.ports["Keys"].send(0xC0, 98)
        await until(lambda: door.counters["refused"] == 1)
        await door.stop()

    with caplog.at_level(logging.INFO):
        asyncio.run(play())
    assert "no preset 99" in caplog.text


def test_the_bend_range_setting_reaches_open_ports() -> None:
    system, heard = FakeSystem(), []
    system.plug("Keys")

    async def play() -> None:
        door = make_door(heard.append, system)
        await door.start()
        await until(lambda: door.ports() == ["Keys"])
        door.set_bend_range(12.0)
        system.ports["Keys"].send(0xE0, 0x7F, 0x7F)
        await until(lambda: len(heard) == 1)
        await door.stop()

    asyncio.run(play())
    assert heard[0].semitones == 12.0


def test_the_interpreter_switches_often_only_while_the_door_is_open() -> None:
    before_s = sys.getswitchinterval()

    async def play() -> float:
        door = make_door(lambda command: None, FakeSystem())
        await door.start()
        during_s = sys.getswitchinterval()
        await door.stop()
        return during_s

    assert asyncio.run(play()) < 0.001
    assert sys.getswitchinterval() == before_s


def test_stopping_a_door_that_never_started_is_no_error() -> None:
    asyncio.run(make_door(lambda command: None, FakeSystem()).stop())


def test_a_hanging_midi_system_does_not_keep_the_daemon_from_ending(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    system = FakeSystem()
    monkeypatch.setattr("daemon.midi.door._STOP_TIMEOUT_S", 0.2)
    hung = []

    def hang() -> FakeSystem:
        hung.append(True)
        time.sleep(1.5)
        return system

    async def play() -> None:
        door = MidiDoor(lambda command: None, [RecordingWriter()], MapStore(None, print), api=[hang])
        await door.start()
        await until(lambda: bool(hung))
        await door.stop()

    asyncio.run(play())
    assert "does not end" in caplog.text
    time.sleep(1.6)  # the thread ends by itself, quietly, with nobody to report to
