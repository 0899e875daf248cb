"""When a block starts: the callbacks' times, smoothed.

A callback comes late by whatever the scheduler did; the sound it renders does not. A delay-locked
loop over the callbacks' times tells where on the clock a block's first frame lies, so that an
event's place in the block does not shake with the scheduler.
"""

from __future__ import annotations

import math

from synth_engine.kernel.toolchain import kernel

BANDWIDTH_HZ = 0.5
LONGEST_ERROR_PERIODS = 3.0
LONGEST_ERROR_NS = 10.0e6  # a host that runs blocks in bursts is not a gap
WIDEST_PERIOD = 0.05  # no device's clock is 5 % off; this bounds the loop, whatever it is fed


@kernel
def track_block_time(telemetry, now_ns, frames):
    """Filtered start of this block, after which the telemetry says the same.

    Parameters
    ----------
    telemetry : TELEMETRY record
    now_ns : int64
        When the callback came.
    frames : int64
        Of this block.

    Source
    ------
    F. Adriaensen, "Using a DLL to filter time", Linux Audio Conference 2005, with the present
    error counted into the present time. Started again after a gap.
    """
    nominal_ns = frames * 1e9 / telemetry.rate_hz
    last_ns = telemetry.last_block_ns
    last_frames = telemetry.block_frames
    period_ns = telemetry.block_period_ns
    error_ns = now_ns - (telemetry.block_time_ns + period_ns)
    bound_ns = max(LONGEST_ERROR_NS, LONGEST_ERROR_PERIODS * period_ns)
    telemetry.last_block_ns = now_ns
    telemetry.block_frames = frames
    if last_ns == 0 or last_frames <= 0 or not abs(error_ns) <= bound_ns:
        telemetry.block_time_ns = now_ns
        telemetry.block_period_ns = nominal_ns
        telemetry.loop_error_ns = 0.0
        return float(now_ns)
    omega = 2.0 * math.pi * BANDWIDTH_HZ * period_ns * 1e-9
    block_time_ns = telemetry.block_time_ns + period_ns + min(1.0, math.sqrt(2.0) * omega) * error_ns
    period_ns = (period_ns + min(1.0, omega * omega) * error_ns) * frames / last_frames
    lowest_ns, highest_ns = (1.0 - WIDEST_PERIOD) * nominal_ns, (1.0 + WIDEST_PERIOD) * nominal_ns
    telemetry.block_time_ns = block_time_ns
    telemetry.block_period_ns = min(max(period_ns, lowest_ns), highest_ns)
    telemetry.loop_error_ns = error_ns
    return block_time_ns
