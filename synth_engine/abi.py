"""The border file: every record that crosses between the control side and the compiled kernel.

Two files are mapped by the control process and by the audio process:

``engine.shm``
    one record of dtype :data:`ENGINE`: parameters, key table, rings, voices, telemetry. The layout
    is fixed by this module; both sides check :data:`ABI_VERSION` before they touch anything else.
``pool.shm``
    ``float32 (SLOT_COUNT, SLOT_FRAMES + 2 * SLOT_GUARD_FRAMES)``: rendered notes at
    :data:`BANK_RATE_HZ`, with silent guard frames on both sides so that the interpolation kernel
    never has to test an edge.

Ownership
---------
* ``parameters`` : written by control, read by the kernel (aligned 8-byte stores, smoothed there).
* ``events[r]`` : ring ``r``; exactly one writing thread each (ring 0 is the control thread; rings
  1.. are the MIDI thread's, one a port) and one reader, the kernel. ``write_index`` belongs to the writer,
  ``read_index`` to the kernel; both only ever grow, the place is ``index % RING_EVENTS``.
* ``returns`` : ring written by the kernel, read by control (slots coming back, notes that started).
* ``keys``, ``slots``, ``voices``, ``channels``, ``telemetry`` : written by the kernel only; control
  may read ``telemetry``, ``keys`` and ``voices`` at any time as an unsynchronised picture.
* ``panic`` : a counter control increments; the kernel silences everything when it changes. It needs
  no ring, so it works when every ring is full.

A slot belongs to control until it is named in a ``SET_KEY`` or ``EXTEND_SLOT`` event; from then on it
belongs to the kernel until the kernel says ``SLOT_RETURNED``. Control never writes into a slot it does
not own.

A note that is held longer than a slot lasts goes on in further slots, its *parts*: ``EXTEND_SLOT`` gives
every voice that sounds from a slot the slot to go on in. The link is the voice's, and so is the
reference; no key ever names a part, and it is returned when the last voice has left it.

All times are CLOCK_MONOTONIC nanoseconds.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

ABI_MAGIC = 0x74696D62726564  # "timbred"
ABI_VERSION = 2

MODEL_RATE_HZ = 16_000
BANK_RATE_HZ = 32_000  # twice the model's rate: lets a 16-tap kernel reach over 110 dB
NOTE_SECONDS = 4.0
SLOT_FRAMES = int(NOTE_SECONDS * BANK_RATE_HZ)
SLOT_GUARD_FRAMES = 64
SLOT_STRIDE_FRAMES = SLOT_FRAMES + 2 * SLOT_GUARD_FRAMES
SLOT_COUNT = 256  # 131 MB of address space; pages are touched only as notes are rendered
NO_SLOT = -1

VOICE_COUNT = 64
FADING_VOICE_COUNT = 32  # stolen voices fade out here while the new note already sounds
KEY_COUNT = 128
CHANNEL_COUNT = 16
RING_COUNT = 9  # 0: control thread; 1..8: MIDI ports
RING_EVENTS = 1024
RETURN_RING_EVENTS = 2048
PENDING_EVENTS = 1024  # time-stamped events the kernel holds until their frame comes


class EventKind(IntEnum):
    """What a ring record asks the kernel to do. New kinds go at the end."""

    NOTE_ON = 1  # key, channel, value = velocity 0..1 (0 exclusive), stamp_ns
    NOTE_OFF = 2  # key, channel, value = release velocity 0..1
    SUSTAIN = 3  # channel, value >= 0.5 is down
    PITCH_BEND = 4  # channel, value = semitones
    ALL_NOTES_OFF = 5  # channel or -1 for all; the sustain pedal still holds
    ALL_SOUND_OFF = 6  # channel or -1; short fade
    RESET_CONTROLLERS = 7  # channel or -1: bend 0, pedal up
    SET_KEY = 8  # key, slot (or NO_SLOT), source_pitch; sounding voices of that key cross-fade to it
    RETUNE = 9  # key, value = detune of that key in semitones
    # Voices in the slot ``key`` go on in ``slot``: at ``value`` (s, position in the one) they are at
    # ``source_pitch`` (s, position in the other). Both slots hold the same sound around there.
    EXTEND_SLOT = 10


class ReturnKind(IntEnum):
    """What the kernel tells control."""

    SLOT_RETURNED = 1  # slot: no key and no voice uses it any more; control owns it again
    NOTE_STARTED = 2  # key, channel, slot, stamp_ns = the event's, frame = absolute output frame of the onset
    NOTE_ENDED = 3  # key, channel


class KernelParameter(IntEnum):
    """Index into ``parameters``. A catalogue row with target *kernel* names one of these."""

    MASTER_GAIN = 0  # linear
    VOLUME = 1  # linear, CC 7
    EXPRESSION = 2  # linear, CC 11
    PAN = 3  # -1 left .. 1 right, constant power
    ATTACK_S = 4
    DECAY_S = 5
    SUSTAIN_GAIN = 6  # linear 0..1
    RELEASE_S = 7
    VELOCITY_CURVE = 8  # exponent: gain = velocity ** curve; 0 = velocity ignored
    TUNE_SEMITONES = 9
    CROSSFADE_S = 10  # from one timbre to the next within a held note
    START_S = 11  # where in the rendered note playing starts
    LATENCY_S = 12  # an event sounds at arrival stamp + this constant
    LIMITER_GAIN = 13  # ceiling of the soft limiter, linear
    SUSTAIN_PEDAL = 14  # 0..1: the pedal as a parameter (OSC); >= 0.5 holds every channel


PARAMETER_COUNT = 32

EVENT = np.dtype(
    [
        ("stamp_ns", "<i8"),
        ("value", "<f8"),
        ("source_pitch", "<f8"),
        ("kind", "<i4"),
        ("key", "<i4"),
        ("channel", "<i4"),
        ("slot", "<i4"),
    ],
    align=True,
)

RETURN = np.dtype(
    [
        ("stamp_ns", "<i8"),
        ("frame", "<i8"),
        ("kind", "<i4"),
        ("key", "<i4"),
        ("channel", "<i4"),
        ("slot", "<i4"),
    ],
    align=True,
)


def ring_dtype(record: np.dtype[np.void], count: int) -> np.dtype[np.void]:
    """Layout of a ring: the two indices on cache lines of their own, then the records."""
    return np.dtype(
        [
            ("write_index", "<i8"),
            ("_pad_write", "<i8", (7,)),
            ("read_index", "<i8"),
            ("_pad_read", "<i8", (7,)),
            ("records", record, (count,)),
        ],
        align=True,
    )


EVENT_RING = ring_dtype(EVENT, RING_EVENTS)
RETURN_RING = ring_dtype(RETURN, RETURN_RING_EVENTS)

KEY = np.dtype(
    [
        ("source_pitch", "<f8"),  # MIDI pitch the slot was rendered at; the kernel shifts to the key
        ("detune_semitones", "<f8"),
        ("slot", "<i4"),
        ("_pad", "<i4"),
    ],
    align=True,
)

SLOT = np.dtype(
    [
        ("references", "<i4"),  # keys and voices (VOICE_SLOTS) that name the slot
        ("owed", "<i4"),  # 1 from SET_KEY or EXTEND_SLOT until SLOT_RETURNED; returned once references is 0
    ],
    align=True,
)

CHANNEL = np.dtype(
    [("bend_semitones", "<f8"), ("bend_smoothed", "<f8"), ("sustain", "<i4"), ("_pad", "<i4")], align=True
)

VOICE = np.dtype(
    [
        ("started_frame", "<i8"),
        ("event_stamp_ns", "<i8"),
        ("position", "<f8"),  # seconds into the current layer's slot
        ("old_position", "<f8"),  # the same of the layer that is being left; it may run at another speed
        ("velocity_gain", "<f8"),
        ("envelope_gain", "<f8"),
        ("fade_gain", "<f8"),  # 1, or falling to 0 when stolen or cut
        ("crossfade", "<f8"),  # 0 = all old layer .. 1 = all current layer
        ("correlation", "<f8"),  # of the two layers, 0..1: chooses between equal power and equal gain
        ("source_pitch", "<f8"),
        ("old_source_pitch", "<f8"),
        ("pending_source_pitch", "<f8"),
        ("part_s", "<f8"),  # seconds of the note before the current slot begins: 0 unless it is a later part
        ("leave_s", "<f8"),  # position at which the current layer goes on in next_slot ...
        ("enter_s", "<f8"),  # ... and where that is in next_slot
        ("old_leave_s", "<f8"),  # the same of the layer that is being left
        ("old_enter_s", "<f8"),
        ("stage", "<i4"),  # see VoiceStage
        ("key", "<i4"),
        ("channel", "<i4"),
        ("slot", "<i4"),
        ("old_slot", "<i4"),
        ("pending_slot", "<i4"),
        ("next_slot", "<i4"),
        ("old_next_slot", "<i4"),
        ("held", "<i4"),  # 1 while the key is down
        ("fading", "<i4"),  # 1 while being stolen or cut
    ],
    align=True,
)

VOICE_SLOTS = (
    "slot",
    "old_slot",
    "pending_slot",
    "next_slot",
    "old_next_slot",
)  # fields that hold a reference


class VoiceStage(IntEnum):
    """Envelope stage. FREE -> ATTACK -> DECAY -> SUSTAIN -> RELEASE -> FREE; any -> FREE after a cut."""

    FREE = 0
    ATTACK = 1
    DECAY = 2
    SUSTAIN = 3
    RELEASE = 4


TELEMETRY = np.dtype(
    [
        ("blocks", "<i8"),  # callbacks done: the heartbeat
        ("frames", "<i8"),  # output frames rendered since the engine file was made
        ("last_block_ns", "<i8"),
        ("late_blocks", "<i8"),  # callbacks that took longer than their block, or came over two periods apart
        ("underflows", "<i8"),  # output underflows told by the host
        ("late_events", "<i8"),  # notes whose frame had passed when the kernel saw them
        ("dropped_events", "<i8"),
        ("stolen_voices", "<i8"),
        ("silent_keys", "<i8"),  # note-ons that found no slot at all
        ("bad_frames", "<i8"),  # NaN or infinity replaced by silence
        ("limited_frames", "<i8"),
        ("notes_started", "<i8"),
        ("render_ns_last", "<i8"),
        ("render_ns_max", "<i8"),
        ("render_ns_total", "<i8"),
        ("block_time_ns", "<f8"),  # delay-locked loop: filtered start of the current block
        ("block_period_ns", "<f8"),
        ("loop_error_ns", "<f8"),
        ("peak_left", "<f4"),  # of the last block
        ("peak_right", "<f4"),
        ("active_voices", "<i4"),
        ("block_frames", "<i4"),
        ("rate_hz", "<i4"),
        ("host", "<i4"),  # see HostKind
        ("audio_pid", "<i4"),
        ("_pad", "<i4"),
    ],
    align=True,
)


class HostKind(IntEnum):
    """What turns blocks into sound."""

    NONE = 0
    PORTAUDIO = 1
    NULL = 2  # paced like a device, but there is none
    OFFLINE = 3


ENGINE = np.dtype(
    [
        ("magic", "<i8"),
        ("version", "<i8"),
        ("panic", "<i8"),
        ("panic_seen", "<i8"),
        ("parameters", "<f8", (PARAMETER_COUNT,)),
        ("smoothed", "<f8", (PARAMETER_COUNT,)),
        ("events", EVENT_RING, (RING_COUNT,)),
        ("returns", RETURN_RING),
        ("keys", KEY, (KEY_COUNT,)),
        ("slots", SLOT, (SLOT_COUNT,)),
        ("channels", CHANNEL, (CHANNEL_COUNT,)),
        ("voices", VOICE, (VOICE_COUNT + FADING_VOICE_COUNT,)),
        ("pending", EVENT, (PENDING_EVENTS,)),
        ("pending_count", "<i8"),
        ("event_sequence", "<i8"),  # orders pending events of equal stamp; kept in their ``slot`` field
        ("left_gain", "<f8"),  # smoothed output gains and the limiter's memory
        ("right_gain", "<f8"),
        ("limiter_peak", "<f8"),
        ("telemetry", TELEMETRY),
    ],
    align=True,
)
