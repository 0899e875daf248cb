"""The OSC door: one UDP socket on the control thread's event loop."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict

from daemon.osc.addresses import IGNORED, Dispatcher, UnknownAddressError, error_reply
from daemon.osc.calls import Call
from daemon.osc.codec import Message, OscError, read_packet
from daemon.osc.counters import Counters
from daemon.osc.endpoints import Endpoint
from daemon.osc.limits import Allowance
from daemon.osc.listeners import Listeners
from daemon.osc.receiving import OscPortInUse, UdpSocket
from daemon.osc.replies import ReplySender
from daemon.osc.time_tags import MAX_AHEAD_NS, MAX_WAITING, NtpClock, Ready, WaitingMessages
from daemon.surface import Argument, Surface
from mappings.catalogue import CATALOGUE
from mappings.parameters import ParameterSpec

__all__ = ["OscPortInUse", "OscServer"]

log = logging.getLogger(__name__)

WORK_NS = (
    2_000_000  # of the event loop's time before others have their turn (twice where a timer meets input)
)
NOTE_LEAD_NS = (
    500_000_000  # notes go to the kernel this long before they are due, not earlier: its list is finite
)
LATE_NOTE_NS = (
    100_000_000  # a note less late than this keeps its due time; the kernel's latency may still cover it
)


class OscServer:
    """Receives OSC, answers, and tells listeners of changes. Everything runs on the control thread.

    Parameters
    ----------
    surface : the controller.
    host : text IP address (or ``localhost``) to bind; loopback unless told otherwise.
    port : UDP port; 0 lets the system choose.
    catalogue : the parameters that become addresses.
    clock : for tests; CLOCK_MONOTONIC and the wall clock otherwise.

    Attributes
    ----------
    counters : what came in and what was refused.
    """

    def __init__(
        self,
        surface: Surface,
        host: str = "127.0.0.1",
        port: int = 9700,
        catalogue: Mapping[str, ParameterSpec] = CATALOGUE,
        clock: NtpClock | None = None,
    ) -> None:
        self.counters = Counters()
        self._surface = surface
        self._wanted = (host, port)
        self._catalogue = catalogue
        self._clock = clock or NtpClock()
        self._dispatcher = Dispatcher(catalogue)
        self._listeners = Listeners(self._send_to_listener, self._is_own)
        self._elements: Iterator[Message | OscError] = iter(())  # of the present packet
        self._ready: deque[Ready] = deque()
        self._waiting = WaitingMessages()
        self._log_allowance = Allowance(per_s=1.0, burst=5.0)
        self._release_timer: asyncio.TimerHandle | None = None
        self._flush_timer: asyncio.Handle | None = None
        self._work_handle: asyncio.Handle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Bind the port and begin to listen.

        Raises
        ------
        OscPortInUse
            if another program has the port.
        OSError
            if the address is not one of this machine's.
        """
        self._udp = UdpSocket(*self._wanted, self._clock)
        self._replies = ReplySender(self._udp, self.counters, self._clock.monotonic_ns)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._udp.fileno(), self._work)

    def stop(self) -> None:
        """Give the port back; stopping twice does no harm."""
        if self._loop is None:
            return
        self._loop.remove_reader(self._udp.fileno())
        self._loop = None
        for handle in (self._release_timer, self._flush_timer, self._work_handle):
            if handle is not None:
                handle.cancel()
        self._release_timer = self._flush_timer = self._work_handle = None
        self._waiting.clear()
        self._ready.clear()
        self._elements = iter(())
        self._replies.close()
        self._udp.close()

    @property
    def port(self) -> int:
        """The bound UDP port; the wanted one before the start."""
        return self._wanted[1] if self._loop is None else self._udp.endpoint.port

    @property
    def listeners(self) -> Listeners:
        """Who hears of changes."""
        return self._listeners

    def parameter_changed(self, path: str, value: float, source: str) -> None:
        """Tell the listeners, except the one the change came from; the controller calls this."""
        if (
            self._loop is not None
            and self._listeners.changed(path, value, source)
            and self._flush_timer is None
        ):
            self._flush_timer = self._loop.call_soon(self._flush_listeners)

    def forget_waiting(self) -> None:
        """Drop everything that waits for its time tag."""
        self._waiting.clear()

    def describe_addresses(self) -> Iterator[tuple[str, str, str]]:
        """Address, arguments and description of every row."""
        return self._dispatcher.descriptions()

    def parameter_paths(self) -> Iterable[str]:
        """The catalogue's paths, in its order."""
        return self._catalogue

    def report(self) -> Iterable[tuple[str, Argument]]:
        """The door's own counters, as ``/status`` rows."""
        yield from ((f"osc_{name}", count) for name, count in asdict(self.counters).items())
        yield "osc_waiting", len(self._waiting)
        yield "osc_listeners", len(self._listeners.endpoints())

    def _work(self) -> None:
        """Act on what is ready and read on, but give the event loop back after a while."""
        if self._work_handle is not None:
            self._work_handle.cancel()
            self._work_handle = None
        end_ns = self._clock.monotonic_ns() + WORK_NS
        while self._loop is not None:
            if self._clock.monotonic_ns() >= end_ns:
                self._work_handle = self._loop.call_soon(self._work)
                return
            if self._ready:
                self._perform(self._ready.popleft())
            elif not self._read_element() and not self._receive():
                return

    def _read_element(self) -> bool:
        """Read on in the present packet; False at its end."""
        element = next(self._elements, None)
        if element is None:
            return False
        if isinstance(element, OscError):
            self.counters.malformed += 1
            self._refuse(self._datagram.sender, element.address, str(element))
        else:
            self._take(Ready(element, self._datagram.sender, self._datagram.arrival_ns))
        return True

    def _receive(self) -> bool:
        """Take the next packet; False if there is none."""
        datagram = self._udp.receive()
        if datagram is None:
            return False
        self.counters.received += 1
        self.counters.lost = self._udp.lost
        self._datagram = datagram
        self._elements = read_packet(datagram.data)
        return True

    def _take(self, arrived: Ready) -> None:
        """Now or later, by the message's time tag."""
        message, sender, arrival_ns = arrived
        if message.time_tag is None:
            self._ready.append(arrived)
            return
        is_note = self._dispatcher.is_note(message.address)
        due_ns = self._clock.tag_to_monotonic_ns(message.time_tag)
        ahead_ns = due_ns - arrival_ns
        if ahead_ns < 0:
            self.counters.late += 1
            self._ready.append(arrived._replace(stamp_ns=due_ns) if ahead_ns > -LATE_NOTE_NS else arrived)
        elif ahead_ns > MAX_AHEAD_NS:
            text = f"due {ahead_ns / 1e9:.3g} s ahead, more than {MAX_AHEAD_NS // 10**9} s; acted on at once"
            self._refuse(sender, message.address, text)
            self._ready.append(arrived)
        else:
            timed = arrived._replace(stamp_ns=due_ns)
            release_ns = due_ns - NOTE_LEAD_NS if is_note else due_ns
            if release_ns <= arrival_ns or not self._keep(release_ns, timed):
                self._ready.append(timed if is_note else arrived)

    def _keep(self, release_ns: int, ready: Ready) -> bool:
        if not self._waiting.push(release_ns, ready):
            text = f"{MAX_WAITING} messages wait for their time already; acted on at once"
            self._refuse(ready.sender, ready.message.address, text)
            return False
        self._arm_release()
        return True

    def _arm_release(self) -> None:
        if self._release_timer is not None:
            self._release_timer.cancel()
        next_ns = self._waiting.next_release_ns()
        if next_ns is None or self._loop is None:
            self._release_timer = None
        else:
            delay_s = (next_ns - self._clock.monotonic_ns()) / 1e9
            self._release_timer = self._loop.call_later(max(delay_s, 0.0), self._release)

    def _release(self) -> None:
        self._ready.extend(self._waiting.pop_until(self._clock.monotonic_ns()))
        self._release_timer = None
        self._arm_release()
        self._work()

    def _perform(self, ready: Ready) -> None:
        """The outermost loop: whatever a handler does, the door stays open."""
        message, sender, stamp_ns = ready
        if message.address in IGNORED:
            return
        source = f"osc:{sender.host}:{sender.port}"
        try:
            call = Call(message.address, message.arguments, stamp_ns, sender, source, self._surface, self)
            self._replies.send(self._dispatcher.perform(call), sender)
        except OscError as fault:
            self._refuse(sender, message.address, str(fault))
        except UnknownAddressError:
            self._replies.send_error(sender, lambda: self._explain_unknown(message))
        except Exception:
            self.counters.failures += 1
            if self._log_allowance.take(1.0, self._clock.monotonic_ns()):
                log.exception("OSC %s failed (failure %d)", message.address, self.counters.failures)
            self._refuse(sender, message.address, "failed inside the daemon; its log says why")

    def _explain_unknown(self, message: Message) -> tuple[str, tuple[Argument, ...]]:
        return error_reply(message.address, self._dispatcher.explain_unknown(message.address))

    def _refuse(self, sender: Endpoint, address: str, text: str) -> None:
        self._replies.send_error(sender, lambda: error_reply(address, text))

    def _flush_listeners(self) -> None:
        self._flush_timer = None
        now_ns = self._clock.monotonic_ns()
        next_ns = self._listeners.flush(now_ns)
        if next_ns is not None and self._loop is not None:
            self._flush_timer = self._loop.call_later((next_ns - now_ns) / 1e9, self._flush_listeners)

    def _send_to_listener(self, datagram: bytes, endpoint: Endpoint) -> None:
        self._replies.send_datagram(datagram, endpoint)

    def _is_own(self, endpoint: Endpoint) -> bool:
        return endpoint == self._wanted if self._loop is None else self._udp.is_own(endpoint)
