"""Controls that trigger something: when a press is a press."""

from __future__ import annotations

from daemon import events
from mappings.actions import PANIC, PRESET
from mappings.routes import Route

_DOWN_FROM = 0.5  # of the way, as for the pedals


class Buttons:
    """Turns the movements of controls mapped to an action into commands.

    A key acts when it goes down. A control acts when it comes past its middle from below; one that has
    several numbers to tell (a knob that chooses presets) whenever its number changes.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._last: dict[tuple[Route, int], int] = {}  # by channel as well: what the control said last

    def press(self, route: Route, position: float) -> events.Command:
        """A key went down."""
        return self._command(route, round(route.value(position)))

    def move(self, route: Route, channel: int, position: float) -> list[events.Command]:
        """A control has moved."""
        number = round(route.value(position))
        chooses = route.numbered and route.low != route.high
        says = number if chooses else int(position >= _DOWN_FROM)
        said = self._last.get((route, channel), None if chooses else 0)
        self._last[route, channel] = says
        if says == said or (not chooses and not says):
            return []
        return [self._command(route, number)]

    def _command(self, route: Route, number: int) -> events.Command:
        if route.target.path == PANIC:
            return events.Panic(self._source)
        if route.target.path == PRESET:
            return events.ProgramChange(number, self._source)
        return events.LatentRandom(number if route.numbered else None, self._source)
