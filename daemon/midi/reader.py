"""The MIDI thread: finds ports, opens and closes them, reads them every millisecond."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from daemon.events import Command
from daemon.midi.alsa import display_name
from daemon.midi.decoder import Decoder
from daemon.midi.delivery import EventWriterLike
from daemon.midi.lines import Line
from daemon.midi.sources import CLIENT_NAME, Choice, Source
from daemon.midi.systems import MidiSystem
from mappings.controller_map import ControllerMap

_READ_PERIOD_S = 0.001
_IDLE_PERIOD_S = 0.05  # while no port is open
_SCAN_PERIOD_NS = 500_000_000
_SEARCH_PERIOD_NS = 1_000_000_000  # while there is no MIDI system


@dataclass(frozen=True)
class Notice:
    """Something the MIDI thread wants told: one sentence, and whether it is trouble."""

    text: str
    trouble: bool = False


@dataclass
class Wishes:
    """What the player asked for.

    Attributes
    ----------
    choice : the inputs to open.
    virtual_port : True to offer a port of our own.
    map_for : the controller map for a port name; called on the MIDI thread.
    bend_range_semitones : for senders that have set none.
    """

    choice: Choice
    virtual_port: bool
    map_for: Callable[[str], ControllerMap]
    bend_range_semitones: float = 2.0


@dataclass
class Outcome:
    """Totals since the start, of ports that have gone included. Written by the MIDI thread only."""

    messages: int = 0
    malformed: int = 0
    ignored: int = 0
    unpushed: int = 0
    faults: int = 0
    ports_opened: int = 0
    ports_lost: int = 0


class Reader:
    """Owns every RtMidi object, decoder and ring writer.

    Thread: the MIDI thread, one only; ``names``, ``lines`` and ``outcome`` may be called from any.

    Parameters
    ----------
    makers : ways to reach a MIDI system, tried in turn until one works.
    writers : rings, one for each port that can be open at a time.
    wishes : what to open.
    on_commands, on_notice : take what comes in; must hand it to the control thread and return at once.
    """

    def __init__(
        self,
        makers: Sequence[Callable[[], MidiSystem]],
        writers: Sequence[EventWriterLike],
        wishes: Wishes,
        on_commands: Callable[[list[Command]], None],
        on_notice: Callable[[Notice], None],
    ) -> None:
        self._makers = makers
        self._free = list(writers)
        self._wishes = wishes
        self._on_commands = on_commands
        self._on_notice = on_notice
        self._system: MidiSystem | None = None
        self._lines: dict[str, Line] = {}  # by the system's name of the port; the virtual one by ours
        self._seen: dict[str, object] = {}  # identities at the last scan
        self._told: set[str] = set()
        self._gone = Outcome()

    def run(self, stop: threading.Event) -> None:
        """Read and scan until ``stop`` is set, then release and close everything."""
        next_scan_ns = 0
        while not stop.is_set():
            now_ns = time.monotonic_ns()
            if now_ns >= next_scan_ns:
                self._guarded(self.scan)
                period_ns = _SEARCH_PERIOD_NS if self._system is None else _SCAN_PERIOD_NS
                next_scan_ns = time.monotonic_ns() + period_ns
            self.read()
            if self._lines:
                time.sleep(_READ_PERIOD_S)  # cheaper than waiting for the event, a thousand times a second
            else:
                stop.wait(_IDLE_PERIOD_S)
        self._guarded(self.close)

    def names(self) -> list[str]:
        """Open ports, as people know them."""
        return [line.name for line in list(self._lines.values())]

    def lines(self) -> list[Line]:
        """Open ports with their decoders."""
        return list(self._lines.values())

    def outcome(self) -> Outcome:
        """Totals up to now; callable from any thread."""
        total = Outcome(**vars(self._gone))
        for line in list(self._lines.values()):
            _add(total, line)
        return total

    def read(self) -> None:
        """Take in what has arrived on every port."""
        for line in self._lines.values():
            self._guarded(partial(self._read_line, line))

    def _read_line(self, line: Line) -> None:
        commands: list[Command] = []
        try:
            commands.extend(line.read(time.monotonic_ns()))
        finally:  # what was delivered before a fault must be told all the same
            if commands:
                self._on_commands(commands)

    def scan(self) -> None:
        """Find a system, close what has gone, open what is new."""
        present = self._present_inputs()
        if present is None or self._system is None:
            return
        for name, line in list(self._lines.items()):
            source = present.get(name)
            if name != CLIENT_NAME and (source is None or source.identity != line.identity):
                self._close_line(name, lost=True)
            elif source is not None and source.feeds_virtual_port():
                self._close_line(name, lost=False)
        if self._wishes.virtual_port and CLIENT_NAME not in self._lines:
            self._open_line(self._system, CLIENT_NAME, None)
        for name, source in present.items():
            seen_before = name in self._seen and self._seen[name] == source.identity
            if name not in self._lines and self._wishes.choice.wants(name, source, seen_before=seen_before):
                self._open_line(self._system, name, source.identity)
        self._seen = {name: source.identity for name, source in present.items()}

    def close(self) -> None:
        """Release what is held, close every port, leave the system."""
        for name in list(self._lines):
            self._close_line(name, lost=False)
        if self._system is not None:
            self._system.close()
            self._system = None

    def _present_inputs(self) -> Mapping[str, Source] | None:
        if self._system is not None:
            try:
                return self._system.inputs()
            except OSError as error:
                self._tell_once(f"MIDI over {self._system.name} has gone: {error}", trouble=True)
                for name in list(self._lines):
                    self._close_line(name, lost=True)
                self._system.close()
                self._system = None
        reasons = []
        for make_system in self._makers:
            try:
                system = make_system()
                present = system.inputs()
            except OSError as error:
                reasons.append(str(error))
                continue
            self._system = system
            self._told.clear()
            self._on_notice(Notice(f"MIDI over {system.name}"))
            return present
        self._tell_once(f"no MIDI yet, looking on: {'; '.join(reasons)}")
        return None

    def _open_line(self, system: MidiSystem, name: str, identity: object) -> None:
        shown = self._shown_name(name)
        if not self._free:
            self._tell_once(
                f"MIDI input {shown} stays closed: {len(self._lines)} inputs are open already", trouble=True
            )
            return
        try:
            port = system.open_virtual() if name == CLIENT_NAME else system.open(name)
        except OSError as error:
            self._tell_once(f"MIDI input {shown} cannot be opened: {error}", trouble=True)
            return
        decoder = Decoder(f"midi:{shown}", self._wishes.bend_range_semitones, self._wishes.map_for(shown))
        self._lines[name] = Line(shown, identity, port, decoder, self._free.pop(0))
        self._gone.ports_opened += 1
        self._told = {text for text in self._told if f" {shown} " not in text}
        self._on_notice(Notice(f"MIDI input {shown} open"))

    def _close_line(self, name: str, *, lost: bool) -> None:
        line = self._lines.pop(name)
        commands = list(line.release(time.monotonic_ns()))
        self._free.append(line.writer)
        _add(self._gone, line)
        if commands:
            self._on_commands(commands)
        if lost:
            self._gone.ports_lost += 1
            self._on_notice(
                Notice(f"MIDI input {line.name} has gone; it is taken up again when it returns", True)
            )
        line.port.close()

    def _shown_name(self, name: str) -> str:
        shown, taken = display_name(name), set(self.names())
        if shown not in taken:
            return shown
        return next(f"{shown} ({n})" for n in range(2, len(taken) + 3) if f"{shown} ({n})" not in taken)

    def _tell_once(self, text: str, *, trouble: bool = False) -> None:
        if text not in self._told:
            self._told.add(text)
            self._on_notice(Notice(text, trouble))

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 (the thread's outermost loop: MIDI goes on, the fault is told)
            self._gone.faults += 1
            self._tell_once(f"fault in the MIDI thread: {type(error).__name__}: {error}", trouble=True)


def _add(total: Outcome, line: Line) -> None:
    total.messages += line.messages
    total.malformed += line.decoder.malformed
    total.ignored += line.decoder.ignored
    total.unpushed += line.unpushed
