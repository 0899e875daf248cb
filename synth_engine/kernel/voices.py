"""Which voice plays what: starting, releasing, stealing, and moving on to another slot."""

from __future__ import annotations

from synth_engine.abi import (
    CHANNEL_COUNT,
    FADING_VOICE_COUNT,
    NO_SLOT,
    VOICE_COUNT,
    KernelParameter,
    ReturnKind,
)
from synth_engine.kernel.envelope import ATTACK, FREE, RELEASE
from synth_engine.kernel.slots import RESERVED_RETURNS, acquire_slot, post_return, release_slot
from synth_engine.kernel.toolchain import kernel

ALL_VOICES = VOICE_COUNT + FADING_VOICE_COUNT
NOTE_ENDED = int(ReturnKind.NOTE_ENDED)
SUSTAIN_PEDAL = int(KernelParameter.SUSTAIN_PEDAL)
SEMITONES = 12.0
ALL_CHANNELS = -1
STOLEN = 1  # values of ``fading``: how fast
CUT = 2
RUN_OUT = 3  # a held note ends because its next part has not come


@kernel
def copy_voice(target, source):
    """All fields of one voice record."""
    target.started_frame = source.started_frame
    target.event_stamp_ns = source.event_stamp_ns
    target.position = source.position
    target.old_position = source.old_position
    target.velocity_gain = source.velocity_gain
    target.envelope_gain = source.envelope_gain
    target.fade_gain = source.fade_gain
    target.crossfade = source.crossfade
    target.correlation = source.correlation
    target.source_pitch = source.source_pitch
    target.old_source_pitch = source.old_source_pitch
    target.pending_source_pitch = source.pending_source_pitch
    target.part_s = source.part_s
    target.leave_s = source.leave_s
    target.enter_s = source.enter_s
    target.old_leave_s = source.old_leave_s
    target.old_enter_s = source.old_enter_s
    target.stage = source.stage
    target.key = source.key
    target.channel = source.channel
    target.slot = source.slot
    target.old_slot = source.old_slot
    target.pending_slot = source.pending_slot
    target.next_slot = source.next_slot
    target.old_next_slot = source.old_next_slot
    target.held = source.held
    target.fading = source.fading


@kernel
def free_voice(engine, voice, frame):
    """End a voice: its layers go back to their slots, and control hears of it."""
    release_slot(engine.slots, voice.slot)
    release_slot(engine.slots, voice.old_slot)
    release_slot(engine.slots, voice.pending_slot)
    release_slot(engine.slots, voice.next_slot)
    release_slot(engine.slots, voice.old_next_slot)
    voice.slot = NO_SLOT
    voice.old_slot = NO_SLOT
    voice.pending_slot = NO_SLOT
    voice.next_slot = NO_SLOT
    voice.old_next_slot = NO_SLOT
    voice.stage = FREE
    voice.held = 0
    voice.fading = 0
    post_return(
        engine.returns,
        RESERVED_RETURNS,
        NOTE_ENDED,
        voice.key,
        voice.channel,
        NO_SLOT,
        voice.event_stamp_ns,
        frame,
    )


@kernel
def level(voice):
    """What a voice contributes at most."""
    return voice.envelope_gain * voice.velocity_gain * voice.fade_gain


@kernel
def rank(voice):
    """How much a voice is missed: 0 cut already, 1 released, 2 held by the pedal only, 3 held by its key."""
    if voice.fading:
        return 0
    if voice.stage == RELEASE:
        return 1
    return 3 if voice.held else 2


@kernel
def choose_victim(voices):
    """Index of the voice to steal: the least missed; among equals the quietest released, else the oldest."""
    best = 0
    for index in range(1, VOICE_COUNT):
        voice, other = voices[index], voices[best]
        here, there = rank(voice), rank(other)
        if here != there:
            if here < there:
                best = index
        elif here <= 1:
            if level(voice) < level(other):
                best = index
        elif voice.started_frame < other.started_frame:
            best = index
    return best


