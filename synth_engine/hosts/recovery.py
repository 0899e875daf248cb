"""Making shared memory fit for use after the audio process that wrote it has died.

It may have died between any two stores. Voices that make no sense are dropped, references are
counted afresh, and so no slot is lost and none is returned while in use.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synth_engine import abi
from synth_engine.abi import NO_SLOT, ReturnKind, VoiceStage
from synth_engine.shared_memory import EngineMemory

_NUMBERS = tuple(name for name in abi.VOICE.names or () if abi.VOICE.fields[name][0].kind == "f")  # type: ignore[index]


def recover(memory: EngineMemory) -> int:
    """Check everything only the kernel writes. Call while no kernel runs.

    Returns
    -------
    int
        Voices that had to be dropped.
    """
    record = memory.record
    voices, slots = record["voices"], record["slots"]
    dropped = _drop_broken(voices)
    keys = record["keys"]
    keys["slot"][(keys["slot"] < NO_SLOT) | (keys["slot"] >= abi.SLOT_COUNT)] = NO_SLOT
    named = np.concatenate([keys["slot"], *(voices[name] for name in abi.VOICE_SLOTS)])
    slots["references"] = np.bincount(named[named != NO_SLOT], minlength=abi.SLOT_COUNT)
    slots["owed"][slots["references"] > 0] = 1
    _forget_last_return(record)
    for name in ("left_gain", "right_gain", "limiter_peak"):
        if not np.isfinite(record[name]):
            record[name] = 0.0
    record["smoothed"] = record["parameters"]
    channels = record["channels"]
    channels["bend_semitones"][~np.isfinite(channels["bend_semitones"])] = 0.0
    channels["bend_smoothed"] = channels["bend_semitones"]
    if not 0 <= int(record["pending_count"]) <= abi.PENDING_EVENTS:
        record["pending_count"] = 0
    return dropped


def _drop_broken(voices: NDArray[np.void]) -> int:
    sounding = voices["stage"] != VoiceStage.FREE
    good = (voices["stage"] >= VoiceStage.FREE) & (voices["stage"] <= VoiceStage.RELEASE)
    good &= (voices["key"] >= 0) & (voices["key"] < abi.KEY_COUNT) & (voices["slot"] != NO_SLOT)
    for name in abi.VOICE_SLOTS:
        good &= (voices[name] >= NO_SLOT) & (voices[name] < abi.SLOT_COUNT)
    for name in _NUMBERS:
        good &= np.isfinite(voices[name])
    for name in ("position", "old_position"):
        good &= voices[name] >= 0.0
    voices["stage"][~good] = VoiceStage.FREE
    for name in abi.VOICE_SLOTS:
        voices[name][voices["stage"] == VoiceStage.FREE] = NO_SLOT
    return int(np.count_nonzero(sounding & ~good))


def _forget_last_return(record: NDArray[np.void]) -> None:
    """A slot whose return was the last thing said is not owed again: death came before that was noted."""
    returns = record["returns"]
    written = int(returns["write_index"])
    if written == 0:
        return
    last = returns["records"][(written - 1) % abi.RETURN_RING_EVENTS]
    slot = record["slots"][int(last["slot"])]
    if last["kind"] == ReturnKind.SLOT_RETURNED and slot["references"] == 0:
        slot["owed"] = 0
