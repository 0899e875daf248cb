"""What each kind of event does. All of them act between two frames."""

from __future__ import annotations

import math

from synth_engine.abi import (
    CHANNEL_COUNT,
    KEY_COUNT,
    NO_SLOT,
    NOTE_SECONDS,
    EventKind,
    KernelParameter,
    ReturnKind,
)
from synth_engine.kernel.envelope import FREE
from synth_engine.kernel.slots import RESERVED_RETURNS, post_return
from synth_engine.kernel.toolchain import kernel
from synth_engine.kernel.voices import (
    ALL_CHANNELS,
    ALL_VOICES,
    concerns,
    cut_voices,
    lift_key,
    release_unheld,
    retrigger,
    start_voice,
)

NOTE_ON = int(EventKind.NOTE_ON)
NOTE_OFF = int(EventKind.NOTE_OFF)
SUSTAIN = int(EventKind.SUSTAIN)
PITCH_BEND = int(EventKind.PITCH_BEND)
ALL_NOTES_OFF = int(EventKind.ALL_NOTES_OFF)
ALL_SOUND_OFF = int(EventKind.ALL_SOUND_OFF)
RESET_CONTROLLERS = int(EventKind.RESET_CONTROLLERS)
RETUNE = int(EventKind.RETUNE)
NOTE_STARTED = int(ReturnKind.NOTE_STARTED)
VELOCITY_CURVE = int(KernelParameter.VELOCITY_CURVE)
START_S = int(KernelParameter.START_S)


@kernel
def velocity_gain(velocity, curve):
    """``velocity ** curve``; 1 for every velocity if the curve is 0."""
    return min(max(velocity, 0.0), 1.0) ** max(curve, 0.0)


@kernel
def settle_bend(engine, channel):
    """A channel where nothing sounds takes its bend at once: MPE sends it before the note."""
    for index in range(ALL_VOICES):
        voice = engine.voices[index]
        if voice.stage != FREE and voice.channel == channel:
            return
    engine.channels[channel].bend_smoothed = engine.channels[channel].bend_semitones


@kernel
def begin_note(engine, event, frame):
    """NOTE_ON at the absolute output frame ``frame``."""
    key, channel = event.key, event.channel
    if engine.keys[key].slot == NO_SLOT:
        engine.telemetry.silent_keys += 1
        return
    retrigger(engine, key, channel)
    if 0 <= channel < CHANNEL_COUNT:
        settle_bend(engine, channel)
    gain = velocity_gain(event.value, engine.parameters[VELOCITY_CURVE])
    position = min(max(engine.parameters[START_S], 0.0), NOTE_SECONDS)
    index = start_voice(engine, key, channel, gain, position, event.stamp_ns, frame)
    engine.telemetry.notes_started += 1
    slot = engine.voices[index].slot
    post_return(engine.returns, RESERVED_RETURNS, NOTE_STARTED, key, channel, slot, event.stamp_ns, frame)


@kernel
def lift_all(engine, channel):
    """Every key of ``channel`` (-1: of all) goes up; pedals still hold."""
    for index in range(ALL_VOICES):
        voice = engine.voices[index]
        if voice.stage != FREE and voice.held and concerns(channel, voice.channel):
            voice.held = 0
    release_unheld(engine)


@kernel
def reset_channels(engine, channel):
    """Bend 0 and pedal up on ``channel`` (-1: on all)."""
    for index in range(CHANNEL_COUNT):
        if concerns(channel, index):
            engine.channels[index].bend_semitones = 0.0
            engine.channels[index].sustain = 0
    release_unheld(engine)


@kernel
def is_valid(event):
    """Whether a timed event names things that exist; a faulty one is dropped and counted."""
    if not math.isfinite(event.value):
        return False
    kind = event.kind
    if kind in (ALL_NOTES_OFF, ALL_SOUND_OFF, RESET_CONTROLLERS):
        return -1 <= event.channel < CHANNEL_COUNT
    if kind in (NOTE_ON, NOTE_OFF):
        return 0 <= event.key < KEY_COUNT and 0 <= event.channel < CHANNEL_COUNT
    if kind in (SUSTAIN, PITCH_BEND):
        return 0 <= event.channel < CHANNEL_COUNT
    return kind == RETUNE and 0 <= event.key < KEY_COUNT


@kernel
def apply_event(engine, event, frame):
    """Carry out one valid event at the absolute output frame ``frame``."""
    kind, channel = event.kind, event.channel
    if kind == NOTE_ON and event.value > 0.0:
        begin_note(engine, event, frame)
    elif kind in (NOTE_ON, NOTE_OFF):
        lift_key(engine, event.key, channel)
    elif kind == SUSTAIN:
        engine.channels[channel].sustain = 1 if event.value >= 0.5 else 0
        release_unheld(engine)
    elif kind == PITCH_BEND:
        engine.channels[channel].bend_semitones = event.value
    elif kind == ALL_NOTES_OFF:
        lift_all(engine, channel)
    elif kind == ALL_SOUND_OFF:
        cut_voices(engine, channel)
    elif kind == RESET_CONTROLLERS:
        reset_channels(engine, channel)
    else:
        engine.keys[event.key].detune_semitones = event.value


@kernel
def silence_everything(engine):
    """Panic: every voice is cut, every pedal up, every bend straight, every waiting event forgotten."""
    engine.pending_count = 0
    cut_voices(engine, ALL_CHANNELS)
    reset_channels(engine, ALL_CHANNELS)
