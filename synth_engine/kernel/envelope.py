"""Envelope of a voice, one frame at a time: linear attack, exponential decay and release."""

from __future__ import annotations

import math

from synth_engine.abi import VoiceStage
from synth_engine.kernel.toolchain import kernel

FREE = int(VoiceStage.FREE)
ATTACK = int(VoiceStage.ATTACK)
DECAY = int(VoiceStage.DECAY)
SUSTAIN = int(VoiceStage.SUSTAIN)
RELEASE = int(VoiceStage.RELEASE)

SILENT_GAIN = 3.0e-5  # -90 dB: below this a releasing voice has ended
SETTLED_GAIN = 1.0e-4  # decay counts as sustain from this distance on
LN_60_DB = math.log(1000.0)
SHORTEST_S = 1.0e-6


@kernel
def decay_factor(time_s, rate_hz):
    """Factor per frame that falls by 60 dB in ``time_s``."""
    return math.exp(-LN_60_DB / (max(time_s, SHORTEST_S) * rate_hz))


@kernel
def attack_step(time_s, rate_hz):
    """Gain added per frame so that full level comes after ``time_s``; at most 1."""
    return min(1.0, 1.0 / (max(time_s, SHORTEST_S) * rate_hz))


@kernel
def next_gain(stage, gain, step, sustain, decay, release):
    """Stage and gain of the next frame.

    Parameters
    ----------
    stage : int
        A VoiceStage other than FREE.
    gain : float64
        Of the last frame, 0..1.
    step, decay, release : float64
        Of `attack_step` and `decay_factor`.
    sustain : float64
        Level the decay tends to, 0..1.

    Returns
    -------
    stage, gain
        FREE when the voice has become silent for good.
    """
    if stage == ATTACK:
        gain += step
        if gain >= 1.0:
            return DECAY, 1.0
        return ATTACK, gain
    if stage == RELEASE:
        gain *= release
        if gain < SILENT_GAIN:
            return FREE, 0.0
        return RELEASE, gain
    gain = sustain + (gain - sustain) * decay
    if gain < SILENT_GAIN:
        return FREE, 0.0
    settled = stage == SUSTAIN or abs(gain - sustain) <= SETTLED_GAIN
    return SUSTAIN if settled else DECAY, gain
