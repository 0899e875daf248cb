"""When a message really arrived, told from RtMidi's time since the previous one."""

from __future__ import annotations

_CREEP_PER_SECOND_NS = 50_000  # lets the estimate follow a driver clock up to 50 ppm slower than ours
_REANCHOR_NS = 30_000_000  # later than this is not a busy interpreter any more but lost driver time


class ArrivalClock:
    """Arrival stamps that a busy interpreter cannot delay.

    RtMidi notes, in its own thread and without the interpreter, the seconds between one message and the
    next; Python reads the message some time later. Adding up those seconds gives the arrival on the
    driver's clock; the smallest difference to CLOCK_MONOTONIC seen so far ties the two clocks together.

    Invariant: stamps never run backwards and never lie in the future.
    """

    def __init__(self) -> None:
        self._driver_ns = 0
        self._offset_ns: int | None = None
        self._last_stamp_ns = 0

    def stamp(self, seconds_since_previous: float, now_ns: int) -> int:
        """CLOCK_MONOTONIC ns at which the message arrived; ``now_ns`` is when it was read."""
        if not 0.0 <= seconds_since_previous < 1e6:  # also catches NaN
            self._offset_ns = None
            seconds_since_previous = 0.0
        elapsed_ns = round(seconds_since_previous * 1e9)
        self._driver_ns += elapsed_ns
        seen_ns = now_ns - self._driver_ns
        if self._offset_ns is None or seen_ns - self._offset_ns > _REANCHOR_NS:
            self._offset_ns = seen_ns
        else:
            creep_ns = int(seconds_since_previous * _CREEP_PER_SECOND_NS)
            self._offset_ns = min(self._offset_ns + creep_ns, seen_ns)
        arrival_ns = min(max(self._driver_ns + self._offset_ns, self._last_stamp_ns), now_ns)
        self._last_stamp_ns = arrival_ns
        return arrival_ns
