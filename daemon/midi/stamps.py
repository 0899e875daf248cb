"""When a message really arrived, told from RtMidi's time since the previous one."""

from __future__ import annotations

_WINDOW_MESSAGES = 64  # of so many, one at least is read promptly
_LOST_NS = 1_000_000_000  # no reading delay any more: the driver's clock stood still, or messages were lost


class ArrivalClock:
    """Arrival stamps that a busy interpreter cannot delay.

    RtMidi notes, in its own thread and without the interpreter, the seconds between one message and the
    next; Python reads the message some time later. Adding up those seconds gives the arrival on the
    driver's clock. CLOCK_MONOTONIC at the reading, less that, is the offset between the clocks plus the
    reading delay; its smallest value is the offset. Taken anew from every window of messages, it
    follows a driver whose clock runs slow.

    Invariant: stamps never run backwards and never lie in the future.
    """

    def __init__(self) -> None:
        self._driver_ns = 0
        self._offset_ns: int | None = None
        self._window_offset_ns = 0
        self._window_count = 0
        self._last_stamp_ns = 0

    def stamp(self, seconds_since_previous: float, now_ns: int) -> int:
        """CLOCK_MONOTONIC ns at which the message arrived; ``now_ns`` is when it was read."""
        if not 0.0 <= seconds_since_previous < 1e6:  # also catches NaN
            self._offset_ns = None
            seconds_since_previous = 0.0
        self._driver_ns += round(seconds_since_previous * 1e9)
        arrival_ns = self._driver_ns + self._offset(now_ns - self._driver_ns)
        arrival_ns = min(max(arrival_ns, self._last_stamp_ns), now_ns)
        self._last_stamp_ns = arrival_ns
        return arrival_ns

    def _offset(self, seen_ns: int) -> int:
        if self._offset_ns is None or seen_ns - self._offset_ns > _LOST_NS:
            self._offset_ns, self._window_count = seen_ns, 0
        self._window_offset_ns = min(self._window_offset_ns, seen_ns) if self._window_count else seen_ns
        self._window_count += 1
        self._offset_ns = min(self._offset_ns, seen_ns)
        if self._window_count == _WINDOW_MESSAGES:
            self._offset_ns, self._window_count = self._window_offset_ns, 0
        return self._offset_ns
