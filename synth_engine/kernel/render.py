"""One voice into the block: two layers read, crossfaded, enveloped, added."""

from __future__ import annotations

import numpy as np

from synth_engine.abi import BANK_RATE_HZ, CHANNEL_COUNT, NO_SLOT, NOTE_SECONDS, KernelParameter
from synth_engine.kernel.envelope import FREE, SHORTEST_S, attack_step, decay_factor, next_gain
from synth_engine.kernel.interpolation import interpolate
from synth_engine.kernel.layers import crossfade_gains, end_crossfade
from synth_engine.kernel.parts import move_on
from synth_engine.kernel.toolchain import kernel
from synth_engine.kernel.voices import CUT, RUN_OUT, STOLEN, free_voice

ATTACK_S = int(KernelParameter.ATTACK_S)
DECAY_S = int(KernelParameter.DECAY_S)
SUSTAIN_GAIN = int(KernelParameter.SUSTAIN_GAIN)
RELEASE_S = int(KernelParameter.RELEASE_S)
TUNE_SEMITONES = int(KernelParameter.TUNE_SEMITONES)
CROSSFADE_S = int(KernelParameter.CROSSFADE_S)
START_S = int(KernelParameter.START_S)

STOLEN_FADE_S = 0.005
CUT_FADE_S = 0.010
RUN_OUT_FADE_S = 0.100
DECLICK_S = 0.001  # shortest attack when a note does not start at its beginning
LOUDEST = np.float32(100.0)  # a note peaks near 1; what is beyond, or not a number, is a fault
HIGHEST_SEMITONES = 72.0  # keeps a layer's speed, and so its reach into the guard, bounded


@kernel
def layer_step(engine, voice, source_pitch):
    """Seconds of note per output frame, for a layer rendered at ``source_pitch``."""
    pitch = voice.key + engine.keys[voice.key].detune_semitones + engine.smoothed[TUNE_SEMITONES]
    if 0 <= voice.channel < CHANNEL_COUNT:
        pitch += engine.channels[voice.channel].bend_smoothed
    semitones = min(max(pitch - source_pitch, -HIGHEST_SEMITONES), HIGHEST_SEMITONES)
    return 2.0 ** (semitones / 12.0) / engine.telemetry.rate_hz


@kernel
def fade_step(voice, rate_hz):
    """What ``fade_gain`` loses per frame: 0 unless the voice is being stolen or cut."""
    if voice.fading == STOLEN:
        return 1.0 / (STOLEN_FADE_S * rate_hz)
    if voice.fading == CUT:
        return 1.0 / (CUT_FADE_S * rate_hz)
    if voice.fading == RUN_OUT:
        return 1.0 / (RUN_OUT_FADE_S * rate_hz)
    return 0.0


@kernel
def end_with_note(voice, step, rate_hz):
    """A voice whose slot ends, with no next part there, fades: a note's own end is quiet, a part's not."""
    if voice.fading or voice.next_slot != NO_SLOT:
        return
    left_s = (NOTE_SECONDS - voice.position) / (step * rate_hz)
    if voice.part_s > 0.0 and left_s < RUN_OUT_FADE_S:
        voice.fading = RUN_OUT
    elif left_s < STOLEN_FADE_S:
        voice.fading = STOLEN


@kernel
def smooth_step(share):
    """0..1 to 0..1 without a corner at either end: a fade that does not click."""
    return share * share * (3.0 - 2.0 * share)


@kernel
def render_voice(engine, notes, samples, voice, begin, count, frame):
    """Add ``count`` frames of ``voice`` to column 0 of ``samples`` from row ``begin`` on.

    Parameters
    ----------
    engine : ENGINE record
    notes : float32 (SLOT_COUNT, SLOT_STRIDE_FRAMES)
    samples : float32 (>= begin + count, 2)
    voice : VOICE record
        In use; freed when it ends within these frames.
    frame : int64
        Absolute output frame of row ``begin``.
    """
    parameters, rate_hz = engine.parameters, engine.telemetry.rate_hz
    attack_s = parameters[ATTACK_S]
    if parameters[START_S] > 0.0:
        attack_s = max(attack_s, DECLICK_S)
    attack = attack_step(attack_s, rate_hz)
    decay = decay_factor(parameters[DECAY_S], rate_hz)
    release = decay_factor(parameters[RELEASE_S], rate_hz)
    sustain = min(max(parameters[SUSTAIN_GAIN], 0.0), 1.0)
    crossfade_step = 1.0 / (max(parameters[CROSSFADE_S], SHORTEST_S) * rate_hz)

    move_on(engine.slots, voice)
    step = layer_step(engine, voice, voice.source_pitch)
    old_step = layer_step(engine, voice, voice.old_source_pitch)
    end_with_note(voice, step, rate_hz)
    fade = fade_step(voice, rate_hz)

    note = notes[voice.slot]
    old_note = notes[max(voice.old_slot, 0)]
    crossing = voice.old_slot != NO_SLOT
    stage, gain, position, fade_gain = voice.stage, voice.envelope_gain, voice.position, voice.fade_gain
    old_position, share, correlation = voice.old_position, voice.crossfade, voice.correlation
    velocity_gain = voice.velocity_gain
    bad_frames = 0
    for row in range(begin, begin + count):
        stage, gain = next_gain(stage, gain, attack, sustain, decay, release)
        fade_gain -= fade
        if stage == FREE or fade_gain <= 0.0 or position >= NOTE_SECONDS:
            stage = FREE
            break
        sample = interpolate(note, position * BANK_RATE_HZ)
        position += step
        if crossing:
            old_gain, new_gain = crossfade_gains(share, correlation)
            old_sample = np.float32(0.0)
            if old_position < NOTE_SECONDS:
                old_sample = interpolate(old_note, old_position * BANK_RATE_HZ)
            old_position += old_step
            sample = np.float32(sample * new_gain + old_sample * old_gain)
            share = min(share + crossfade_step, 1.0)
        if not abs(sample) <= LOUDEST:
            sample = np.float32(0.0)
            bad_frames += 1
        samples[np.uint64(row), 0] += np.float32(sample * gain * velocity_gain * smooth_step(fade_gain))

    voice.stage, voice.envelope_gain, voice.position, voice.fade_gain = stage, gain, position, fade_gain
    voice.old_position, voice.crossfade = old_position, share
    engine.telemetry.bad_frames += bad_frames
    if stage == FREE:
        free_voice(engine, voice, frame + count)
    elif crossing and share >= 1.0:
        end_crossfade(engine.slots, notes, voice)
