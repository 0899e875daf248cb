"""The MIDI door as the control thread sees it."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Sequence

from daemon.events import Command, CommandError
from daemon.midi.delivery import EventWriterLike
from daemon.midi.ports import system_makers
from daemon.midi.reader import Notice, Reader, Wishes
from daemon.midi.sources import Choice
from daemon.midi.systems import MidiSystem
from mappings.map_store import MapStore

_LOG = logging.getLogger(__name__)
_MAP_POLL_S = 0.5
_SWITCH_INTERVAL_S = 0.0005
# How soon a busy thread hands the interpreter to a waiting one. Measured on two loaded cores with a thread
# computing all the time, from the sender to the ring: 36 ms (median) with Python's 5 ms, 1 ms with this.
_STOP_TIMEOUT_S = 3.0  # a hanging JACK server may hold the MIDI thread; the daemon ends all the same


class MidiDoor:
    """Listens to every MIDI input there is or will be.

    Performance events are in the kernel's rings before ``surface_handle`` hears of them (``delivered``
    True); where a ring was full they come with ``delivered`` False, to be sent through control's ring.

    Thread: control; it starts one thread of its own, and while it listens the interpreter switches
    threads more often.

    Parameters
    ----------
    surface_handle : takes each command, on the control thread.
    writers : kernel rings 1.., one for each port that can be open at a time.
    maps : the controller maps.
    patterns : names of the inputs to open, see :class:`daemon.midi.sources.Choice`; empty for all.
    virtual_port : True to offer the port ``timbred:in`` (JACK: ``timbred-midi:in``) to other programs.
    api : "auto", "alsa", "jack", "core" or "windows".

    Raises
    ------
    MidiUnavailableError
        if ``api`` names a system this python-rtmidi was built without. That none is running is no error.
    """

    def __init__(
        self,
        surface_handle: Callable[[Command], object],
        writers: Sequence[EventWriterLike],
        maps: MapStore,
        patterns: Sequence[str] = (),
        virtual_port: bool = True,
        api: str | Sequence[Callable[[], MidiSystem]] = "auto",
    ) -> None:
        self._handle = surface_handle
        self._maps = maps
        self._wishes = Wishes(Choice(tuple(patterns)), virtual_port, maps.map_for)
        makers = system_makers(api) if isinstance(api, str) else api
        self._reader = Reader(makers, writers, self._wishes, self._pass_commands, self._pass_notice)
        self._stop_asked = threading.Event()
        self._ended = asyncio.Event()
        self._refused = 0
        self._switch_interval_s = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._map_task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen. Returns at once; ports open within the next second."""
        self._loop = asyncio.get_running_loop()
        self._switch_interval_s = sys.getswitchinterval()
        sys.setswitchinterval(min(_SWITCH_INTERVAL_S, self._switch_interval_s))
        self._map_task = asyncio.create_task(self._follow_maps(), name="midi-maps")
        threading.Thread(target=self._run, name="timbred-midi", daemon=True).start()

    async def stop(self) -> None:
        """End held notes, close every port. Returns after three seconds at the latest."""
        self._stop_asked.set()
        if self._map_task is not None:
            self._map_task.cancel()
        if self._loop is None:
            return
        try:
            await asyncio.wait_for(self._ended.wait(), _STOP_TIMEOUT_S)
        except TimeoutError:
            _LOG.warning("the MIDI thread does not end: its MIDI system hangs")
        sys.setswitchinterval(self._switch_interval_s)
        self._loop = None

    def ports(self) -> list[str]:
        """Open inputs."""
        return self._reader.names()

    @property
    def counters(self) -> dict[str, int]:
        """Totals since the start, for ``/status`` and metrics."""
        return {**vars(self._reader.outcome()), "refused": self._refused}

    def set_bend_range(self, semitones: float) -> None:
        """Bend range for senders that have set none by RPN 0."""
        self._wishes.bend_range_semitones = semitones
        for line in self._reader.lines():
            line.decoder.bend_range_semitones = semitones

    async def _follow_maps(self) -> None:
        while True:
            await asyncio.sleep(_MAP_POLL_S)
            self._maps.poll()
            for line in self._reader.lines():  # every time: a port may have been opened while files changed
                line.decoder.controller_map = self._maps.map_for(line.name)

    def _run(self) -> None:
        self._reader.run(self._stop_asked)
        self._call_control(self._ended.set)

    def _pass_commands(self, commands: list[Command]) -> None:
        self._call_control(self._take_commands, commands)

    def _pass_notice(self, notice: Notice) -> None:
        self._call_control(self._take_notice, notice)

    def _call_control(self, function: Callable[..., None], *arguments: object) -> None:
        loop = self._loop
        if loop is None:
            return
        try:
            loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the loop has been closed without stop(): nobody is left to tell
            self._stop_asked.set()

    def _take_commands(self, commands: list[Command]) -> None:
        for command in commands:
            try:
                self._handle(command)
            except CommandError as error:
                self._refused += 1
                _LOG.info("MIDI: %s", error)

    def _take_notice(self, notice: Notice) -> None:
        _LOG.log(logging.WARNING if notice.trouble else logging.INFO, "%s", notice.text)
