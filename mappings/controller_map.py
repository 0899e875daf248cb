"""Controller maps: which knob of which controller moves which parameter. Written by musicians, in TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from mappings.map_entries import MapError, entry_lines, read_head, read_route
from mappings.routes import FINE_HALF_ABOVE, Route, SourceKind

RouteKey = tuple[SourceKind, int, int]  # kind, channel 0..15, controller or key number

_WILDCARDS = frozenset("*?[")


def port_matches(pattern: str, port_name: str) -> bool:
    """True if a port name fits ``pattern``: with ``* ? [..]`` the whole name, without them any part of it."""
    pattern, port_name = pattern.casefold(), port_name.casefold()
    if _WILDCARDS.isdisjoint(pattern):
        return pattern in port_name
    return fnmatchcase(port_name, pattern)


@dataclass(frozen=True)
class ControllerMap:
    """The routes of one controller; immutable, so threads may share it.

    Attributes
    ----------
    name : for displays.
    ports : patterns of port names it is for; empty for a map that serves where no other does.
    inherit : True if the default map goes on serving the sources this one does not name.
    """

    name: str = ""
    ports: tuple[str, ...] = ()
    inherit: bool = True
    _table: dict[RouteKey, tuple[Route, ...]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str, where: str = "map") -> ControllerMap:
        """Read a map.

        Parameters
        ----------
        text : contents of a TOML file, see ``docs/midi.md``.
        where : file name, for the messages.

        Raises
        ------
        MapError
            naming the file, the entry and its line, what was wrong and what was meant perhaps.
        """
        try:
            document = tomllib.loads(text)
        except (ValueError, RecursionError) as error:  # also numbers of thousands of digits, endless nesting
            raise MapError(f"{where}: not readable as TOML: {error}") from None
        head = read_head(document, where)
        lines = entry_lines(text, len(head.entries))
        table: dict[RouteKey, tuple[Route, ...]] = {}
        for number, (entry, line) in enumerate(zip(head.entries, lines, strict=True), start=1):
            spot = f"{where}, entry {number}" + (f" (line {line})" if line else "")
            route, channels = read_route(entry, spot)
            for key in _route_keys(route, channels):
                table[key] = (*table.get(key, ()), route)
        _check_fine_halves(table, where)
        return cls(head.name, head.ports, head.inherit, table)

    def routes(self, kind: SourceKind, channel: int, number: int = 0) -> tuple[Route, ...]:
        """The routes of one control on one channel 0..15; usually one or none."""
        return self._table.get((kind, channel, number), ())

    def translate(
        self, kind: SourceKind, channel: int, number: int, position: float
    ) -> list[tuple[str, float]]:
        """Parameter paths and new values, in natural units, for a control moved to ``position`` 0..1."""
        return [(route.target.path, route.value(position)) for route in self.routes(kind, channel, number)]

    def fits(self, port_name: str) -> int:
        """How closely it is made for a port: literal characters of its best pattern that fits, 0 for none."""
        fitting = (pattern for pattern in self.ports if port_matches(pattern, port_name))
        return max((1 + sum(c not in _WILDCARDS for c in pattern) for pattern in fitting), default=0)

    def over(self, default: ControllerMap) -> ControllerMap:
        """The map with the default's routes where it names none; itself if it does not inherit."""
        if not self.inherit:
            return self
        return ControllerMap(self.name, self.ports, self.inherit, {**default._table, **self._table})

    def __iter__(self) -> Iterator[Route]:
        """Every route once, in the order of the file."""
        return iter(dict.fromkeys(route for routes in self._table.values() for route in routes))


def _route_keys(route: Route, channels: Iterable[int]) -> Iterator[RouteKey]:
    for channel in channels:
        for number in route.source.numbers():
            yield route.source.kind, channel, number


def _check_fine_halves(table: Mapping[RouteKey, tuple[Route, ...]], where: str) -> None:
    for (kind, channel, number), routes in table.items():
        fine_half = (kind, channel, number + FINE_HALF_ABOVE)
        if fine_half in table and any(route.bits == 14 for route in routes):
            raise MapError(
                f"{where}: cc {number + FINE_HALF_ABOVE} is mapped, but it is the fine half of cc {number}, "
                "which has bits = 14"
            )
