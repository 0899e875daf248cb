"""The parts in which a note goes on when it is held longer than a slot lasts.

Part 0 is the note itself. Part 1 takes over before the note's release begins, every further one before
the end of the part before it; around the change both hold the same samples, so a voice can step from one
to the other at any frame there. What the parts hold is `EndlessNote`'s walk: in tune, without a period.
The same point, pitch and part are the same samples whenever they are asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth_engine.abi import MODEL_RATE_HZ, NOTE_SECONDS, VOICE_COUNT
from synth_engine.generator.sustain import EndlessNote, sustained_wave
from synth_engine.generator.tracks import Tracks
from synth_engine.render.levels import NOTE_PEAK, level_gain
from synth_engine.render.part_times import (
    ENTER_FRAMES,
    PART_ENTER_S,
    PART_LEAVE_S,
    STEP_FRAMES,
    first_leave_frames,
    first_leave_s,
)
from synth_engine.render.upsampling import upsample

SILENT_PEAK = 1e-3 * NOTE_PEAK  # a part below this has died away: it is not made, and none after it
WALKS_KEPT = VOICE_COUNT  # 3 MB each; one that is not there is walked again from its beginning
_PART_FRAMES = int(NOTE_SECONDS * MODEL_RATE_HZ)
_CONTEXT_FRAMES = 512  # around a part, so that upsampling does not hear where it was cut

TracksOf = Callable[[NDArray[np.float32], NDArray[np.float32], float], Tracks]


@dataclass(frozen=True, eq=False)
class NotePart:
    """One part.

    Attributes
    ----------
    sound : float32 (SLOT_FRAMES,)
        At the bank's rate and the note's level.
    leave_s : float
        Position in the part before at which this one takes over, and
    enter_s : float
        where that is in this one.
    """

    sound: NDArray[np.float32]
    leave_s: float
    enter_s: float


class _Walk:
    """One note on its way from part to part."""

    def __init__(self, tracks: Tracks, seed: int) -> None:
        self._note = EndlessNote(tracks, seed)
        self._gain = np.float32(level_gain(upsample(sustained_wave(tracks, 0.0)[None])[0]))
        self._first_leave_s = first_leave_s(tracks.size)
        self._first_frames = first_leave_frames(tracks.size) - ENTER_FRAMES
        self._taper = np.hanning(2 * _CONTEXT_FRAMES).astype(np.float32)
        self._begin = 0  # sample that the kept ones begin with
        self._kept: NDArray[np.float32] = np.zeros(0, np.float32)

    def part(self, number: int) -> NotePart:
        """The next part, or a later one."""
        begin = self._first_frames + (number - 1) * STEP_FRAMES
        self._go_to(begin - _CONTEXT_FRAMES)
        missing = _PART_FRAMES + 2 * _CONTEXT_FRAMES - len(self._kept)
        self._kept = np.concatenate([self._kept, self._note.read(missing)])
        sound = self._kept.copy()
        sound[:_CONTEXT_FRAMES] *= self._taper[:_CONTEXT_FRAMES]
        sound[-_CONTEXT_FRAMES:] *= self._taper[_CONTEXT_FRAMES:]
        wide = upsample(sound[None])[0] * self._gain
        edge = (len(wide) - 2 * _PART_FRAMES) // 2
        leave_s = self._first_leave_s if number == 1 else PART_LEAVE_S
        return NotePart(wide[edge:-edge], leave_s, PART_ENTER_S)

    def _go_to(self, frame: int) -> None:
        """Forget what lies before a sample; before the note begins there is silence."""
        if frame < self._begin:
            self._kept = np.concatenate([np.zeros(self._begin - frame, np.float32), self._kept])
            self._begin = frame
        while (ahead := frame - self._begin - len(self._kept)) > 0:
            self._begin += len(self._kept)
            self._kept = self._note.read(min(ahead, _PART_FRAMES))
        self._kept = self._kept[frame - self._begin :]
        self._begin = frame


class PartMaker:
    """Makes parts, and remembers where the notes lately asked for have got to.

    Parameters
    ----------
    tracks_of : callable
        Latent, offset and pitch to the note taken apart; may raise.
    """

    def __init__(self, tracks_of: TracksOf) -> None:
        self._tracks_of = tracks_of
        self._walks: dict[tuple[bytes, int], _Walk] = {}  # by note and next part, the oldest first

    def part(
        self, latent: NDArray[np.float32], offset: NDArray[np.float32], pitch: float, number: int
    ) -> NotePart | None:
        """Make one part.

        Parameters
        ----------
        latent : float32 (latent_size,)
        offset : float32 (frames, bins, channels), flat or not, or empty for none
        pitch : float
            MIDI number.
        number : int
            1 or more.

        Returns
        -------
        NotePart or None
            None if the sound has died away by then.
        """
        told = hashlib.blake2b(np.float64(pitch).tobytes(), digest_size=16)
        told.update(latent.tobytes())
        told.update(offset.tobytes())
        note = told.digest()
        walk = self._walks.pop((note, number), None)
        if walk is None:
            walk = _Walk(self._tracks_of(latent, offset, pitch), int.from_bytes(note, "little"))
        part = walk.part(number)
        if float(np.max(np.abs(part.sound))) < SILENT_PEAK:
            return None
        self._walks[note, number + 1] = walk
        if len(self._walks) > WALKS_KEPT:
            del self._walks[next(iter(self._walks))]
        return part
