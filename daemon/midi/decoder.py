"""Bytes of one MIDI port -> commands. Pure: no clock, no thread, no input or output of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from daemon import events
from daemon.midi.channels import BEND_CENTRE, ChannelBend, Channels
from daemon.midi.controls import Controls, keeps_built_in_work
from daemon.midi.registered import (
    DATA_ENTRY,
    DATA_MSB,
    PARAMETER_SELECT,
    RPN_BEND_RANGE,
    RPN_MPE_CONFIGURATION,
)
from daemon.midi.wire import ACTIVE_SENSING, SYSTEM_RESET, Message, Parser
from mappings.controller_map import ControllerMap
from mappings.routes import CHANNEL_COUNT, SourceKind, controller_position

_SUSTAIN = 64
_ALL_SOUND_OFF, _RESET_CONTROLLERS, _LOCAL_CONTROL = 120, 121, 122
_UNKNOWN_RELEASE_VELOCITY = 64 / 127  # what the specification lets a keyboard without release sensing send


class Decoder:
    """One port's decoder.

    Never raises on any input; what means nothing is counted. Any split of a stream into portions gives
    the same commands.

    Parameters
    ----------
    source : goes into every command, for example ``"midi:Launchkey Mini"``.
    bend_range_semitones : where the sender has not set one by RPN 0.
    controller_map : which controls move which parameters; may be replaced at any time by assignment.

    Attributes
    ----------
    sensing : True once the sender has shown that it sends active sensing.

    Thread: whichever feeds it, one only. ``controller_map`` and ``bend_range_semitones`` may be
    assigned from another.
    """

    def __init__(
        self,
        source: str,
        bend_range_semitones: float = 2.0,
        controller_map: ControllerMap | None = None,
    ) -> None:
        self._ignored = 0
        self.sensing = False
        self._source = source
        self._parser = Parser()
        self._channels = Channels(round(bend_range_semitones * 100))
        self._held: set[tuple[int, int]] = set()  # (channel, key) that sound as far as this port goes
        self._muted: set[tuple[int, int]] = set()  # keys that are down and move a parameter instead
        self._commands: list[events.Command] = []
        self._controls = Controls(source, controller_map or ControllerMap(), self._emit)
        self._stamp_ns = 0
        self._on_channel_message: dict[int, Callable[[int, int, int], None]] = {
            0x8: self._note_off,
            0x9: self._note_on,
            0xA: self._key_pressure,
            0xB: self._control,
            0xC: self._program,
            0xD: self._pressure,
            0xE: self._bend,
        }

    @property
    def controller_map(self) -> ControllerMap:
        """Which controls move which parameters."""
        return self._controls.controller_map

    @controller_map.setter
    def controller_map(self, controller_map: ControllerMap) -> None:
        self._controls.controller_map = controller_map

    @property
    def bend_range_semitones(self) -> float:
        """Bend range where the sender has not set one."""
        return self._channels.default_bend_cents / 100

    @bend_range_semitones.setter
    def bend_range_semitones(self, semitones: float) -> None:
        self._channels.default_bend_cents = round(semitones * 100)

    @property
    def malformed(self) -> int:
        """Bytes and broken messages that no rule of MIDI explains."""
        return self._parser.malformed

    @property
    def ignored(self) -> int:
        """Messages that are fine but mean nothing here."""
        return self._ignored + self._controls.unmapped

    @property
    def held(self) -> frozenset[tuple[int, int]]:
        """Keys down: (channel, key)."""
        return frozenset(self._held)

    def feed(self, data: Iterable[int], stamp_ns: int) -> list[events.Command]:
        """Decode any portion of the stream; ``stamp_ns`` is its arrival on CLOCK_MONOTONIC."""
        self._stamp_ns = stamp_ns
        for message in self._parser.feed(data):
            self._take(message)
        return self._take_commands()

    def release_all(self, stamp_ns: int) -> list[events.Command]:
        """What ends everything this port holds: its keys, pedals and bends, and nobody else's."""
        self._stamp_ns = stamp_ns
        self._muted.clear()
        self._release(range(CHANNEL_COUNT))
        self._channels.dissolve_zones()
        self.sensing = False
        return self._take_commands()

    def _release(self, channels: Iterable[int]) -> None:
        for channel in channels:
            for key in sorted(key for held, key in self._held if held == channel):
                self._emit_note_off(channel, key, _UNKNOWN_RELEASE_VELOCITY)
            if self._channels[channel].pedal:
                self._emit(events.Sustain(0.0, channel, self._stamp_ns, self._source))
            if self._channels[channel].told_semitones:
                self._emit_bends([(channel, 0.0)])
            self._channels.reset(channel)

    def _emit(self, command: events.Command) -> None:
        self._commands.append(command)

    def _take_commands(self) -> list[events.Command]:
        commands, self._commands = self._commands, []
        return commands

    def _take(self, message: Message) -> None:
        status, first, second = message
        if status == ACTIVE_SENSING:
            self.sensing = True
        elif status == SYSTEM_RESET:
            before = self._commands
            self._commands = []
            self._commands = before + self.release_all(self._stamp_ns)
        else:
            self._on_channel_message[status >> 4](status & 0x0F, first, second)

    def _note_on(self, channel: int, key: int, velocity: int) -> None:
        if velocity == 0:
            self._note_off(channel, key, 64)
            return
        if not self._controls.strike(channel, key, velocity):
            self._muted.add((channel, key))
            return
        self._held.add((channel, key))
        self._emit(events.NoteOn(key, velocity / 127, channel, self._stamp_ns, self._source))

    def _note_off(self, channel: int, key: int, velocity: int) -> None:
        if (channel, key) in self._muted:
            self._muted.discard((channel, key))
            if (channel, key) not in self._held:  # else it sounded before the map changed
                return
        self._emit_note_off(channel, key, velocity / 127)

    def _emit_note_off(self, channel: int, key: int, velocity: float) -> None:
        self._held.discard((channel, key))
        self._emit(events.NoteOff(key, velocity, channel, self._stamp_ns, self._source))

    def _key_pressure(self, channel: int, _key: int, value: int) -> None:
        self._controls.press(SourceKind.KEY_PRESSURE, channel, value)

    def _pressure(self, channel: int, value: int, _absent: int) -> None:
        self._controls.press(SourceKind.PRESSURE, channel, value)

    def _program(self, _channel: int, program: int, _absent: int) -> None:
        self._emit(events.ProgramChange(program, self._source))

    def _bend(self, channel: int, low: int, high: int) -> None:
        value = high << 7 | low
        routes = self._controls.move(SourceKind.BEND, channel, 0, controller_position(value, 14))
        if keeps_built_in_work(routes):
            self._emit_bends(self._channels.bend(channel, value))

    def _emit_bends(self, bends: Iterable[ChannelBend]) -> None:
        for channel, semitones in bends:
            self._emit(events.PitchBend(semitones, channel, self._stamp_ns, self._source))

    def _control(self, channel: int, number: int, value: int) -> None:
        if number >= _ALL_SOUND_OFF:
            self._mode(channel, number)
            return
        select = self._channels[channel].select
        if number in PARAMETER_SELECT:
            select.take(number, value)
        elif number in DATA_ENTRY and select.any:
            self._data_entry(channel, number, value)
        elif number == _SUSTAIN:
            self._sustain(channel, value)
        else:
            self._controls.turn(channel, number, value)

    def _data_entry(self, channel: int, number: int, value: int) -> None:
        registered = self._channels[channel].select.registered
        if registered == RPN_BEND_RANGE:
            self._emit_bends(self._channels.enter_bend_range(channel, number, value))
        elif registered == RPN_MPE_CONFIGURATION and number == DATA_MSB:
            self._release(self._channels.configure_zone(channel, value))
        else:
            self._ignored += 1

    def _sustain(self, channel: int, value: int) -> None:
        position = controller_position(value)
        if keeps_built_in_work(self._controls.move(SourceKind.CONTROL, channel, _SUSTAIN, position)):
            for reached in self._channels.reach(channel):
                self._channels[reached].pedal = position
                self._emit(events.Sustain(position, reached, self._stamp_ns, self._source))

    def _mode(self, channel: int, number: int) -> None:
        if number == _LOCAL_CONTROL:
            self._ignored += 1
            return
        for reached in self._channels.reach(channel):
            if number == _RESET_CONTROLLERS:
                self._reset(reached)
            else:  # 124..127, omni and mono/poly, are all notes off as well
                off = events.AllSoundOff if number == _ALL_SOUND_OFF else events.AllNotesOff
                self._held = {held for held in self._held if held[0] != reached}
                self._emit(off(reached, self._stamp_ns, self._source))

    def _reset(self, number: int) -> None:
        channel = self._channels[number]
        self._emit(events.ResetControllers(number, self._stamp_ns, self._source))
        channel.bend, channel.told_semitones, channel.pedal = BEND_CENTRE, 0.0, 0.0
        channel.select.clear()
        self._controls.rest(number)
