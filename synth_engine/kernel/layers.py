"""A voice's two layers: the slot that sounds, and the one being left while a new timbre fades in.

Crossfade law: with ``x`` going from 0 to 1 the layers get ``(1 - x) / n`` and ``x / n`` with
``n = sqrt((1 - x)^2 + x^2 + 2 r x (1 - x))``, which keeps the power constant for layers of equal
power and correlation ``r``: equal power for strangers (r = 0), equal gain for the same sound
(r = 1). ``r`` is measured when the crossfade starts, at the frames that will sound.
"""

from __future__ import annotations

import math

from synth_engine.abi import BANK_RATE_HZ, NO_SLOT, NOTE_SECONDS, SLOT_COUNT, SLOT_GUARD_FRAMES, VOICE_COUNT
from synth_engine.kernel.envelope import FREE
from synth_engine.kernel.slots import acquire_slot, release_slot
from synth_engine.kernel.toolchain import kernel

CORRELATION_POINTS = 192
CORRELATION_S = 0.024  # 1.5 periods of the lowest notes, dozens of the middle ones


@kernel
def layer_correlation(old, old_position, new, new_position, old_speed, new_speed):
    """Normalised correlation 0..1 of two notes, each from its position (s) and at its speed.

    Negative values count as 0: boosting what cancels would only make the dip noisy.
    """
    step = CORRELATION_S / CORRELATION_POINTS * BANK_RATE_HZ
    first_old = old_position * BANK_RATE_HZ + SLOT_GUARD_FRAMES
    first_new = new_position * BANK_RATE_HZ + SLOT_GUARD_FRAMES
    last = NOTE_SECONDS * BANK_RATE_HZ + SLOT_GUARD_FRAMES
    product, old_power, new_power = 0.0, 0.0, 0.0
    for point in range(CORRELATION_POINTS):
        here = old[int(min(first_old + point * step * old_speed, last))]
        there = new[int(min(first_new + point * step * new_speed, last))]
        product += here * there
        old_power += here * here
        new_power += there * there
    power = math.sqrt(old_power * new_power)
    if not power > 1e-12:  # silence, or not a number
        return 0.0
    correlation = product / power
    return min(max(correlation, 0.0), 1.0) if correlation == correlation else 0.0  # noqa: PLR0124  NaN


@kernel
def crossfade_gains(share, correlation):
    """Gains of the old and the new layer at ``share`` (0..1) of the way."""
    rest = 1.0 - share
    power = rest * rest + share * share + 2.0 * correlation * share * rest
    scale = 1.0 / math.sqrt(power)
    return rest * scale, share * scale


@kernel
def begin_crossfade(voice, notes, slot, source_pitch):
    """Leave the current slot for ``slot``, whose reference the voice already has."""
    voice.old_slot = voice.slot
    voice.old_source_pitch = voice.source_pitch
    voice.old_position = voice.position
    voice.slot = slot
    voice.source_pitch = source_pitch
    voice.crossfade = 0.0
    old_speed = 2.0 ** ((voice.key - voice.old_source_pitch) / 12.0)
    new_speed = 2.0 ** ((voice.key - source_pitch) / 12.0)
    voice.correlation = layer_correlation(
        notes[voice.old_slot], voice.old_position, notes[slot], voice.position, old_speed, new_speed
    )


@kernel
def move_voice(slots, notes, voice, slot, source_pitch):
    """A voice's key has another slot now: fade over to it, after the running crossfade if there is one."""
    if voice.pending_slot != NO_SLOT:
        release_slot(slots, voice.pending_slot)  # the newest wins
        voice.pending_slot = NO_SLOT
    if slot == NO_SLOT or slot == voice.slot:  # noqa: PLR1714  numba has no `in` for mixed tuples
        return
    acquire_slot(slots, slot)
    if voice.old_slot == NO_SLOT:
        begin_crossfade(voice, notes, slot, source_pitch)
    else:
        voice.pending_slot = slot
        voice.pending_source_pitch = source_pitch


@kernel
def end_crossfade(slots, notes, voice):
    """The old layer has faded out: let it go, and start the next crossfade if one waits."""
    release_slot(slots, voice.old_slot)
    voice.old_slot = NO_SLOT
    voice.crossfade = 1.0
    if voice.pending_slot != NO_SLOT:
        slot = voice.pending_slot
        voice.pending_slot = NO_SLOT
        begin_crossfade(voice, notes, slot, voice.pending_source_pitch)


@kernel
def set_key(engine, notes, key, slot, source_pitch):
    """Give ``key`` another slot (or none); its voices follow. False if there is no such slot."""
    if not (NO_SLOT <= slot < SLOT_COUNT) or not math.isfinite(source_pitch):
        return False
    slots, entry = engine.slots, engine.keys[key]
    if slot != NO_SLOT:
        slots[slot].owed = 1
        acquire_slot(slots, slot)
    release_slot(slots, entry.slot)
    entry.slot = slot
    entry.source_pitch = source_pitch
    for index in range(VOICE_COUNT):
        voice = engine.voices[index]
        if voice.stage != FREE and voice.key == key and not voice.fading:
            move_voice(slots, notes, voice, slot, source_pitch)
    return True
