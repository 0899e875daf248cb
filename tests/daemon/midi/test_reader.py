from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from daemon import events
from daemon.midi.reader import Notice, Reader, Wishes
from daemon.midi.sources import Choice
from mappings.controller_map import ControllerMap
from synth_engine.abi import EventKind
from tests.daemon.midi.doubles import FakeSystem, RecordingWriter


@dataclass
class Bench:
    """A reader whose thread is the test."""

    system: FakeSystem = field(default_factory=FakeSystem)
    writers: list[RecordingWriter] = field(default_factory=lambda: [RecordingWriter(), RecordingWriter()])
    patterns: tuple[str, ...] = ()
    virtual_port: bool = False
    commands: list[events.Command] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def __post_init__(self) -> None:
        wishes = Wishes(Choice(self.patterns), self.virtual_port, lambda name: ControllerMap())
        makers: list[Callable[[], FakeSystem]] = [lambda: self.system]
        self.reader = Reader(makers, self.writers, wishes, self.commands.extend, self.notices.append)

    def told(self) -> list[str]:
        return [notice.text for notice in self.notices]


def test_a_note_is_in_the_ring_before_control_hears_of_it() -> None:
    bench = Bench()
    bench.system.plug("Keys 20:0")
    bench.reader.scan()
    bench.system.ports["Keys 20:0"].send(0x90, 60, 127)
    bench.reader.read()
    (command,) = bench.commands
    assert isinstance(command, events.NoteOn)
    assert command.delivered
    assert command.source == "midi:Keys"
    kind, fields = bench.writers[0].records[0]
    assert kind is EventKind.NOTE_ON
    assert fields == {"key": 60, "channel": 0, "value": 1.0, "stamp_ns": command.stamp_ns}


def test_a_full_ring_leaves_the_event_to_control() -> None:
    bench = Bench(writers=[RecordingWriter(room=1)])
    bench.system.plug("Keys")
    bench.reader.scan()
    bench.system.ports["Keys"].send(0x90, 60, 127)
    bench.system.ports["Keys"].send(0x80, 60, 0)
    bench.reader.read()
    assert [command.delivered for command in bench.commands] == [True, False]  # type: ignore[union-attr]
    assert bench.reader.outcome().unpushed == 1


def test_each_port_has_a_ring_of_its_own_and_gives_it_back() -> None:
    bench = Bench()
    for name in ("One", "Two", "Three"):
        bench.system.plug(name)
    bench.reader.scan()
    assert bench.reader.names() == ["One", "Two"]
    assert any("Three stays closed" in text for text in bench.told())
    bench.system.ports["Two"].send(0x90, 1, 1)
    bench.reader.read()
    assert (len(bench.writers[0].records), len(bench.writers[1].records)) == (0, 1)
    del bench.system.sources["Two"]
    bench.reader.scan()
    assert bench.reader.names() == ["One", "Three"]


def test_a_lost_port_lets_go_of_its_own_keys_only() -> None:
    bench = Bench()
    bench.system.plug("One")
    bench.system.plug("Two")
    bench.reader.scan()
    bench.system.ports["One"].send(0x90, 60, 1)
    bench.system.ports["Two"].send(0x90, 62, 1)
    bench.system.ports["Two"].send(0xB0, 64, 127)
    bench.reader.read()
    lost = bench.system.ports["Two"]
    del bench.system.sources["Two"]
    bench.commands.clear()
    bench.reader.scan()
    assert lost.closed
    assert [type(command) for command in bench.commands] == [events.NoteOff, events.Sustain]
    assert bench.commands[0].key == 62  # type: ignore[union-attr]
    assert bench.writers[1].kinds()[-2:] == [EventKind.NOTE_OFF, EventKind.SUSTAIN]
    assert bench.reader.outcome().ports_lost == 1


def test_a_device_that_came_back_under_another_number_is_the_same_to_the_player() -> None:
    bench = Bench()
    bench.system.plug("Keys 20:0")
    bench.reader.scan()
    bench.system.sources.clear()
    bench.reader.scan()
    bench.system.plug("Keys 24:0")
    bench.reader.scan()
    bench.system.ports["Keys 24:0"].send(0x90, 60, 127)
    bench.reader.read()
    assert bench.commands[-1].source == "midi:Keys"


def test_a_device_replugged_between_two_looks_is_opened_anew() -> None:
    bench = Bench()
    bench.system.plug("Keys", identity=1)
    bench.reader.scan()
    before = bench.system.ports["Keys"]
    bench.system.plug("Keys", identity=2)
    bench.reader.scan()
    assert before.closed
    assert bench.system.ports["Keys"] is not before
    assert bench.reader.names() == ["Keys"]


def test_twins_are_told_apart() -> None:
    bench = Bench()
    bench.system.plug("Keys 20:0")
    bench.system.plug("Keys 24:0")
    bench.reader.scan()
    assert bench.reader.names() == ["Keys", "Keys (2)"]


