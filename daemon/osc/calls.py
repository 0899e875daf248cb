"""One row of the address table, and one message on its way to a row's handler."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from daemon.osc.codec import Value
from daemon.osc.endpoints import Endpoint
from daemon.osc.listeners import Listeners
from daemon.surface import Argument, Reply, Surface


class Door(Protocol):
    """What handlers may ask of the OSC door itself."""

    @property
    def listeners(self) -> Listeners:
        """Who hears of changes."""

    def forget_waiting(self) -> None:
        """Drop everything that waits for its time tag."""

    def describe_addresses(self) -> Iterator[tuple[str, str, str]]:
        """Address, arguments and description of every row."""

    def parameter_paths(self) -> Iterable[str]:
        """The catalogue's paths, in its order."""

    def report(self) -> Iterable[tuple[str, Argument]]:
        """The door's own counters."""


@dataclass(slots=True)
class Call:
    """A message with what its handler needs to know.

    Attributes
    ----------
    address : as received, perhaps a pattern.
    arguments : as received.
    stamp_ns : CLOCK_MONOTONIC; when it arrived, or when its time tag is due.
    sender : where replies go.
    source : ``osc:HOST:PORT``, the sender's name in commands.
    """

    address: str
    arguments: tuple[Value, ...]
    stamp_ns: int
    sender: Endpoint
    source: str
    surface: Surface
    door: Door


Handler: TypeAlias = Callable[[Call], Iterable[Reply]]


@dataclass(frozen=True)
class Address:
    """One row of the address table.

    Attributes
    ----------
    path : the exact address.
    usage : its arguments, for people.
    description : one sentence.
    fewest, most : how many arguments it takes.
    is_note : the kernel places it on the exact frame, so time tags go along as stamps.
    is_trigger : an argument, if there is one, is a button's; 0 does nothing.
    in_patterns : address patterns may mean it; False for what must not happen by a stray ``*``.
    """

    path: str
    usage: str
    description: str
    handler: Handler
    fewest: int = 0
    most: int = 0
    is_note: bool = False
    is_trigger: bool = False
    in_patterns: bool = False


def trigger(path: str, description: str, handler: Handler, *, is_note: bool = False) -> Address:
    """A row that needs no argument but takes a button's."""
    return Address(path, "", description, handler, most=1, is_note=is_note, is_trigger=True)