@kernel
def fading_place(engine, frame):
    """A free place among the fading voices; if there is none, the quietest one's."""
    voices = engine.voices
    best = VOICE_COUNT
    for index in range(VOICE_COUNT, ALL_VOICES):
        if voices[index].stage == FREE:
            return index
        if level(voices[index]) < level(voices[best]):
            best = index
    free_voice(engine, voices[best], frame)
    return best


@kernel
def take_voice(engine, frame):
    """Index of a free voice; if all sound, one is moved aside to fade out."""
    voices = engine.voices
    for index in range(VOICE_COUNT):
        if voices[index].stage == FREE:
            return index
    victim = choose_victim(voices)
    place = fading_place(engine, frame)
    copy_voice(voices[place], voices[victim])  # its references go with it
    voices[place].held = 0
    if voices[place].fading in (0, RUN_OUT):
        voices[place].fading = STOLEN
    engine.telemetry.stolen_voices += 1
    return victim


@kernel
def pedal_is_down(engine, channel):
    """Whether released keys of ``channel`` go on sounding."""
    if engine.parameters[SUSTAIN_PEDAL] >= 0.5:
        return True
    return 0 <= channel < CHANNEL_COUNT and engine.channels[channel].sustain != 0


@kernel
def lift_key(engine, key, channel):
    """A key goes up: its voices are released, or left to the pedal."""
    down = pedal_is_down(engine, channel)
    for index in range(VOICE_COUNT):
        voice = engine.voices[index]
        if voice.stage != FREE and voice.held and voice.key == key and voice.channel == channel:
            voice.held = 0
            if not down:
                voice.stage = RELEASE


@kernel
def retrigger(engine, key, channel):
    """The same key comes again: what it still sounds is released, pedal or not."""
    for index in range(VOICE_COUNT):
        voice = engine.voices[index]
        if voice.stage != FREE and voice.key == key and voice.channel == channel:
            voice.held = 0
            voice.stage = RELEASE


@kernel
def release_unheld(engine):
    """Release what only a pedal held and no pedal holds any more."""
    for index in range(VOICE_COUNT):
        voice = engine.voices[index]
        if voice.stage not in (FREE, RELEASE) and not voice.held and not pedal_is_down(engine, voice.channel):
            voice.stage = RELEASE


@kernel
def concerns(wanted, channel):
    """Whether a message for ``wanted`` (-1: every channel) is for ``channel``."""
    return wanted == ALL_CHANNELS or wanted == channel  # noqa: PLR1714  numba has no `in` for mixed tuples


@kernel
def cut_voices(engine, channel):
    """Fade out every voice of ``channel`` (-1: of all) at once."""
    for index in range(ALL_VOICES):
        voice = engine.voices[index]
        if voice.stage != FREE and concerns(channel, voice.channel):
            voice.held = 0
            if voice.fading in (0, RUN_OUT):
                voice.fading = CUT


@kernel
def start_voice(engine, key, channel, gain, position, stamp_ns, frame):
    """Sound ``key`` with the slot it has; returns the voice's index. The key must have a slot."""
    index = take_voice(engine, frame)
    voice = engine.voices[index]
    entry = engine.keys[key]
    acquire_slot(engine.slots, entry.slot)
    voice.started_frame = frame
    voice.event_stamp_ns = stamp_ns
    voice.position = position
    voice.old_position = position
    voice.velocity_gain = gain
    voice.envelope_gain = 0.0
    voice.fade_gain = 1.0
    voice.crossfade = 1.0
    voice.correlation = 0.0
    voice.source_pitch = entry.source_pitch
    voice.part_s = 0.0
    voice.stage = ATTACK
    voice.key = key
    voice.channel = channel
    voice.slot = entry.slot
    voice.old_slot = NO_SLOT
    voice.pending_slot = NO_SLOT
    voice.next_slot = NO_SLOT
    voice.old_next_slot = NO_SLOT
    voice.held = 1
    voice.fading = 0
    return index
