"""From the sum of the voices to two channels: smoothed gains, panning, soft limiter."""

from __future__ import annotations

import math

import numpy as np

from synth_engine.abi import CHANNEL_COUNT, KernelParameter
from synth_engine.kernel.toolchain import kernel

MASTER_GAIN = int(KernelParameter.MASTER_GAIN)
VOLUME = int(KernelParameter.VOLUME)
EXPRESSION = int(KernelParameter.EXPRESSION)
PAN = int(KernelParameter.PAN)
TUNE_SEMITONES = int(KernelParameter.TUNE_SEMITONES)
LIMITER_GAIN = int(KernelParameter.LIMITER_GAIN)

TICK_FRAMES = 32  # pitch and gain targets move on this grid of absolute frames, whatever the block size
SMOOTHING_S = 0.010
CLOSING_S = 0.003
LIMITER_ATTACK_S = 0.001
LIMITER_RELEASE_S = 0.15
KNEE = 10.0 ** (-3.0 / 20.0)  # of the ceiling; below it the limiter passes every bit
SETTLED = 1.0e-6
LOWEST_CEILING = 1.0e-3


@kernel
def approach(value, target, share):
    """One step of a one-pole filter; arrives exactly once it is near, or if the target is no number."""
    if not abs(target - value) > SETTLED:
        return target
    return value + (target - value) * share


@kernel
def smoothing_share(frames, time_s, rate_hz):
    """How much of the distance a one-pole filter of ``time_s`` covers in ``frames``."""
    return 1.0 - math.exp(-frames / (time_s * rate_hz))


@kernel
def smooth_controls(engine):
    """One tick: tuning, limiter ceiling and every channel's bend move towards where they should be."""
    share = smoothing_share(TICK_FRAMES, SMOOTHING_S, engine.telemetry.rate_hz)
    for index in range(engine.parameters.size):
        engine.smoothed[index] = approach(engine.smoothed[index], engine.parameters[index], share)
    for index in range(CHANNEL_COUNT):
        channel = engine.channels[index]
        channel.bend_smoothed = approach(channel.bend_smoothed, channel.bend_semitones, share)


@kernel
def snap_controls(engine):
    """Everything smoothed is where it should be: the first block starts without a glide."""
    for index in range(engine.parameters.size):
        engine.smoothed[index] = engine.parameters[index]
    engine.left_gain, engine.right_gain = target_gains(engine.parameters)


@kernel
def target_gains(parameters):
    """Gains of left and right: constant power, -3 dB each in the middle."""
    gain = parameters[MASTER_GAIN] * parameters[VOLUME] * parameters[EXPRESSION]
    angle = (min(max(parameters[PAN], -1.0), 1.0) + 1.0) * (math.pi / 4.0)
    if not abs(gain) < 1.0e3:
        gain = 0.0
    return gain * math.cos(angle), gain * math.sin(angle)


@kernel
def limited(peak, ceiling):
    """What a size becomes: itself up to the knee, then, without a corner, ever closer to the ceiling."""
    knee = ceiling * KNEE
    if peak <= knee:
        return peak
    over = (peak - knee) / (ceiling - knee)
    return knee + (ceiling - knee) * over / (1.0 + over)


@kernel
def followed(peak, level, attack, release):
    """The limiter's peak after one more frame: within a millisecond upwards, slowly downwards."""
    if level > peak:
        return peak + (level - peak) * attack
    return peak * release


@kernel
def finish(engine, samples, begin, count, closing):
    """Column 0 holds the sum of the voices; make two channels of it, limited.

    The limiter follows the larger channel's peak and turns a loud passage down to the knee instead of
    bending its waves; both channels get the same gain. It needs a millisecond for that, without a
    jump in the gain that would be heard as a click, and adds no delay; what sticks out meanwhile is bent.
    """
    telemetry, rate_hz = engine.telemetry, engine.telemetry.rate_hz
    left_target, right_target = target_gains(engine.parameters)
    share = smoothing_share(1.0, SMOOTHING_S, rate_hz)
    if closing:
        left_target, right_target = 0.0, 0.0
        share = smoothing_share(1.0, CLOSING_S, rate_hz)
    ceiling = max(engine.parameters[LIMITER_GAIN], LOWEST_CEILING)
    knee = ceiling * KNEE
    attack = smoothing_share(1.0, LIMITER_ATTACK_S, rate_hz)
    release = math.exp(-1.0 / (LIMITER_RELEASE_S * rate_hz))
    left_gain, right_gain, peak = engine.left_gain, engine.right_gain, engine.limiter_peak
    top_left, top_right = 0.0, 0.0
    limited_frames = 0
    for row in range(begin, begin + count):
        mono = float(samples[row, 0])
        left_gain = approach(left_gain, left_target, share)
        right_gain = approach(right_gain, right_target, share)
        left, right = mono * left_gain, mono * right_gain
        level = max(abs(left), abs(right))
        peak = followed(peak, level, attack, release)
        if peak > knee or level > knee:
            scale = min(knee / peak, 1.0)
            if level * scale > knee:
                scale = limited(level * scale, ceiling) / level
            left *= scale
            right *= scale
            limited_frames += 1
        elif peak < SETTLED:
            peak = 0.0
        top_left = max(top_left, abs(left))
        top_right = max(top_right, abs(right))
        samples[row, 0] = np.float32(left)
        samples[row, 1] = np.float32(right)
    engine.left_gain, engine.right_gain, engine.limiter_peak = left_gain, right_gain, peak
    telemetry.limited_frames += limited_frames
    telemetry.peak_left = max(telemetry.peak_left, np.float32(top_left))
    telemetry.peak_right = max(telemetry.peak_right, np.float32(top_right))
