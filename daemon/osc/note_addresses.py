"""Notes and bend: what the kernel places on the exact frame."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.events import (
    ALL_CHANNELS,
    AllNotesOff,
    AllSoundOff,
    NoteOff,
    NoteOn,
    Panic,
    PitchBend,
)
from daemon.osc.arguments import number, velocity, whole_number
from daemon.osc.calls import Address, Call, trigger
from daemon.surface import Reply

MAX_BEND_SEMITONES = 48.0


def _note(call: Call) -> Iterable[Reply]:
    key, level = _key(call), velocity(call.arguments[1])
    if level == 0.0:
        return call.surface.handle(NoteOff(key, 0.0, _channel(call, 2), call.stamp_ns, call.source))
    replies = call.surface.handle(NoteOn(key, level, _channel(call, 2), call.stamp_ns, call.source))
    if number(call.arguments[1], "VELOCITY") > 127:
        return (*replies, ("/error", (call.address, "VELOCITY above 127; played at 127")))
    return replies


def _note_off(call: Call) -> Iterable[Reply]:
    level = velocity(call.arguments[1]) if len(call.arguments) > 1 else 0.0
    return call.surface.handle(NoteOff(_key(call), level, _channel(call, 2), call.stamp_ns, call.source))


def _bend(call: Call) -> Iterable[Reply]:
    asked = number(call.arguments[0], "SEMITONES")
    used = min(max(asked, -MAX_BEND_SEMITONES), MAX_BEND_SEMITONES)
    replies = call.surface.handle(PitchBend(used, _channel(call, 1), call.stamp_ns, call.source))
    if used != asked:
        return (
            *replies,
            ("/error", (call.address, f"{asked:g} is out of range; bent by {used:g} semitones")),
        )
    return replies


def _notes_off(call: Call) -> Iterable[Reply]:
    return call.surface.handle(AllNotesOff(ALL_CHANNELS, call.stamp_ns, call.source))


def _sound_off(call: Call) -> Iterable[Reply]:
    return call.surface.handle(AllSoundOff(ALL_CHANNELS, call.stamp_ns, call.source))


def _panic(call: Call) -> Iterable[Reply]:
    call.door.forget_waiting()
    return call.surface.handle(Panic(call.source))


def _key(call: Call) -> int:
    return whole_number(call.arguments[0], "KEY", 0, 127)


def _channel(call: Call, place: int) -> int:
    return whole_number(call.arguments[place], "CHANNEL", 0, 15) if len(call.arguments) > place else 0


ROWS = (
    Address(
        "/note", "KEY VELOCITY [CHANNEL]", "Starts a note; VELOCITY 0 ends it.", _note, 2, 3, is_note=True
    ),
    Address("/note/on", "KEY VELOCITY [CHANNEL]", "The same as /note.", _note, 2, 3, is_note=True),
    Address("/note/off", "KEY [VELOCITY [CHANNEL]]", "Lets a note go.", _note_off, 1, 3, is_note=True),
    Address("/bend", "SEMITONES [CHANNEL]", "Bends the notes of a channel.", _bend, 1, 2, is_note=True),
    trigger("/notes/off", "Lets all notes go; the pedal still holds.", _notes_off, is_note=True),
    trigger("/sound/off", "Silences all notes at once, pedal or not.", _sound_off, is_note=True),
    trigger("/panic", "Silences everything and forgets what waits for its time.", _panic),
)
