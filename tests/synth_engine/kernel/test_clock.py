from __future__ import annotations

import numpy as np
import pytest

from synth_engine.abi import TELEMETRY
from synth_engine.kernel.clock import track_block_time

PERIOD_NS = 128e9 / 48_000


def telemetry() -> np.void:
    record = np.zeros(1, TELEMETRY)[0]
    record["rate_hz"] = 48_000
    return record


def test_the_block_time_is_much_steadier_than_the_callbacks() -> None:
    record, random = telemetry(), np.random.default_rng(5)
    lateness_ns = random.exponential(200_000.0, 6000)
    errors_ns = []
    for number, late_ns in enumerate(lateness_ns):
        exact_ns = 1e12 + number * PERIOD_NS
        errors_ns.append(track_block_time(record, int(exact_ns + late_ns), 128) - exact_ns)
    settled_ns = np.array(errors_ns[2000:])
    assert settled_ns.std() < lateness_ns.std() / 8
    assert settled_ns.mean() == pytest.approx(200_000.0, abs=30_000)  # the mean lateness cannot be known


def test_a_device_clock_that_is_off_is_followed() -> None:
    record = telemetry()
    period_ns = PERIOD_NS * 1.002
    for number in range(6000):
        block_time_ns = track_block_time(record, int(1e12 + number * period_ns), 128)
    assert record["block_period_ns"] == pytest.approx(period_ns, rel=1e-6)
    assert block_time_ns == pytest.approx(1e12 + 5999 * period_ns, abs=100.0)


def test_after_a_gap_the_clock_starts_anew() -> None:
    record = telemetry()
    for number in range(100):
        track_block_time(record, int(1e12 + number * PERIOD_NS), 128)
    later_ns = int(2e12)
    assert track_block_time(record, later_ns, 128) == later_ns
    assert record["block_period_ns"] == pytest.approx(PERIOD_NS)
    assert track_block_time(record, later_ns - 10**11, 128) == later_ns - 10**11  # and after a step back


def test_blocks_of_changing_length_are_timed_by_their_own_length() -> None:
    record, frames = telemetry(), 0
    random = np.random.default_rng(1)
    for count in random.integers(16, 1024, 2000).tolist():
        block_time_ns = track_block_time(record, round(1e12 + frames * 1e9 / 48_000), count)
        assert block_time_ns == pytest.approx(1e12 + frames * 1e9 / 48_000, abs=5.0)
        frames += count


def test_whatever_the_times_the_period_stays_near_its_nominal_value() -> None:
    record, random = telemetry(), np.random.default_rng(2)
    now_ns = int(1e12)
    for _ in range(3000):
        now_ns += int(random.uniform(0, 2.5) * PERIOD_NS)
        track_block_time(record, now_ns, 128)
        assert record["block_period_ns"] == pytest.approx(PERIOD_NS, rel=0.0501)


def test_compiled_and_plain_python_agree() -> None:
    compiled, plain = telemetry(), np.zeros(1, np.dtype((np.record, TELEMETRY)))[0]
    plain["rate_hz"] = 48_000
    for number in range(200):
        now_ns = int(1e12 + number * PERIOD_NS + 1e5 * np.sin(number))
        assert track_block_time(compiled, now_ns, 128) == pytest.approx(
            track_block_time.py_func(plain, now_ns, 128), abs=1.0
        )
