"""Knobs, wheels, pressure and pads of one port, through its controller map."""

from __future__ import annotations

from collections.abc import Callable

from daemon import events
from daemon.midi.buttons import Buttons
from mappings.actions import ACTIONS
from mappings.controller_map import ControllerMap
from mappings.routes import FINE_HALF_ABOVE, Route, SourceKind, controller_position, key_position

_Control = tuple[int, str, int]  # channel, SourceKind's value (so that it sorts), number

_REST_POSITIONS = {  # after Reset All Controllers, RP-015; volume, pan and the free knobs stay where they are
    (SourceKind.CONTROL, 1): 0.0,
    (SourceKind.CONTROL, 11): 1.0,
    **{(SourceKind.CONTROL, pedal): 0.0 for pedal in range(64, 68)},
    (SourceKind.PRESSURE, 0): 0.0,
    (SourceKind.KEY_PRESSURE, 0): 0.0,
    (SourceKind.BEND, 0): 0.5,
}


class Controls:
    """Turns what a player moves into what the map says it does.

    Parameters
    ----------
    source : goes into every command.
    controller_map : may be replaced at any time, from any thread, by assignment.
    emit : takes each command.

    Attributes
    ----------
    unmapped : int, movements that the map has no use for.
    """

    def __init__(
        self, source: str, controller_map: ControllerMap, emit: Callable[[events.Command], None]
    ) -> None:
        self.controller_map = controller_map
        self.unmapped = 0
        self._source = source
        self._emit = emit
        self._buttons = Buttons(source)
        self._coarse: dict[tuple[int, int], int] = {}  # (channel, number): upper 7 bits of 14
        self._sends_fine: set[tuple[int, int]] = set()
        self._moved: set[_Control] = set()

    def strike(self, channel: int, key: int, velocity: int) -> bool:
        """A key went down; True if it is to sound."""
        routes = self.controller_map.routes(SourceKind.NOTE, channel, key)
        for route in routes:
            position = key_position(route.source, key, velocity)
            if route.target.path in ACTIONS:
                self._emit(self._buttons.press(route, position))
            else:
                self._set(route, route.value(position))
        return not routes or any(route.sound for route in routes)

    def turn(self, channel: int, number: int, value: int) -> None:
        """A controller without built-in work came; the fine half of a 14-bit one among them."""
        if self._fine_half(channel, number - FINE_HALF_ABOVE, value):
            return
        self._coarse[channel, number] = value
        sends_fine = (channel, number) in self._sends_fine  # then the coarse half alone means "and 0"
        position = controller_position(value << 7, 14) if sends_fine else controller_position(value)
        if not self.move(SourceKind.CONTROL, channel, number, position):
            self.unmapped += 1

    def press(self, kind: SourceKind, channel: int, value: int) -> None:
        """Channel or key pressure came."""
        if not self.move(kind, channel, 0, controller_position(value)):
            self.unmapped += 1

    def move(self, kind: SourceKind, channel: int, number: int, position: float) -> tuple[Route, ...]:
        """Send a control through the map; the routes it took."""
        routes = self.controller_map.routes(kind, channel, number)
        for route in routes:
            self._follow(route, channel, position)
        if routes:
            self._moved.add((channel, kind.value, number))
        return routes

    def rest(self, channel: int) -> None:
        """Reset All Controllers: bring back what was moved on this channel and has a place of rest."""
        for control in sorted(moved for moved in self._moved if moved[0] == channel):
            self._moved.discard(control)
            kind, number = SourceKind(control[1]), control[2]
            position = _REST_POSITIONS.get((kind, number))
            for route in self.controller_map.routes(kind, channel, number):
                if route.default is not None:
                    self._set(route, route.default)
                elif position is not None:
                    self._follow(route, channel, position)

    def _fine_half(self, channel: int, number: int, value: int) -> bool:
        routes = self.controller_map.routes(SourceKind.CONTROL, channel, number)
        fine = [route for route in routes if route.bits == 14]
        if fine:
            self._sends_fine.add((channel, number))
            position = controller_position(self._coarse.get((channel, number), 0) << 7 | value, 14)
            for route in fine:
                self._follow(route, channel, position)
        return bool(fine)

    def _follow(self, route: Route, channel: int, position: float) -> None:
        if route.target.path not in ACTIONS:
            self._set(route, route.value(position))
            return
        for command in self._buttons.move(route, channel, position):
            self._emit(command)

    def _set(self, route: Route, value: float) -> None:
        self._emit(events.SetParameter(route.target.path, value, self._source))


def keeps_built_in_work(routes: tuple[Route, ...]) -> bool:
    """True if a control that took these routes bends, or holds, as well."""
    return not routes or any(route.sound for route in routes)
