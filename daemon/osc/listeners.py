"""Who hears of changes: newest value first, at most 60 times a second for each address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from daemon.events import CommandError
from daemon.osc.codec import encode_replies
from daemon.osc.endpoints import Endpoint
from daemon.surface import Reply

MAX_LISTENERS = 32
PERIOD_NS = 1_000_000_000 // 60


class Change(NamedTuple):
    """The newest value of a parameter that listeners have not heard."""

    value: float
    source: str


class Listeners:
    """The listeners and what they have still to hear. Control thread only.

    A listener may belong to a sender: what that sender changes is not sent back to it, even if it hears on
    another port than it speaks from (Max, TouchOSC).

    Parameters
    ----------
    send : sends one datagram.
    is_own : whether an endpoint is the daemon's own port.
    """

    def __init__(self, send: Callable[[bytes, Endpoint], None], is_own: Callable[[Endpoint], bool]) -> None:
        self._send = send
        self._is_own = is_own
        self._owners: dict[Endpoint, str] = {}
        self._pending: dict[str, Change] = {}
        self._sent_ns: dict[str, int] = {}

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The listeners, in the order they came."""
        return tuple(self._owners)

    def add(self, endpoint: Endpoint, owner: str) -> None:
        """Add a listener, or give it a new owner (the owner's ``source``, "" for none).

        Raises
        ------
        CommandError
            for our own port (it would hear itself for ever), or when the list is full.
        """
        if self._is_own(endpoint):
            raise CommandError(f"{endpoint} is this daemon's own port; it cannot listen to itself")
        if endpoint not in self._owners and len(self._owners) >= MAX_LISTENERS:
            raise CommandError(f"there are already {MAX_LISTENERS} listeners; remove one by /listeners/del")
        self._owners[endpoint] = owner

    def remove(self, endpoint: Endpoint) -> None:
        """Take a listener off the list.

        Raises
        ------
        CommandError
            if it is not on it.
        """
        if self._owners.pop(endpoint, None) is None:
            raise CommandError(f"{endpoint} is not listening")

    def clear(self) -> None:
        """Take all off the list."""
        self._owners.clear()
        self._pending.clear()

    def changed(self, path: str, value: float, source: str) -> bool:
        """Note a change; True if somebody is to hear of it."""
        if not self._owners:
            return False
        self._pending[path] = Change(value, source)
        return True

    def flush(self, now_ns: int) -> int | None:
        """Send what may be sent now; the time of the next flush, None if nothing is left."""
        due = [path for path in self._pending if self._free_ns(path) <= now_ns]
        changes = [(path, self._pending.pop(path)) for path in due]
        self._sent_ns.update((path, now_ns) for path in due)
        for endpoint, owner in tuple(self._owners.items()):
            replies = _unless_from(changes, {owner, f"osc:{endpoint.host}:{endpoint.port}"})
            for datagram in encode_replies(replies):
                self._send(datagram, endpoint)
        return min((self._free_ns(path) for path in self._pending), default=None)

    def _free_ns(self, path: str) -> int:
        return self._sent_ns.get(path, -PERIOD_NS) + PERIOD_NS


def _unless_from(changes: Sequence[tuple[str, Change]], sources: set[str]) -> list[Reply]:
    return [(path, (float(change.value),)) for path, change in changes if change.source not in sources]
