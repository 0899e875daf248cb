"""One block: read the rings, and render between the frames at which something happens."""

from __future__ import annotations

import math

import numpy as np

from synth_engine.abi import KEY_COUNT, RING_COUNT, RING_EVENTS, EventKind, HostKind, KernelParameter
from synth_engine.kernel.clock import track_block_time
from synth_engine.kernel.envelope import FREE
from synth_engine.kernel.events import apply_event, is_valid, silence_everything
from synth_engine.kernel.layers import set_key
from synth_engine.kernel.mix import TICK_FRAMES, finish, smooth_controls, snap_controls
from synth_engine.kernel.parts import extend_slot
from synth_engine.kernel.render import render_voice
from synth_engine.kernel.schedule import add_event, has_room, remove_first
from synth_engine.kernel.slots import return_slots
from synth_engine.kernel.toolchain import acquire_fence, kernel, monotonic_ns, release_fence
from synth_engine.kernel.voices import ALL_VOICES, release_unheld

OFFLINE = int(HostKind.OFFLINE)
SET_KEY = int(EventKind.SET_KEY)
EXTEND_SLOT = int(EventKind.EXTEND_SLOT)
NOTE_ON = int(EventKind.NOTE_ON)
LATENCY_S = int(KernelParameter.LATENCY_S)
HORIZON_NS = 600_000_000_000  # an event stamped further ahead is a fault of its clock
SEQUENCE_MASK = 0x3FFFFFFF
LONGEST_LATENCY_S = 10.0


@kernel
def take_event(engine, notes, event, now_ns):
    """One event out of a ring: changes of slots act at once, all others wait for their frame."""
    if event.kind == SET_KEY:
        if not (
            0 <= event.key < KEY_COUNT and set_key(engine, notes, event.key, event.slot, event.source_pitch)
        ):
            engine.telemetry.dropped_events += 1
        return
    if event.kind == EXTEND_SLOT:
        if not extend_slot(engine, notes, event.key, event.slot, event.value, event.source_pitch):
            engine.telemetry.dropped_events += 1
        return
    stamp_ns = event.stamp_ns if event.stamp_ns != 0 else now_ns
    if not is_valid(event) or stamp_ns - now_ns > HORIZON_NS:
        engine.telemetry.dropped_events += 1
        return
    if engine.pending_count == 0:
        engine.event_sequence = 0
    add_event(engine.pending, engine.pending_count, event, stamp_ns, np.int32(engine.event_sequence))
    engine.pending_count += 1
    engine.event_sequence = (engine.event_sequence + 1) & SEQUENCE_MASK


@kernel
def read_rings(engine, notes, now_ns):
    """Empty every ring. A full store of waiting events leaves the rest where its writer can see it."""
    for index in range(RING_COUNT):
        ring = engine.events[index]
        written = ring.write_index
        acquire_fence()
        read = ring.read_index
        if not 0 <= written - read <= RING_EVENTS:
            read = written  # not a ring's state; do not read rubbish for ever
        while read < written and has_room(engine.pending_count):
            take_event(engine, notes, ring.records[read % RING_EVENTS], now_ns)
            read += 1
        release_fence()
        ring.read_index = read


@kernel
def panic(engine, notes, now_ns):
    """Silence, and every event that is waiting or still in a ring is forgotten; key changes are kept."""
    for _ in range(RING_COUNT):  # all full rings together hold this many times what may wait
        engine.pending_count = 0
        read_rings(engine, notes, now_ns)
    silence_everything(engine)


@kernel
def event_frame(engine, stamp_ns, latency_ns):
    """Frame of this block at which an event with this stamp sounds; negative if it is past."""
    telemetry = engine.telemetry
    seconds = (stamp_ns + latency_ns - telemetry.block_time_ns) * 1e-9
    return math.floor(seconds * telemetry.rate_hz + 0.5)


@kernel
def apply_due(engine, done, frames, latency_ns):
    """Carry out the events due at frame ``done``; answers where the next one is, at most ``frames``."""
    pending, telemetry = engine.pending, engine.telemetry
    while engine.pending_count > 0:
        frame = event_frame(engine, pending[0].stamp_ns, latency_ns)
        if frame > done:
            return min(frame, frames)
        if frame < 0 and pending[0].kind == NOTE_ON:
            telemetry.late_events += 1
        apply_event(engine, pending[0], telemetry.frames + done)
        remove_first(pending, engine.pending_count)
        engine.pending_count -= 1
    return frames


@kernel
def render_frames(engine, notes, samples, frames, closing):
    """All frames of the block, in pieces between events and ticks of the controls."""
    telemetry = engine.telemetry
    latency_ns = 1e9 * min(max(engine.parameters[LATENCY_S], 0.0), LONGEST_LATENCY_S)
    done = 0
    while done < frames:
        until = apply_due(engine, done, frames, latency_ns)
        frame = telemetry.frames + done
        within_tick = frame % TICK_FRAMES
        if within_tick == 0:
            smooth_controls(engine)
        count = min(until - done, TICK_FRAMES - within_tick)
        for row in range(done, done + count):
            samples[row, 0] = 0.0
        for index in range(ALL_VOICES):
            voice = engine.voices[index]
            if voice.stage != FREE:
                render_voice(engine, notes, samples, voice, done, count, frame)
        finish(engine, samples, done, count, closing)
        done += count


@kernel
def count_voices(voices):
    """Voices that sound, fading ones included."""
    count = 0
    for index in range(ALL_VOICES):
        if voices[index].stage != FREE:
            count += 1
    return count


@kernel
def process(engine, notes, samples, frames, now_ns, closing):
    """Render one block.

    Parameters
    ----------
    engine : ENGINE record
        ``telemetry.rate_hz`` is set by the host.
    notes : float32 (SLOT_COUNT, SLOT_STRIDE_FRAMES)
    samples : float32 (frames, 2)
        Overwritten with left and right.
    frames : int64
    now_ns : int64
        When the callback came.
    closing : int64
        1: fade to silence.
    """
    begun_ns = monotonic_ns()
    telemetry = engine.telemetry
    if telemetry.rate_hz <= 0:
        telemetry.rate_hz = 48_000
    if telemetry.blocks == 0:
        snap_controls(engine)
    block_ns = frames * 1e9 / telemetry.rate_hz
    gap_ns = now_ns - telemetry.last_block_ns
    late = telemetry.last_block_ns != 0 and gap_ns > 2.0 * telemetry.block_period_ns
    track_block_time(telemetry, now_ns, frames)
    read_rings(engine, notes, int(telemetry.block_time_ns))
    if engine.panic_seen != engine.panic:
        engine.panic_seen = engine.panic
        panic(engine, notes, int(telemetry.block_time_ns))
    release_unheld(engine)  # the pedal may have been let go as a parameter
    telemetry.peak_left = 0.0
    telemetry.peak_right = 0.0
    render_frames(engine, notes, samples, frames, closing)
    telemetry.frames += frames
    return_slots(engine.slots, engine.returns, telemetry.frames)
    telemetry.active_voices = count_voices(engine.voices)
    spent_ns = monotonic_ns() - begun_ns
    telemetry.render_ns_last = spent_ns
    telemetry.render_ns_max = max(telemetry.render_ns_max, spent_ns)
    telemetry.render_ns_total += spent_ns
    if late or (spent_ns > block_ns and telemetry.host != OFFLINE):
        telemetry.late_blocks += 1
    telemetry.blocks += 1
