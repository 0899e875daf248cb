"""Basic-pitch's network over a long sound: rows of note and onset probabilities, block by block.

Only its weights are used (``nmp.onnx`` inside the wheel); what its package does with the result is replaced
by `synth_engine.transcription.tracking`.

Source: R. Bittner et al., "A lightweight instrument-agnostic model for polyphonic note transcription and
multipitch estimation", ICASSP 2022.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth_engine.transcription.heard_notes import TranscriberMissing
from synth_engine.transcription.partials import STRENGTH_FRAMES, key_strengths

RATE_HZ = 22_050
HOP_FRAMES = 256  # one row
LOWEST_KEY = 21
KEYS = 88
MEND = "pip install 'timbred[judges]' && pip install --no-deps basic-pitch==0.4.0"

_WINDOW_FRAMES = 43_844  # what the network takes at once
_WINDOW_ROWS = 172
_EDGE_ROWS = 15  # at both ends of a window, which saw too little of their surroundings
_KEPT_ROWS = _WINDOW_ROWS - 2 * _EDGE_ROWS
_LEVEL = 0.5  # the sound's peak as the network gets it
_FADED = 10.0 ** (
    -60.0 / 20.0
)  # of the sound's peak: the network levels every window by itself and hears notes
_INPUT = "serving_default_input_2:0"
_HEADS = ("StatefulPartitionedCall:2", "StatefulPartitionedCall:1")  # onset, note


@dataclass(frozen=True)
class Rows:
    """Consecutive rows, one every 256 frames at 22,050 Hz; each float32 (rows, 88 keys from MIDI 21).

    Attributes
    ----------
    onset, note : probabilities that a note begins, and sounds.
    strength : amplitude of each key's first partials.
    """

    onset: NDArray[np.float32]
    note: NDArray[np.float32]
    strength: NDArray[np.float32]


def weights_path() -> Path | None:
    """Where basic-pitch's weights are, or None if its wheel is not installed."""
    package = importlib.util.find_spec("basic_pitch")
    if package is None or not package.submodule_search_locations:
        return None
    return Path(package.submodule_search_locations[0]) / "saved_models" / "icassp_2022" / "nmp.onnx"


def is_installed() -> bool:
    """Whether the engine can be used."""
    return weights_path() is not None and importlib.util.find_spec("onnxruntime") is not None


def open_session() -> Any:
    """The network, on one thread.

    Raises
    ------
    TranscriberMissing
        If `basic-pitch` (for its weights) or `onnxruntime` is not installed.
    """
    if not is_installed():
        raise TranscriberMissing(f"the basic-pitch engine is not installed; to install it: {MEND}")
    import onnxruntime  # noqa: PLC0415  an extra that only transcribing needs

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(weights_path()), options, ["CPUExecutionProvider"])


def hear(blocks: Iterable[NDArray[np.float32]], peak: float, session: Any) -> Iterator[Rows]:
    """Rows of a sound, 142 at a time, from its beginning; row *n* is about time *n* * 256 / 22,050 s.

    Parameters
    ----------
    blocks : iterable of float32 (frames,)
        The sound at 22,050 Hz, in blocks of any size.
    peak : float
        The whole sound's peak; what stays 60 dB below it is silence.
    session : onnxruntime.InferenceSession
        From :func:`open_session`.
    """
    scale = np.float32(_LEVEL / peak) if peak > 0 else np.float32(0.0)
    margin = _EDGE_ROWS * HOP_FRAMES
    step = _KEPT_ROWS * HOP_FRAMES
    waiting = np.zeros(margin, np.float32)  # begins one margin before the next kept row
    for block in blocks:
        waiting = np.concatenate([waiting, block * scale])
        while waiting.size >= _WINDOW_FRAMES:
            yield _rows(waiting[:_WINDOW_FRAMES], session)
            waiting = waiting[step:]
    rows_left = -(-(waiting.size - margin) // HOP_FRAMES)
    while rows_left > 0:
        window = np.zeros(_WINDOW_FRAMES, np.float32)
        window[: min(waiting.size, _WINDOW_FRAMES)] = waiting[:_WINDOW_FRAMES]
        yield _rows(window, session, min(rows_left, _KEPT_ROWS))
        waiting = waiting[step:]
        rows_left -= _KEPT_ROWS


def _rows(window: NDArray[np.float32], session: Any, count: int = _KEPT_ROWS) -> Rows:
    kept = slice(_EDGE_ROWS, _EDGE_ROWS + count)
    margin = _EDGE_ROWS * HOP_FRAMES
    first = margin - STRENGTH_FRAMES // 2
    heard = window[first : first + (count - 1) * HOP_FRAMES + STRENGTH_FRAMES]
    strength, level = key_strengths(heard, count)
    onset, note = session.run(_HEADS, {_INPUT: window.reshape(1, -1, 1)})
    sounding = (level >= _FADED * _LEVEL)[:, np.newaxis].astype(np.float32)
    return Rows(onset[0, kept] * sounding, note[0, kept] * sounding, strength)
