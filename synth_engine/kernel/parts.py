"""Notes that last longer than a slot: going on in the next part, and where a new timbre comes in."""

from __future__ import annotations

from synth_engine.abi import NO_SLOT, NOTE_SECONDS, SLOT_COUNT
from synth_engine.kernel.envelope import FREE
from synth_engine.kernel.layers import enter_layer
from synth_engine.kernel.slots import acquire_slot, release_slot
from synth_engine.kernel.toolchain import kernel
from synth_engine.kernel.voices import ALL_VOICES


@kernel
def move_on(slots, voice):
    """A layer that has come to where its next part takes over is in that part from now on.

    Both hold the same samples there, so there is nothing to fade.
    """
    if voice.next_slot != NO_SLOT and voice.position >= voice.leave_s:
        release_slot(slots, voice.slot)
        voice.slot = voice.next_slot
        voice.next_slot = NO_SLOT
        voice.position += voice.enter_s - voice.leave_s
        voice.part_s += voice.leave_s - voice.enter_s
    if voice.old_next_slot != NO_SLOT and voice.old_position >= voice.old_leave_s:
        release_slot(slots, voice.old_slot)
        voice.old_slot = voice.old_next_slot
        voice.old_next_slot = NO_SLOT
        voice.old_position += voice.old_enter_s - voice.old_leave_s


@kernel
def extend_slot(engine, notes, slot, next_slot, leave_s, enter_s):
    """Every voice in ``slot`` goes on in ``next_slot``. False if there are no such slots or moments.

    A voice that is past ``leave_s`` already has begun to sound otherwise than the next part: it fades
    over, unless it is fading over to something else anyway.
    """
    if not (0 <= slot < SLOT_COUNT and 0 <= next_slot < SLOT_COUNT and slot != next_slot):
        return False
    if not (0.0 <= enter_s <= leave_s < NOTE_SECONDS):
        return False
    slots = engine.slots
    slots[next_slot].owed = 1
    for index in range(ALL_VOICES):
        voice = engine.voices[index]
        if voice.stage == FREE or voice.slot != slot or voice.next_slot != NO_SLOT or voice.fading:
            continue
        if voice.position <= leave_s:
            acquire_slot(slots, next_slot)
            voice.next_slot = next_slot
            voice.leave_s = leave_s
            voice.enter_s = enter_s
        elif voice.old_slot == NO_SLOT:
            acquire_slot(slots, next_slot)
            part_s = voice.part_s + leave_s - enter_s
            position = voice.position - leave_s + enter_s
            enter_layer(voice, notes, next_slot, voice.source_pitch, position)
            voice.part_s = part_s
    return True