def test_a_port_somebody_connected_to_the_virtual_one_is_not_heard_twice() -> None:
    bench = Bench(virtual_port=True)
    bench.system.plug("Keys")
    bench.reader.scan()
    assert bench.reader.names() == ["timbred", "Keys"]
    bench.system.plug("Keys", peers=("timbred:in", "timbred-01:Keys"))
    bench.reader.scan()
    assert bench.reader.names() == ["timbred"]
    assert bench.reader.outcome().ports_lost == 0


def test_a_midi_system_that_dies_is_left_and_taken_up_again() -> None:
    bench = Bench(virtual_port=True)
    bench.system.plug("Keys")
    bench.reader.scan()
    bench.system.ports["Keys"].send(0x90, 60, 1)
    bench.reader.read()
    bench.system.alive = False
    bench.commands.clear()
    for _ in range(3):
        bench.reader.scan()
    assert [type(command) for command in bench.commands] == [events.NoteOff]
    assert bench.reader.names() == []
    assert len([text for text in bench.told() if "no MIDI yet" in text]) == 1
    bench.system.alive = True
    bench.reader.scan()
    assert bench.reader.names() == ["timbred", "Keys"]


def test_no_midi_system_is_said_once() -> None:
    bench = Bench()
    bench.system.alive = False
    for _ in range(5):
        bench.reader.scan()
    assert bench.told() == ["no MIDI yet, looking on: no fake MIDI here"]


def test_a_port_that_cannot_be_opened_is_told_once_and_tried_again() -> None:
    bench = Bench()
    bench.system.plug("Keys")
    bench.system.refuses = ("Keys",)
    bench.reader.scan()
    bench.reader.scan()
    assert len([text for text in bench.told() if "cannot be opened: busy" in text]) == 1
    bench.system.refuses = ()
    bench.reader.scan()
    assert bench.reader.names() == ["Keys"]


def test_active_sensing_that_stops_ends_the_keys(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    now_ns = 10**12
    monkeypatch.setattr(time, "monotonic_ns", lambda: now_ns)
    bench = Bench()
    bench.system.plug("Keys")
    bench.reader.scan()
    port = bench.system.ports["Keys"]
    port.send(0xFE)
    port.send(0x90, 60, 1)
    bench.reader.read()
    now_ns += 250_000_000
    bench.reader.read()
    assert len(bench.commands) == 1
    now_ns += 100_000_000
    bench.reader.read()
    bench.reader.read()
    assert [type(command) for command in bench.commands] == [events.NoteOn, events.NoteOff]


def test_a_broken_port_does_not_silence_the_others() -> None:
    bench = Bench()
    bench.system.plug("One")
    bench.system.plug("Two")
    bench.reader.scan()
    bench.system.ports["One"].broken = True
    bench.system.ports["Two"].send(0x90, 60, 1)
    bench.reader.read()
    assert [command.source for command in bench.commands] == ["midi:Two"]
    assert bench.reader.outcome().faults == 1


def test_a_broken_port_is_counted_and_told_and_the_thread_goes_on() -> None:
    bench = Bench()
    bench.system.plug("Keys")
    stop = threading.Event()
    thread = threading.Thread(target=bench.reader.run, args=(stop,))
    thread.start()
    try:
        _wait_until(lambda: "Keys" in bench.reader.names())
        bench.system.ports["Keys"].broken = True
        _wait_until(lambda: bench.reader.outcome().faults > 1)
        bench.system.ports["Keys"].broken = False
        bench.system.ports["Keys"].send(0x90, 60, 1)
        _wait_until(lambda: bool(bench.commands))
    finally:
        stop.set()
        thread.join(5)
    assert (
        len([text for text in bench.told() if "fault in the MIDI thread: RuntimeError: broken" in text]) == 1
    )
    assert isinstance(bench.commands[-1], events.NoteOff)  # released at the end
    assert bench.system.ports["Keys"].closed
    assert bench.system.closed == 1


@given(st.lists(st.sets(st.sampled_from("ABCD")), max_size=12))
def test_rings_are_never_shared_and_never_lost(plans: list[set[str]]) -> None:
    bench = Bench(writers=[RecordingWriter(), RecordingWriter(), RecordingWriter()])
    for plugged in plans:
        bench.system.sources.clear()
        for name in sorted(plugged):
            bench.system.plug(name)
        bench.reader.scan()
        bench.reader.scan()  # a ring that came free now serves a port that had to wait
        used = [id(line.writer) for line in bench.reader.lines()]
        assert len(used) == len(set(used)) == min(len(plugged), 3)


def _wait_until(true: Callable[[], bool], timeout_s: float = 5.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline_s, "did not happen in time"
        time.sleep(0.005)
