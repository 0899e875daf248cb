"""OSC time tags against the monotonic clock, and the messages that wait for their time."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from daemon.osc.codec import Message
from daemon.osc.endpoints import Endpoint

MAX_WAITING = 1024
MAX_AHEAD_NS = 10_000_000_000
NTP_TO_UNIX_S = 2_208_988_800  # 1900 to 1970
_ERA_TICKS = 1 << 64
_HELD_OFFSET_NS = 100_000  # readings differ by microseconds; a step or slew of the clock by more
_TRUSTED_READING_NS = 50_000  # between two looks at one clock; longer means the thread was interrupted


class NtpClock:
    """Converts wall-clock times to CLOCK_MONOTONIC.

    The distance between the clocks is held while a fresh reading agrees within 0.1 ms, so that bundles one
    sample apart stay one sample apart; when the wall clock is set, the next reading follows it.
    """

    def __init__(
        self,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        unix_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.monotonic_ns = monotonic_ns
        self._unix_ns = unix_ns
        self._offset_ns = min(self._read_offset_ns() for _ in range(5))[1]

    def unix_to_monotonic_ns(self, unix_ns: int) -> int:
        """CLOCK_REALTIME nanoseconds to CLOCK_MONOTONIC nanoseconds."""
        reading_ns, fresh_ns = self._read_offset_ns()
        if reading_ns < _TRUSTED_READING_NS and abs(fresh_ns - self._offset_ns) > _HELD_OFFSET_NS:
            self._offset_ns = fresh_ns
        return unix_ns - self._offset_ns

    def _read_offset_ns(self) -> tuple[int, int]:
        """How long the reading took, and how far the wall clock is ahead of the monotonic one."""
        before_ns = self.monotonic_ns()
        unix_ns = self._unix_ns()
        after_ns = self.monotonic_ns()
        return after_ns - before_ns, unix_ns - (before_ns + after_ns) // 2

    def tag_to_monotonic_ns(self, time_tag: int) -> int:
        """A 64-bit time tag to CLOCK_MONOTONIC nanoseconds, in the NTP era nearest to now (2036 is near)."""
        now_tag = unix_ns_to_tag(self._unix_ns())
        nearest_tag = now_tag + (time_tag - now_tag + _ERA_TICKS // 2) % _ERA_TICKS - _ERA_TICKS // 2
        return self.unix_to_monotonic_ns((nearest_tag * 1_000_000_000 >> 32) - NTP_TO_UNIX_S * 1_000_000_000)


def unix_ns_to_tag(unix_ns: int) -> int:
    """CLOCK_REALTIME nanoseconds to 2**-32 s since 1900, without wrapping at the end of an era."""
    return ((unix_ns + NTP_TO_UNIX_S * 1_000_000_000) << 32) // 1_000_000_000


class Ready(NamedTuple):
    """A message to be acted on, with the time it stands for (CLOCK_MONOTONIC ns)."""

    message: Message
    sender: Endpoint
    stamp_ns: int


class WaitingMessages:
    """A bounded heap; messages released at the same time keep their order."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Ready]] = []
        self._pushed = 0

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, release_ns: int, ready: Ready) -> bool:
        """Keep the message until then; False if there is no place."""
        if len(self._heap) >= MAX_WAITING:
            return False
        self._pushed += 1
        heapq.heappush(self._heap, (release_ns, self._pushed, ready))
        return True

    def next_release_ns(self) -> int | None:
        """When the first waiting message wants to go."""
        return self._heap[0][0] if self._heap else None

    def pop_until(self, now_ns: int) -> Iterator[Ready]:
        """Messages whose time has come, earliest first."""
        while self._heap and self._heap[0][0] <= now_ns:
            yield heapq.heappop(self._heap)[2]

    def clear(self) -> None:
        """Forget everything that waits."""
        self._heap.clear()
