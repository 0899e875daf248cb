from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.parsing import osc_types

from daemon.osc.codec import Message
from daemon.osc.endpoints import Endpoint
from daemon.osc.time_tags import MAX_WAITING, NtpClock, Ready, WaitingMessages, unix_ns_to_tag

YEAR_2026_NS = 1_795_000_000 * 10**9
ERA_END_NS = 2_085_978_496 * 10**9  # 2036-02-07


class Clocks:
    """Two clocks set by hand."""

    def __init__(self, unix_ns: int = YEAR_2026_NS) -> None:
        self.monotonic_ns, self.unix_ns = 5_000_000_000, unix_ns
        self.pause_ns = 0
        self.ntp = NtpClock(lambda: self.monotonic_ns, self.read_unix_ns)

    def read_unix_ns(self) -> int:
        now_ns = self.unix_ns
        self.advance(self.pause_ns)
        return now_ns

    def advance(self, ns: int) -> None:
        self.monotonic_ns += ns
        self.unix_ns += ns


@given(st.integers(-(10**12), 10**12))
def test_a_tag_becomes_the_monotonic_time_it_means(ahead_ns):
    clocks = Clocks()
    due_ns = clocks.ntp.tag_to_monotonic_ns(unix_ns_to_tag(clocks.unix_ns + ahead_ns))
    assert abs(due_ns - clocks.monotonic_ns - ahead_ns) <= 1


def test_tags_of_the_next_era_are_in_the_future():
    clocks = Clocks(ERA_END_NS - 10**9)
    tag = unix_ns_to_tag(ERA_END_NS + 10**9) & (2**64 - 1)
    assert tag < 2**40
    assert abs(clocks.ntp.tag_to_monotonic_ns(tag) - clocks.monotonic_ns - 2 * 10**9) <= 1


def test_a_wobble_of_the_wall_clock_does_not_move_what_is_due():
    clocks = Clocks()
    tag = unix_ns_to_tag(clocks.unix_ns + 10**9)
    due_ns = clocks.ntp.tag_to_monotonic_ns(tag)
    clocks.unix_ns += 90_000
    assert clocks.ntp.tag_to_monotonic_ns(tag) == due_ns


def test_a_wall_clock_that_was_set_is_followed():
    clocks = Clocks()
    clocks.unix_ns += 3600 * 10**9
    due_ns = clocks.ntp.tag_to_monotonic_ns(unix_ns_to_tag(clocks.unix_ns))
    assert abs(due_ns - clocks.monotonic_ns) <= 1


def test_a_reading_that_was_interrupted_is_not_believed():
    clocks = Clocks()
    tag = unix_ns_to_tag(clocks.unix_ns + 10**9)
    due_ns = clocks.ntp.tag_to_monotonic_ns(tag)
    clocks.pause_ns = 5_000_000  # the thread sleeps between reading one clock and the other
    assert clocks.ntp.tag_to_monotonic_ns(tag) == due_ns


def ready(number: int) -> Ready:
    return Ready(Message(f"/{number}", (), None), Endpoint("127.0.0.1", 1), number)


@given(st.lists(st.integers(0, 20), max_size=50))
def test_waiting_messages_come_out_by_time_and_then_in_order(times):
    waiting = WaitingMessages()
    for number, time_ns in enumerate(times):
        assert waiting.push(time_ns, ready(number))
    assert waiting.next_release_ns() == min(times, default=None)
    early = [item.stamp_ns for item in waiting.pop_until(10)]
    late = [item.stamp_ns for item in waiting.pop_until(20)]
    assert early + late == sorted(range(len(times)), key=lambda number: times[number])
    assert all(times[number] <= 10 for number in early)


def test_only_so_many_messages_may_wait():
    waiting = WaitingMessages()
    assert all(waiting.push(1, ready(number)) for number in range(MAX_WAITING))
    assert not waiting.push(1, ready(0))
    waiting.clear()
    assert len(waiting) == 0


@pytest.mark.parametrize("ahead_ns", [250_000_000, 1_000_000])
def test_python_osc_writes_the_same_tags(ahead_ns):
    written = osc_types.write_date((YEAR_2026_NS + ahead_ns) / 1e9)
    assert abs(struct.unpack(">Q", written)[0] - unix_ns_to_tag(YEAR_2026_NS + ahead_ns)) < 2**32 // 1_000_000
