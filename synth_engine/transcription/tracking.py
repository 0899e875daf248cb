"""From rows of probabilities to notes: a small state machine for each key, from left to right.

A note *begins* at a peak of the onset head that reaches the onset threshold, if the note head follows within
four rows; or, without an onset (bowed, blown, faded in), when the note head has stayed over `SOFT_NOTE` for
`SOFT_ROWS` and no neighbouring key sounds. It *ends* when the note head has been under `SUSTAIN` for eleven
rows (128 ms, as the network's authors have it), at the last row over it. A new onset peak in a sounding note
ends it there and begins the next. Work is done as rows come; nothing of the past is kept but the notes that
still sound.

A note's *confidence* says how often such a note is right: a logistic function of the onset head at its
beginning and of the largest of its note head in its first quarter of a second, fitted on 5,769 candidates in
FluidR3 renderings of random scores (15 programs, one to three voices). Of those over 0.8, 96 % were right; of
those between 0.4 and 0.6, 40 %; below 0.2, 14 %. The note head alone ranks them far worse (area under the
curve 0.70 against 0.87).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from synth_engine.transcription.heard_notes import HeardNote
from synth_engine.transcription.polyphonic import HOP_FRAMES, KEYS, LOWEST_KEY, RATE_HZ, Rows

SUSTAIN = 0.3  # of the note head; the authors' default
SOFT_NOTE = 0.5
SOFT_ROWS = 12  # 140 ms
GAP_ROWS = 11
FOLLOW_ROWS = 4  # a note head rises this late after its onset
RESTRIKE_ROWS = 5  # 58 ms: two onsets nearer than this are one
SURE_ROWS = 22  # 0.26 s: where confidence is read
STRONG_ROWS = 12  # 0.14 s: where strength is read
_SURE_OF_ONSET, _SURE_OF_NOTE, _DOUBT = 8.58, 3.91, 7.62
ROW_S = HOP_FRAMES / RATE_HZ


class NoteTracker:
    """Rows in, finished notes out.

    Parameters
    ----------
    onset_threshold : float
        Onset head, 0..1.
    """

    def __init__(self, onset_threshold: float) -> None:
        self._threshold = max(onset_threshold, 1e-6)  # at 0 every ripple of nothing would be an onset
        self._row = 0  # number of the next row to decide about
        self._past = np.zeros((1, KEYS), np.float32)  # onset head one row before it
        self._onset = np.zeros((0, KEYS), np.float32)
        self._note = np.zeros((0, KEYS), np.float32)
        self._strength = np.zeros((0, KEYS), np.float32)
        self._start = np.full(KEYS, -1)
        self._last = np.zeros(KEYS, int)  # last row over SUSTAIN
        self._soft = np.zeros(KEYS, int)  # rows in a row over SOFT_NOTE
        self._surest = np.zeros(KEYS, np.float32)
        self._loudest = np.zeros(KEYS, np.float32)
        self._attack = np.zeros(KEYS, np.float32)  # onset head where the note began
        self._recent: deque[NDArray[np.float32]] = deque(maxlen=SOFT_ROWS + FOLLOW_ROWS)

    def feed(self, rows: Rows) -> Iterator[HeardNote]:
        """Take the next rows; notes that are over by then."""
        self._onset = np.concatenate([self._onset, rows.onset])
        self._note = np.concatenate([self._note, rows.note])
        self._strength = np.concatenate([self._strength, rows.strength])
        yield from self._decide(len(self._onset) - FOLLOW_ROWS)

    def finish(self) -> Iterator[HeardNote]:
        """The sound is over: whatever still sounds ends with it."""
        silence = np.zeros((FOLLOW_ROWS, KEYS), np.float32)
        yield from self.feed(Rows(silence, silence, silence))
        yield from self._end(self._start >= 0, self._last + 1)

    def _decide(self, count: int) -> Iterator[HeardNote]:
        if count <= 0:
            return
        onset = np.concatenate([self._past, self._onset])
        here = onset[1 : count + 1]
        peaks = (here >= self._threshold) & (here > onset[:count]) & (here >= onset[2 : count + 2])
        ahead = np.lib.stride_tricks.sliding_window_view(self._note, FOLLOW_ROWS, axis=0)[:count].max(axis=2)
        begins = peaks & (ahead >= SUSTAIN)
        for place in range(count):
            self._recent.append(here[place])
            yield from self._step(begins[place], self._note[place], self._strength[place])
        self._past = onset[count : count + 1]
        self._onset, self._note, self._strength = (
            self._onset[count:], self._note[count:], self._strength[count:],
        )  # fmt: skip

    def _step(
        self,
        begins: NDArray[np.bool_],
        note: NDArray[np.float32],
        strength: NDArray[np.float32],
    ) -> Iterator[HeardNote]:
        row = self._row
        self._row += 1
        sounding = self._start >= 0
        yield from self._end(sounding & (row - self._last > GAP_ROWS), self._last + 1)
        again = begins & (self._start >= 0) & (row - self._start >= RESTRIKE_ROWS)
        yield from self._end(again, np.full(KEYS, row))
        self._begin(begins & (self._start < 0), row, self._recent[-1])
        self._begin_soft(note, row)
        self._last[note >= SUSTAIN] = row
        self._last[begins] = row
        since = row - self._start
        sure = (self._start >= 0) & (since < SURE_ROWS)
        np.maximum(self._surest, note, out=self._surest, where=sure)
        np.maximum(self._loudest, strength, out=self._loudest, where=sure & (since < STRONG_ROWS))

    def _begin(self, which: NDArray[np.bool_], row: int, onset: NDArray[np.float32]) -> None:
        self._start[which] = row
        self._attack[which] = onset[which]
        self._surest[which] = 0.0
        self._loudest[which] = 0.0

    def _begin_soft(self, note: NDArray[np.float32], row: int) -> None:
        self._soft = np.where(note >= SOFT_NOTE, self._soft + 1, 0)
        sounding = np.pad(self._start >= 0, 1)
        beside = sounding[:-2] | sounding[2:]
        which = (self._soft >= SOFT_ROWS) & (self._start < 0) & ~beside
        if which.any():
            self._begin(which, row, np.max(self._recent, axis=0))
            self._start[which] = row - self._soft[which] + 1

    def _end(self, which: NDArray[np.bool_], end: NDArray[np.int_]) -> Iterator[HeardNote]:
        sure = _SURE_OF_ONSET * self._attack + _SURE_OF_NOTE * self._surest - _DOUBT
        confidence = 1.0 / (1.0 + np.exp(-sure))
        for key in np.flatnonzero(which):
            yield HeardNote(
                float(self._start[key] * ROW_S), float(end[key] * ROW_S), int(key) + LOWEST_KEY,
                float(confidence[key]), float(self._loudest[key]),
            )  # fmt: skip
        self._start[which] = -1
        self._soft[which] = 0
