"""The door against a real MIDI system: JACK's dummy server and a foreign program in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from daemon import events
from daemon.midi.door import MidiDoor
from daemon.midi.ports import list_inputs
from mappings.map_store import MapStore
from synth_engine.abi import EventKind
from tests.daemon.midi.doubles import RecordingWriter
from tests.system.children import start_child, stop_child

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(shutil.which("jackd") is None, reason="needs jackd (Debian: apt install jackd2)"),
]

jack_server = pytest.importorskip(
    "tests.system.jack_server", reason="needs JACK-Client and libjack"
).jack_server


@contextmanager
def own_server(folder: Path) -> Iterator[Any]:
    with jack_server(folder) as running, pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("JACK_DEFAULT_SERVER", running.name)
        monkeypatch.setenv("JACK_NO_START_SERVER", "1")
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with own_server(tmp_path_factory.mktemp("jack")) as running:
        yield running


@pytest.fixture
def mortal_server(tmp_path: Path) -> Iterator[Any]:
    with own_server(tmp_path) as running:
        yield running


class Foreign:
    """The other program, seen from the test."""

    def __init__(self, environment: dict[str, str], log: IO[bytes]) -> None:
        command = [sys.executable, "-m", "tests.daemon.midi.jack_sender"]
        self._process = start_child(command, log, environment, talks=True)

    def ask(self, *words: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(words), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline() or '"no answer"')

    def end(self) -> None:
        stop_child(self._process)


@contextmanager
def foreign(server: Any, tmp_path: Path, name: str, *, physical: bool = True) -> Iterator[Foreign]:
    with (tmp_path / f"{name}.log").open("ab") as log:
        program = Foreign(server.environment, log)
        try:
            assert program.ask("open", name, physical) is None
            yield program
        finally:
            program.end()


class Room:
    """A door and what came through it."""

    def __init__(self, **options: Any) -> None:
        self.heard: list[events.Command] = []
        self.writers = [RecordingWriter() for _ in range(8)]
        self.door = MidiDoor(self.heard.append, self.writers, MapStore(None, print), api="jack", **options)

    def last(self) -> events.Command | None:
        return self.heard[-1] if self.heard else None

    def pushed(self) -> list[EventKind]:
        return [kind for writer in self.writers for kind in writer.kinds()]


async def until(true: Callable[[], bool], timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline_s, "did not happen in time"
        await asyncio.sleep(0.01)


def test_a_program_plays_into_the_virtual_port(server: Any, tmp_path: Path) -> None:
    async def play() -> Room:
        room = Room()
        await room.door.start()
        await until(lambda: room.door.ports() == ["timbred"], 3)
        with foreign(server, tmp_path, "sequencer", physical=False) as program:
            program.ask("connect", "timbred-midi:in")
            sent_ns = program.ask("send", [0x90, 60, 100], [0xB0, 70, 64], [0x80, 60, 64])
            await until(lambda: len(room.heard) == 3, 3)
            await asyncio.sleep(1.2)  # two looks for new ports: it must not be opened as well
            assert room.door.ports() == ["timbred"]
            program.ask("send", [0x90, 62, 1])
            await until(lambda: len(room.heard) == 4, 3)
        await room.door.stop()
        note = room.heard[0]
        assert isinstance(note, events.NoteOn)
        assert abs(note.stamp_ns - sent_ns) < 50_000_000
        return room

    room = asyncio.run(play())
    assert [type(command) for command in room.heard] == [
        events.NoteOn,
        events.SetParameter,
        events.NoteOff,
        events.NoteOn,
        events.NoteOff,  # let go as the door closes
    ]
    assert room.heard[1] == events.SetParameter("/pca/1", 0.0, "midi:timbred")
    assert room.pushed() == [EventKind.NOTE_ON, EventKind.NOTE_OFF, EventKind.NOTE_ON, EventKind.NOTE_OFF]


def test_devices_are_taken_within_2_s_released_when_lost_and_taken_again(server: Any, tmp_path: Path) -> None:
    async def play() -> Room:
        room = Room(virtual_port=False)
        await room.door.start()
        for _ in range(2):
            with foreign(server, tmp_path, "keys") as program:
                await until(lambda: room.door.ports() == ["keys:out"], 2)
                program.ask("send", [0x90, 60, 100])
                await until(lambda: isinstance(room.last(), events.NoteOn), 2)
            await until(lambda: room.door.ports() == [], 2)
        assert list_inputs("jack") == []
        await room.door.stop()
        return room

    room = asyncio.run(play())
    assert [type(command) for command in room.heard] == [events.NoteOn, events.NoteOff] * 2
    assert {command.source for command in room.heard} == {"midi:keys:out"}
    assert all(command.delivered for command in room.heard)  # type: ignore[union-attr]


def test_a_program_that_waits_to_be_connected_is_taken_too(server: Any, tmp_path: Path) -> None:
    async def play() -> None:
        room = Room()
        await room.door.start()
        with foreign(server, tmp_path, "sequencer", physical=False):
            await until(lambda: "sequencer:out" in room.door.ports(), 2)
            assert list_inputs("jack") == ["sequencer:out"]
        await room.door.stop()

    asyncio.run(play())


@contextmanager
def started_again(server: Any, tmp_path: Path) -> Iterator[None]:
    """A server under the name of one that was killed.

    It must be the same name, and end properly: JACK keeps the name of a killed server for ever, and has
    room for eight names on a machine.
    """
    command = ["jackd", "-n", server.name, "-r", "-d", "dummy", "-r", "48000", "-p", "128"]
    with (tmp_path / "jackd-again.log").open("ab") as log:
        process = start_child(command, log, server.environment)
        try:
            yield
        finally:
            stop_child(process)


def test_the_door_survives_the_server_and_comes_back_with_the_next(
    mortal_server: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    server = mortal_server

    async def play_a_note(room: Room) -> None:
        with foreign(server, tmp_path, "keys") as program:
            await until(lambda: room.door.ports() == ["timbred", "keys:out"], 3)
            program.ask("send", [0x90, 60, 100])
            await until(lambda: isinstance(room.last(), events.NoteOn), 2)
            if server.process.poll() is None:
                server.process.kill()
                server.process.wait()  # JACK takes a zombie for a living server
                await until(lambda: isinstance(room.last(), events.NoteOff), 3)
                assert room.door.ports() == []

    async def play() -> Room:
        room = Room()
        await room.door.start()
        await play_a_note(room)
        await asyncio.sleep(1.2)  # two looks without a server
        with started_again(server, tmp_path):
            await until(lambda: room.door.ports() == ["timbred"], 5)
            await play_a_note(room)
            await room.door.stop()
        return room

    room = asyncio.run(play())
    assert [type(command) for command in room.heard] == [events.NoteOn, events.NoteOff] * 2
    assert "Cannot connect to server" not in capfd.readouterr().err


def test_a_server_that_hangs_does_not_stop_control(server: Any, tmp_path: Path) -> None:
    async def play() -> None:
        room = Room()
        await room.door.start()
        await until(lambda: room.door.ports() == ["timbred"], 3)
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            longest_s, end_s = 0.0, time.monotonic() + 1.5
            while time.monotonic() < end_s:
                before_s = time.monotonic()
                await asyncio.sleep(0.005)
                longest_s = max(longest_s, time.monotonic() - before_s)
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        assert longest_s < 1.0
        await room.door.stop()

    asyncio.run(play())


def test_stamps_follow_the_sending_even_while_other_threads_keep_the_interpreter_busy(
    server: Any, tmp_path: Path
) -> None:
    gaps_ns: list[int] = []

    def hog(stop: threading.Event) -> None:
        while not stop.is_set():
            sum(range(20_000))

    async def play() -> None:
        room = Room(virtual_port=False)
        await room.door.start()
        with foreign(server, tmp_path, "keys") as program:
            await until(lambda: room.door.ports() == ["keys:out"], 2)
            stop = threading.Event()
            threads = [threading.Thread(target=hog, args=(stop,)) for _ in range(2)]
            for thread in threads:
                thread.start()
            sent = [program.ask("send", [0x90, 60, 1], [0x80, 60, 0]) for _ in range(20)]
            await until(lambda: len(room.heard) == 40, 10)
            stop.set()
            for thread in threads:
                thread.join()
        await room.door.stop()
        stamps = [c.stamp_ns for c in room.heard if isinstance(c, events.NoteOn)]
        gaps_ns.extend(stamp - sent_ns for stamp, sent_ns in zip(stamps, sent, strict=True))

    asyncio.run(play())
    print("stamp after hand-over, ms:", [round(gap / 1e6, 2) for gap in gaps_ns])
    assert min(gaps_ns) > -50_000_000  # one clock for both; JACK may run a late client's cycle twice
