"""Three soft notes when the instrument is ready, so that a newcomer hears at once that it works."""

from __future__ import annotations

import asyncio
import time

from daemon.events import NoteOff, NoteOn
from daemon.performance import PerformanceSink, perform

_KEYS = (60, 67, 72)
_STEP_S = 0.22
_HOLD_S = 0.9
_VELOCITY = 0.5


async def greet(sink: PerformanceSink) -> None:
    """Play a rising C, G, C."""
    for key in _KEYS:
        perform(sink, NoteOn(key, _VELOCITY, 0, time.monotonic_ns(), "greeting"))
        await asyncio.sleep(_STEP_S)
    await asyncio.sleep(_HOLD_S)
    for key in _KEYS:
        perform(sink, NoteOff(key, 0.0, 0, time.monotonic_ns(), "greeting"))
