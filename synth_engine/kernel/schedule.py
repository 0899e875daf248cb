"""Events that wait for their frame: a heap ordered by stamp, then by the order they were read in."""

from __future__ import annotations

from synth_engine.abi import PENDING_EVENTS
from synth_engine.kernel.toolchain import kernel


@kernel
def copy_event(target, source):
    """All fields of one event record."""
    target.stamp_ns = source.stamp_ns
    target.value = source.value
    target.source_pitch = source.source_pitch
    target.kind = source.kind
    target.key = source.key
    target.channel = source.channel
    target.slot = source.slot


@kernel
def is_earlier(stamp_ns, sequence, other):
    """Whether an event with this stamp and number comes before ``other``."""
    if stamp_ns != other.stamp_ns:
        return stamp_ns < other.stamp_ns
    return sequence < other.slot


@kernel
def add_event(pending, count, event, stamp_ns, sequence):
    """Put ``event`` among the ``count`` pending ones; the caller has seen that there is room.

    ``sequence`` (int32, growing) goes into the field ``slot``, which timed events do not use.
    """
    place = count
    while place > 0:
        parent = (place - 1) // 2
        if not is_earlier(stamp_ns, sequence, pending[parent]):
            break
        copy_event(pending[place], pending[parent])
        place = parent
    target = pending[place]
    copy_event(target, event)
    target.stamp_ns = stamp_ns
    target.slot = sequence


@kernel
def remove_first(pending, count):
    """Take the earliest of ``count`` pending events out of the heap."""
    last = pending[count - 1]
    place = 0
    while True:
        child = 2 * place + 1
        if child >= count - 1:
            break
        right = pending[child + 1]
        if child + 1 < count - 1 and is_earlier(right.stamp_ns, right.slot, pending[child]):
            child += 1
        if not is_earlier(pending[child].stamp_ns, pending[child].slot, last):
            break
        copy_event(pending[place], pending[child])
        place = child
    copy_event(pending[place], last)


@kernel
def has_room(count):
    """Whether another event may be added."""
    return count < PENDING_EVENTS
