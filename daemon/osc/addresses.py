"""From address to handler: the catalogue's rows and the fixed addresses in one table."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from daemon.events import CommandError
from daemon.osc import (
    door_addresses,
    journey_addresses,
    note_addresses,
    parameter_addresses,
    sound_addresses,
)
from daemon.osc.arguments import is_released
from daemon.osc.calls import Address, Call
from daemon.osc.patterns import Pattern, is_pattern
from daemon.surface import Reply
from mappings.catalogue import CATALOGUE
from mappings.parameters import ParameterSpec

IGNORED = frozenset({"/error", "/pong", "/sync/done"})  # replies: answering one could go on for ever
REMEMBERED_PATTERNS = 64
ERROR_ADDRESS = "/error"


def build_addresses(catalogue: Mapping[str, ParameterSpec] = CATALOGUE) -> dict[str, Address]:
    """The table of addresses, in the order of the documentation.

    Raises
    ------
    ValueError
        if two rows want the same address.
    """
    rows: tuple[Address, ...] = (
        *note_addresses.ROWS,
        *sound_addresses.rows(catalogue),
        *journey_addresses.ROWS,
        *parameter_addresses.rows(catalogue),
        *door_addresses.ROWS,
    )
    table = {row.path: row for row in rows}
    if len(table) < len(rows) or IGNORED & table.keys():
        seen = [row.path for row in rows]
        twice = sorted(path for path in set(seen) if seen.count(path) > 1 or path in IGNORED)
        raise ValueError(f"OSC addresses with more than one meaning: {', '.join(twice)}")
    return table


class UnknownAddressError(CommandError):
    """No row has, or matches, the address. The search for a likeness is left to who has the time."""


class Dispatcher:
    """Finds the rows a message is for and runs them."""

    def __init__(self, catalogue: Mapping[str, ParameterSpec] = CATALOGUE) -> None:
        self.table = build_addresses(catalogue)
        self._found: dict[str, Sequence[Address]] = {}  # a fader sends the same pattern again and again
        self._patterned: dict[int, list[Address]] = {}  # by the number of parts
        for row in self.table.values():
            if row.in_patterns:
                self._patterned.setdefault(row.path.count("/"), []).append(row)

    def is_note(self, address: str) -> bool:
        """Whether the kernel can place what this address asks for on the exact frame."""
        row = self.table.get(address)
        return row is not None and row.is_note

    def find(self, address: str) -> Sequence[Address]:
        """The rows an address or pattern means.

        Raises
        ------
        UnknownAddressError
            if there is none.
        OscError
            for a malformed pattern.
        """
        row = self.table.get(address)
        if row is not None:
            return (row,)
        rows = self._find_pattern(address) if is_pattern(address) else ()
        if not rows:
            raise UnknownAddressError
        return rows

    def _find_pattern(self, address: str) -> Sequence[Address]:
        rows = self._found.get(address)
        if rows is None:
            pattern = Pattern(address)
            rows = [row for row in self._patterned.get(address.count("/"), ()) if pattern.matches(row.path)]
            if len(self._found) >= REMEMBERED_PATTERNS:
                self._found.clear()
            self._found[address] = rows
        return rows

    def perform(self, call: Call) -> list[Reply]:
        """Run every row the message is for; refusals come back as replies at ``/error``.

        Raises
        ------
        UnknownAddressError, OscError
            as ``find`` does.
        """
        replies: list[Reply] = []
        for row in self.find(call.address):
            try:
                replies.extend(_run(row, call))
            except CommandError as refusal:
                replies.append(error_reply(row.path, str(refusal)))
        return replies

    def explain_unknown(self, address: str) -> str:
        """What to say about an address that means nothing; takes about a millisecond."""
        if is_pattern(address):
            return "no parameter's address matches this pattern"
        near = difflib.get_close_matches(address, self.table, n=2)
        return (
            f"unknown address; did you mean {' or '.join(near)}?"
            if near
            else "unknown address; ask /addresses"
        )

    def descriptions(self) -> Iterator[tuple[str, str, str]]:
        """Address, arguments and description of every row."""
        for row in self.table.values():
            yield row.path, row.usage, row.description


def error_reply(address: str, text: str) -> Reply:
    """What is answered when something was wrong: the offending address, and words."""
    return ERROR_ADDRESS, (address, text[:400])


def _run(row: Address, call: Call) -> Iterable[Reply]:
    count = len(call.arguments)
    if not row.fewest <= count <= row.most:
        raise CommandError(f"takes {row.usage or 'no arguments'}, got {count} argument{'s' * (count != 1)}")
    if row.is_trigger and count and is_released(call.arguments[0]):
        return ()
    return row.handler(call)
