"""Answers on their way out: limited for each sender, long ones paced."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

from daemon.osc.addresses import ERROR_ADDRESS, error_reply
from daemon.osc.codec import OscError, encode_message, encode_replies
from daemon.osc.counters import Counters
from daemon.osc.endpoints import Endpoint
from daemon.osc.limits import SenderLimits
from daemon.osc.receiving import UdpSocket
from daemon.surface import Reply

PACE_S = 0.002  # between the datagrams of a long answer; a default receive buffer holds 256
MAX_QUEUED_DATAGRAMS = 512


class ReplySender:
    """Sends to the askers and never more than ``SenderLimits`` allows. Control thread only."""

    def __init__(self, udp: UdpSocket, counters: Counters, now_ns: Callable[[], int]) -> None:
        self._udp = udp
        self._counters = counters
        self._now_ns = now_ns
        self._limits = SenderLimits()
        self._queue: deque[tuple[bytes, Endpoint]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def send(self, replies: Iterable[Reply], to: Endpoint) -> None:
        """Answer; replies at ``/error`` are counted and limited by themselves."""
        plain: list[Reply] = []
        for reply in replies:
            if reply[0] == ERROR_ADDRESS:
                self.send_error(to, partial(_the_same, reply))
            else:
                plain.append(reply)
        if not plain or not self._is_answerable(to):
            return
        try:
            first, *rest = encode_replies(plain)
        except OscError as fault:
            self.send_error(to, partial(error_reply, fault.address, str(fault)))
            return
        if self._may_send(first, to):
            self.send_datagram(first, to)
        for datagram in rest:
            self._queue_datagram(datagram, to)

    def send_error(self, to: Endpoint, explain: Callable[[], Reply]) -> None:
        """Say what was wrong; the words are only looked for if they may be sent."""
        self._counters.errors += 1
        if self._is_answerable(to) and self._limits.may_send_error(to, self._now_ns()):
            address, arguments = explain()
            self.send_datagram(encode_message(address, arguments), to)

    def send_datagram(self, datagram: bytes, to: Endpoint) -> None:
        """Send at once; count it as dropped if that cannot be done."""
        self._counters.dropped += not self._udp.send(datagram, to)

    def close(self) -> None:
        """Forget what is still queued."""
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_answerable(self, to: Endpoint) -> bool:
        return to.port != 0 and not self._udp.is_own(to)

    def _may_send(self, datagram: bytes, to: Endpoint) -> bool:
        allowed = self._limits.may_reply(to, len(datagram), self._now_ns())
        self._counters.dropped += not allowed
        return allowed

    def _queue_datagram(self, datagram: bytes, to: Endpoint) -> None:
        if len(self._queue) >= MAX_QUEUED_DATAGRAMS:
            self._counters.dropped += 1
        elif self._may_send(datagram, to):
            self._queue.append((datagram, to))
            self._arm()

    def _arm(self) -> None:
        if self._timer is None and self._queue:
            self._timer = asyncio.get_running_loop().call_later(PACE_S, self._send_next)

    def _send_next(self) -> None:
        self._timer = None
        self.send_datagram(*self._queue.popleft())
        self._arm()


def _the_same(reply: Reply) -> Reply:
    return reply
