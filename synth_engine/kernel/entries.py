"""What the outside calls: C functions with PortAudio's callback signature or a plain one."""

from __future__ import annotations

from numba import cfunc, types

from synth_engine.kernel.process import process
from synth_engine.kernel.toolchain import (
    OPTIONS,
    context_at,
    engine_at,
    kernel,
    monotonic_ns,
    output_at,
    pool_at,
    sleep_until_ns,
)

OUTPUT_UNDERFLOW = 4  # paOutputUnderflow
CONTINUE = 0  # paContinue
_ADDRESS = types.int64


@kernel
def render_into(context, output_address, frames):
    """One block of ``frames`` to ``output_address``, as the context says."""
    engine = engine_at(context.engine_address)
    now_ns = context.now_ns
    if now_ns == 0:
        now_ns = monotonic_ns()
    notes = pool_at(context.pool_address).notes
    samples = output_at(output_address).samples
    process(engine, notes, samples, frames, now_ns, context.closing)


@cfunc(types.int32(_ADDRESS, _ADDRESS, types.uint64, _ADDRESS, types.uint64, _ADDRESS), **OPTIONS)
def timbred_callback(_input, output_address, frames, _time, flags, context_address):
    """PortAudio's callback; ``userdata`` is the address of a CONTEXT."""
    context = context_at(context_address)
    if flags & OUTPUT_UNDERFLOW:
        engine_at(context.engine_address).telemetry.underflows += 1
    render_into(context, output_address, types.int64(frames))
    return CONTINUE


@cfunc(types.void(_ADDRESS), **OPTIONS)
def timbred_pace(context_address):
    """Blocks at the pace of a device that does not exist, until the context says stop.

    Deadlines are counted from the first block, so the pace does not drift; after a gap of half a
    second (the machine slept) counting starts anew.
    """
    context = context_at(context_address)
    engine = engine_at(context.engine_address)
    frames, rate_hz = context.scratch_frames, engine.telemetry.rate_hz
    first_ns = monotonic_ns()
    blocks = 0
    while context.stop == 0:
        render_into(context, context.scratch_address, frames)
        blocks += 1
        due_ns = first_ns + blocks * frames * 1_000_000_000 // rate_hz
        now_ns = monotonic_ns()
        if now_ns - due_ns > 500_000_000:
            first_ns, blocks = now_ns, 0
        sleep_until_ns(due_ns)


ENTRIES = (timbred_callback, timbred_pace)
