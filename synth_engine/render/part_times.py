"""When a voice goes on from one part of a held note to the next; no network, nothing heavy."""

from __future__ import annotations

from synth_engine.abi import MODEL_RATE_HZ
from synth_engine.generator.holding import own_frames
from synth_engine.generator.spectral import Representation

PART_LEAVE_S = 3.85  # position in every part but the note itself at which the next takes over,
PART_ENTER_S = 0.05  # and where that is in the next
ENTER_FRAMES = round(PART_ENTER_S * MODEL_RATE_HZ)  # these at the model's rate
STEP_FRAMES = round((PART_LEAVE_S - PART_ENTER_S) * MODEL_RATE_HZ)


def first_leave_frames(size: Representation) -> int:
    """Samples at the model's rate after which a held note leaves the note itself."""
    return max(own_frames(size) - ENTER_FRAMES, ENTER_FRAMES)


def first_leave_s(size: Representation) -> float:
    """The same in seconds."""
    return first_leave_frames(size) / MODEL_RATE_HZ
