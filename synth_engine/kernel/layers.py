"""A voice's two layers: the slot that sounds, and the one being left while a new timbre fades in.

Crossfade law: with ``x`` going from 0 to 1 the layers get ``(1 - x) / n`` and ``x / n`` with
``n = sqrt((1 - x)^2 + x^2 + 2 r x (1 - x))``, which keeps the power constant for layers of equal
power and correlation ``r``: equal power for strangers (r = 0), equal gain for the same sound
(r = 1). ``r`` is measured when the crossfade starts, at the frames that will sound, after the new
layer has been moved by up to half a period to where it agrees best with the old one: two notes of
one pitch that happened to stand against each other would otherwise leave a hole.
"""

from __future__ import annotations

import math

import numpy as np

from synth_engine.abi import (
    BANK_RATE_HZ,
    NO_SLOT,
    NOTE_SECONDS,
    SLOT_COUNT,
    SLOT_GUARD_FRAMES,
    SLOT_STRIDE_FRAMES,
    VOICE_COUNT,
)
from synth_engine.kernel.envelope import FREE
from synth_engine.kernel.slots import acquire_slot, release_slot
from synth_engine.kernel.toolchain import kernel, kernel_vectorised

CORRELATION_POINTS = 128
SHORTEST_WINDOW_S = 0.016
LONGEST_PERIOD_S = 0.04
COARSE_LAGS = 24  # per period: fine enough for the first six partials
FINE_LAGS = 4  # between two coarse ones
ALIGNED = 1e-4  # gains in correlation below this are not worth a shift
SUSTAINED_S = (0.8, 1.6)  # of every note that does not die away: between its attack and its second part
DYING_ENTRY_S = 2.6  # still the note itself: its second part, and its own release, begin later
FALL_SPAN = BANK_RATE_HZ  # how far apart the level is compared (frames),
FALL_POWER = 10.0 ** (-2.0 / 10.0)  # and how much lower it is then if the note dies
LOOKS = 32  # of so many frames, over 0.4 s: few enough cache lines for a block in which 64 voices change
LOOK_FRAMES = 16
LOOK_STEP = int(0.4 * BANK_RATE_HZ) // LOOKS
FIRST_LOOK = SLOT_GUARD_FRAMES + int(SUSTAINED_S[0] * BANK_RATE_HZ)
TUNING_KEY = 69.0
TUNING_HZ = 440.0


@kernel_vectorised
def layer_correlation(old, old_first, old_step, new, new_first, new_step):
    """Normalised correlation -1..1 of two notes, each read from a frame on in steps of its own.

    Guards and frames past the end count as the silence they are; 0 if either note is silent.
    """
    last = SLOT_STRIDE_FRAMES - 1
    product, old_power, new_power = 0.0, 0.0, 0.0
    for point in range(CORRELATION_POINTS):
        here = old[np.uint64(min(old_first + point * old_step, last))]
        there = new[np.uint64(min(new_first + point * new_step, last))]
        product += here * there
        old_power += here * here
        new_power += there * there
    power = math.sqrt(old_power * new_power)
    if not power > 1e-12:  # silence, or not a number
        return 0.0
    correlation = product / power
    return correlation if abs(correlation) <= 1.001 else 0.0


