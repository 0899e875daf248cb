"""Who uses which slot, and giving back those that nobody uses.

A slot is *owed* from the ``SET_KEY`` or ``EXTEND_SLOT`` that brings it until its return; ``references``
counts the keys and voice layers that name it. Returned is what is owed and has no references: looked for
after every block, so a full return ring only delays it.
"""

from __future__ import annotations

from synth_engine.abi import NO_SLOT, RETURN_RING_EVENTS, SLOT_COUNT, ReturnKind
from synth_engine.kernel.toolchain import acquire_fence, kernel, release_fence

SLOT_RETURNED = int(ReturnKind.SLOT_RETURNED)
RESERVED_RETURNS = 2 * SLOT_COUNT  # places that notes leave to slots: news may be lost, slots may not


@kernel
def acquire_slot(slots, slot):
    """One more layer or key names ``slot``."""
    slots[slot].references += 1


@kernel
def release_slot(slots, slot):
    """One less does; NO_SLOT is nobody's."""
    if slot != NO_SLOT:
        slots[slot].references -= 1


@kernel
def post_return(ring, reserve, kind, key, channel, slot, stamp_ns, frame):  # noqa: PLR0917  a record's fields
    """One message to control; False if fewer than ``reserve`` places would be left."""
    written = ring.write_index
    read = ring.read_index
    acquire_fence()
    if written - read >= RETURN_RING_EVENTS - reserve:
        return False
    place = ring.records[written % RETURN_RING_EVENTS]
    place.kind = kind
    place.key = key
    place.channel = channel
    place.slot = slot
    place.stamp_ns = stamp_ns
    place.frame = frame
    release_fence()
    ring.write_index = written + 1
    return True


@kernel
def return_slots(slots, returns, frame):
    """Give back every slot that is owed and named by nobody, as far as the ring has room."""
    for slot in range(SLOT_COUNT):
        if slots[slot].owed and slots[slot].references == 0:
            if not post_return(returns, 0, SLOT_RETURNED, 0, 0, slot, 0, frame):
                return
            slots[slot].owed = 0
