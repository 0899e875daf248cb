from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from daemon.midi.stamps import ArrivalClock

MS = 1_000_000
gaps_ms = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 400)), min_size=1, max_size=60)


def test_a_busy_interpreter_does_not_delay_the_stamp() -> None:
    clock = ArrivalClock()
    assert clock.stamp(0.0, 1000 * MS) == 1000 * MS
    assert clock.stamp(0.1, 1100 * MS) == 1100 * MS
    assert abs(clock.stamp(0.1, 1220 * MS) - 1200 * MS) < 0.1 * MS  # read 20 ms late


def test_the_first_message_read_late_is_corrected_by_the_next() -> None:
    clock = ArrivalClock()
    clock.stamp(0.0, 1010 * MS)  # arrived at 1000, nobody can know
    assert clock.stamp(0.1, 1100 * MS) == 1100 * MS
    assert abs(clock.stamp(0.1, 1205 * MS) - 1200 * MS) < 0.1 * MS


def test_time_the_driver_lost_is_given_up() -> None:
    clock = ArrivalClock()
    clock.stamp(0.0, 1000 * MS)
    assert clock.stamp(0.1, 3000 * MS) == 3000 * MS


def test_a_little_lost_time_is_found_out_after_a_window_of_messages() -> None:
    clock, stamp_ns = ArrivalClock(), 0
    clock.stamp(0.0, 1000 * MS)
    for message in range(1, 140):
        stamp_ns = clock.stamp(0.1, (1200 + 100 * message) * MS)  # 200 ms were lost at the start
    assert stamp_ns == (1200 + 100 * 139) * MS


def test_a_driver_clock_that_runs_slow_is_followed() -> None:
    clock, stamp_ns = ArrivalClock(), 0
    clock.stamp(0.0, 0)
    for second in range(1, 7200):  # two hours at 20 ppm
        stamp_ns = clock.stamp(1.0 - 20e-6, second * 1000 * MS)
    assert abs(stamp_ns - 7199 * 1000 * MS) < 2 * MS


def test_nonsense_from_the_driver_is_taken_as_now() -> None:
    clock = ArrivalClock()
    for nonsense in (math.nan, -1.0, math.inf, 1e300):
        assert clock.stamp(nonsense, 5000 * MS) == 5000 * MS


@given(gaps_ms)
def test_stamps_never_run_backwards_nor_ahead_and_miss_by_no_more_than_the_reading_delay(
    gaps: list[tuple[int, int]],
) -> None:
    clock, arrival_ms, previous_ns, read_ns = ArrivalClock(), 1000, 0, 0
    for number, (gap_ms, delay_ms) in enumerate(gaps):
        arrival_ms += gap_ms
        read_ns = max(read_ns, (arrival_ms + delay_ms) * MS)
        stamp_ns = clock.stamp(gap_ms / 1000 if number else 0.0, read_ns)
        assert previous_ns <= stamp_ns <= read_ns
        assert stamp_ns >= arrival_ms * MS - 1000  # never earlier than it came (rounding aside)
        previous_ns = stamp_ns