@kernel
def align_layers(old, old_position, old_speed, new, new_position, new_speed, period_s):
    """Where in the new note to go on so that its waves fall on the old one's: at most half a period away.

    Parameters
    ----------
    old, new : float32 (SLOT_STRIDE_FRAMES,)
    old_position, new_position : float64
        Seconds into each note.
    old_speed, new_speed : float64
        Seconds of note per second of sound.
    period_s : float64
        Of the new note, in its own time.

    Returns
    -------
    position, correlation
        Position in the new note (s), and the correlation found there, 0..1.
    """
    period_s = min(period_s, LONGEST_PERIOD_S)
    window_s = max(SHORTEST_WINDOW_S, 1.5 * period_s / new_speed)
    old_step = window_s / CORRELATION_POINTS * BANK_RATE_HZ * old_speed
    new_step = window_s / CORRELATION_POINTS * BANK_RATE_HZ * new_speed
    old_first = old_position * BANK_RATE_HZ + SLOT_GUARD_FRAMES
    best = new_position
    best_correlation = layer_correlation(
        old, old_first, old_step, new, new_position * BANK_RATE_HZ + SLOT_GUARD_FRAMES, new_step
    )
    for refinement in range(2):
        middle = best
        lags = COARSE_LAGS if refinement == 0 else 2 * FINE_LAGS
        lag_s = period_s / COARSE_LAGS / (1 if refinement == 0 else FINE_LAGS)
        for lag in range(-lags // 2, lags // 2 + 1):
            position = middle + lag * lag_s
            if not 0.0 <= position < NOTE_SECONDS:
                continue
            first = position * BANK_RATE_HZ + SLOT_GUARD_FRAMES
            correlation = layer_correlation(old, old_first, old_step, new, first, new_step)
            if correlation > best_correlation + ALIGNED:
                best, best_correlation = position, correlation
    return best, min(max(best_correlation, 0.0), 1.0)


@kernel
def crossfade_gains(share, correlation):
    """Gains of the old and the new layer at ``share`` (0..1) of the way."""
    rest = 1.0 - share
    power = rest * rest + share * share + 2.0 * correlation * share * rest
    scale = 1.0 / math.sqrt(power)
    return rest * scale, share * scale


@kernel
def dies_away(note):
    """Whether a note's held sound falls by more than 2 dB/s."""
    early, late = 0.0, 0.0
    for look in range(LOOKS):
        first = FIRST_LOOK + look * LOOK_STEP
        for frame in range(first, first + LOOK_FRAMES):
            here, there = note[np.uint64(frame)], note[np.uint64(frame + FALL_SPAN)]
            early += here * here
            late += there * there
    return late < early * FALL_POWER


@kernel
def entry_position(note, position, part_s):
    """Where in another note a voice goes on that is ``part_s + position`` seconds into its own.

    A sound that stays is entered early enough for its next part to be made in time, however far the voice
    is; a sound that dies is entered where the voice is, or where what is left of it begins.
    """
    heard_s = part_s + position
    earliest, latest = SUSTAINED_S
    if heard_s <= latest:
        return heard_s
    if dies_away(note):
        return position if part_s == 0.0 else DYING_ENTRY_S
    turns = (heard_s - earliest) / (latest - earliest)
    return earliest + (turns - math.floor(turns)) * (latest - earliest)


@kernel
def enter_layer(voice, notes, slot, source_pitch, position):
    """Leave the current slot for ``slot``, whose reference the voice already has, at ``position`` or near."""
    voice.old_slot = voice.slot
    voice.old_source_pitch = voice.source_pitch
    voice.old_position = voice.position
    voice.old_next_slot = voice.next_slot
    voice.old_leave_s = voice.leave_s
    voice.old_enter_s = voice.enter_s
    voice.next_slot = NO_SLOT
    voice.part_s = 0.0
    voice.slot = slot
    voice.source_pitch = source_pitch
    voice.crossfade = 0.0
    old_speed = 2.0 ** ((voice.key - voice.old_source_pitch) / 12.0)
    new_speed = 2.0 ** ((voice.key - source_pitch) / 12.0)
    period_s = 2.0 ** ((TUNING_KEY - source_pitch) / 12.0) / TUNING_HZ
    voice.position, voice.correlation = align_layers(
        notes[voice.old_slot], voice.position, old_speed, notes[slot], position, new_speed, period_s
    )


@kernel
def begin_crossfade(voice, notes, slot, source_pitch):
    """Leave the current note for the one in ``slot``, whose reference the voice already has."""
    position = entry_position(notes[slot], voice.position, voice.part_s)
    enter_layer(voice, notes, slot, source_pitch, position)


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
    release_slot(slots, voice.old_next_slot)
    voice.old_slot = NO_SLOT
    voice.old_next_slot = NO_SLOT
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
