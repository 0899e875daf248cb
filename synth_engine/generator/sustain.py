"""Notes that last as long as the key: a walk over the frames of the held sound, with the phases running on.

A model's note is held for three quarters of its length and then released. To hold it longer, frames from
before the release are played again: forwards and backwards between points drawn at random, so that nothing
returns at even distances, each brought to one loudness, while every partial's phase goes on from where it is.
So there is no seam, and the pitch is the note's own. A sound that dies away by itself goes on dying.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy import ndimage

from synth_engine.generator.holding import HELD_SHARE, last_held_frame, release_frame
from synth_engine.generator.partials import spectra_of_noise
from synth_engine.generator.spectral import window_of_synthesis
from synth_engine.generator.tracks import Tracks, Turns

FloatArray = NDArray[np.float32]

_WALK_SHARE = 0.36  # of the frames are walked over, those before the release
_SETTLING_FRAMES = 16  # until the loudness is levelled, and until a release forgets where it began
_SHORTEST_LEG_FRAMES = 4
_STEADY_NAT, _DYING_NAT = 0.0074, 0.0221  # log power a frame: 1 and 3 dB/s; what falls faster is left to die
_MOST_FRAMES = 128  # made at once
_TREND_BINS = 17
_SILENCE = 1e-12  # power
_LOCK_RANGE = 1e-4  # of a frame's strongest bin: peaks weaker than this do not gather bins


class EndlessNote:
    """One note that sounds until it is released, read in pieces of any length.

    Parameters
    ----------
    tracks : Tracks
        The note.
    seed : int
        Of the walk; the same seed gives the same sound.

    **Thread**: one at a time.
    """

    def __init__(self, tracks: Tracks, seed: int = 0) -> None:
        self._tracks = tracks
        self._size = tracks.size
        # Two streams, so that the walk is the same however the note is read.
        self._rng, self._noise_rng = np.random.default_rng(seed).spawn(2)
        self.release_frame = release_frame(self._size)
        self._last = last_held_frame(self._size)
        self._first = max(1, self._last - round(_WALK_SHARE * self._size.frames))
        self._fit_levels()
        self._held_steps = _level_pitch(_locked(tracks, self._first, self._last), self._first, self._last)
        self._turns: Turns = np.zeros(tracks.steps.shape[1])
        self._count = 0  # frames made
        self._place = self._last
        self._aim = self._last
        self._released: int | None = None  # frame counted from which the release goes on
        self._left_over: FloatArray = np.zeros(0, np.float32)
        self._tail = np.zeros(self._size.window_frames - self._size.hop_frames, np.float32)
        self._noise_tail = self._noise_rng.standard_normal(len(self._tail), np.float32)
        self._skip = self._size.padding_frames

    def _fit_levels(self) -> None:
        """Find how each bin's level moves over the walk, and what brings each frame to one loudness."""
        frames = np.arange(self._first, self._last + 1)
        self._levels = np.log(self._tracks.power + np.float32(_SILENCE))
        held = self._levels[frames].astype(np.float64)
        distance = frames - frames.mean()
        spread = max(float(distance @ distance), 1.0)
        weights = np.exp(held).mean(axis=0) + _SILENCE
        trend = ndimage.uniform_filter1d(weights * (distance @ held) / spread, _TREND_BINS, mode="nearest")
        trend /= ndimage.uniform_filter1d(weights, _TREND_BINS, mode="nearest")
        loudness = np.log(np.exp(held).sum(axis=1))
        fall = max(-float(distance @ loudness) / spread, 0.0)
        dying = min(max((fall - _STEADY_NAT) / (_DYING_NAT - _STEADY_NAT), 0.0), 1.0)
        self._trend = trend
        # Every partial of a dying sound dies, those buried in noise too.
        self._fall = dying * np.minimum(trend, -0.5 * fall)
        flat = np.exp(held - np.outer(frames - self._last, trend)).sum(axis=1)
        self._gains = np.mean(np.log(flat)) - np.log(flat)

    def read(self, frames: int) -> FloatArray:
        """Return the next samples, float32 (frames,); less once a released note has ended."""
        parts, wanted = [self._left_over], frames - len(self._left_over)
        while wanted > 0 and len(self._tail):
            spectra = self._spectra(min(-(-wanted // self._size.hop_frames), _MOST_FRAMES))
            parts.append(self._overlap(spectra))
            if not len(spectra):
                parts.append(self._tail)
                self._tail = self._tail[:0]
            wanted -= len(parts[-1])
        sound = np.concatenate(parts)
        self._left_over = sound[frames:]
        return sound[:frames]

    def release(self, longer_frames: int | None = None) -> None:
        """Let go: the note's own release follows from where the sound is.

        Parameters
        ----------
        longer_frames : int or None
            Spectrogram frames that the note is held longer than the model's own; None lets go now, or when
            the note does by itself if that is later.
        """
        if self._released is None:
            now = self._count if longer_frames is None else self._last + 1 + longer_frames
            self._released = max(self._count, now, self._last + 1)

    def _spectra(self, count: int) -> NDArray[np.complex64]:
        """Make up to `count` more frames; none if the note has ended."""
        own = self._last + 1 - self._count
        if own > 0:  # the note as it is
            return self._make(np.arange(self._count, self._count + min(count, own)))
        if self._released is None or self._count < self._released:
            left = count if self._released is None else min(count, self._released - self._count)
            return self._make(self._walk(left))
        after = self._count - self._released + self._last + 1
        if after >= self._size.frames:
            return np.zeros((0, self._size.bins), np.complex64)
        return self._make(np.arange(after, min(after + count, self._size.frames)), released=True)

    def _walk(self, count: int) -> NDArray[np.intp]:
        places = np.empty(count, np.intp)
        for i in range(count):
            if self._place == self._aim:
                self._aim = self._next_aim()
            self._place += int(np.sign(self._aim - self._place))
            places[i] = self._place
        return places

    def _next_aim(self) -> int:
        """A frame to walk to, some way off."""
        places = np.arange(self._first, self._last + 1)
        far = places[np.abs(places - self._place) >= min(_SHORTEST_LEG_FRAMES, len(places) // 2)]
        return int(self._rng.choice(far if len(far) else places))

    def _make(self, places: NDArray[np.intp], released: bool = False) -> NDArray[np.complex64]:
        """Frames that sound like the note's own at `places`, with phases that go on."""
        numbers = self._count + np.arange(len(places))
        own = bool(numbers[-1] <= self._last)
        levels = self._levels[places]
        if not own:
            levels = levels + (self._afterwards(numbers) if released else self._moved(numbers, places))
        steps = (self._tracks.steps if own or released else self._held_steps)[places]
        turns = self._turns + np.cumsum(steps, axis=0)
        self._turns = turns[-1] - np.rint(turns[-1])
        self._count += len(places)
        power = self._tracks.power[places]
        if not own:
            power = np.where(power > 0.0, np.exp(levels), 0.0).astype(np.float32)
        return self._tracks.spectra(power, turns, self._noise(places, own or released))

    def _moved(self, numbers: NDArray[np.intp], places: NDArray[np.intp]) -> NDArray[np.float64]:
        """What is added to the log power of walked frames."""
        held = (numbers - self._last)[:, None]
        share = np.minimum(held / _SETTLING_FRAMES, 1.0)
        moved: NDArray[np.float64] = (
            share * self._gains[places - self._first][:, None]
            - (places - self._last)[:, None] * self._trend
            + held * self._fall
        )
        return moved

    def _afterwards(self, numbers: NDArray[np.intp]) -> NDArray[np.float64]:
        """What is added to the log power of the release: how far the sound has died, and where it was."""
        assert self._released is not None
        reached = self._released - 1
        died = (reached - self._last) * self._fall
        if reached <= self._last:
            return np.zeros((len(numbers), self._size.bins))
        moved = self._moved(np.array([reached]), np.array([self._place]))[0]
        away = self._levels[self._place] + moved - self._levels[self._last] - died
        share = np.maximum(1.0 - (numbers - reached) / _SETTLING_FRAMES, 0.0)
        afterwards: NDArray[np.float64] = died + share[:, None] * away
        return afterwards

    def _noise(self, places: NDArray[np.intp], own: bool) -> NDArray[np.complex64]:
        if own or not self._tracks.noisy.any():
            return self._tracks.noise[places]
        fresh = self._noise_rng.standard_normal(len(places) * self._size.hop_frames, np.float32)
        noise = np.concatenate([self._noise_tail, fresh])
        self._noise_tail = noise[len(fresh) :]
        return spectra_of_noise(noise, self._size)

    def _overlap(self, spectra: NDArray[np.complex64]) -> FloatArray:
        """Samples that no later frame changes any more."""
        size = self._size
        with_dc = np.zeros((len(spectra), size.bins + 1), np.complex64)
        with_dc[:, 1:] = spectra
        windows = scipy.fft.irfft(with_dc, n=size.window_frames, axis=-1, overwrite_x=True)
        windows *= window_of_synthesis(size)
        sound = np.zeros(len(windows) * size.hop_frames + len(self._tail), np.float32)
        sound[: len(self._tail)] = self._tail
        for number, window in enumerate(windows):
            begin = number * size.hop_frames
            sound[begin : begin + size.window_frames] += window
        done = len(windows) * size.hop_frames
        self._tail = sound[done:]
        skipped = min(self._skip, done)
        self._skip -= skipped
        return sound[skipped:done]


def _locked(tracks: Tracks, first: int, last: int) -> Turns:
    """Steps of all frames in which the bins of one spectral peak turn together.

    Left to themselves, neighbours whose frequencies the network places a little apart beat with each other
    for as long as the note is held.

    Source: identity phase locking after Laroche and Dolson (1999); the peaks are those of the held sound.
    """
    bins = tracks.size.bins
    if tracks.steps.shape[1] != bins:  # tracks of partials are locked by nature
        return tracks.steps
    mean = tracks.power[first : last + 1].mean(axis=0, dtype=np.float64)
    peaks = 1 + np.flatnonzero((mean[1:-1] > mean[:-2]) & (mean[1:-1] > mean[2:]))
    peaks = peaks[mean[peaks] > _LOCK_RANGE * mean.max()]
    if not len(peaks):
        return tracks.steps
    valleys = [low + int(np.argmin(mean[low:high])) for low, high in pairwise(peaks)]
    starts = np.array([0, *valleys])
    weighted = tracks.power * np.exp(2j * np.pi * tracks.steps)
    together = np.angle(np.add.reduceat(weighted, starts, axis=1)) / (2.0 * np.pi)
    return np.repeat(together, np.diff([*starts, bins]), axis=1)


def _level_pitch(steps: Turns, first: int, last: int) -> Turns:
    """Steps without the trend they have over the walk, which would let the pitch wander with it."""
    mean = np.angle(np.exp(2j * np.pi * steps[first : last + 1]).sum(axis=0)) / (2.0 * np.pi)
    away = steps - mean
    away -= np.rint(away)
    distance = np.arange(len(steps)) - 0.5 * (first + last)
    walked = distance[first : last + 1]
    trend = walked @ away[first : last + 1] / max(float(walked @ walked), 1.0)
    levelled: Turns = mean + away - np.outer(distance, trend)
    return levelled


def sustained_wave(tracks: Tracks, held_s: float, seed: int = 0) -> FloatArray:
    """Return a note that is held for a time and then released.

    Parameters
    ----------
    tracks : Tracks
        The note.
    held_s : float
        Seconds; a note is never shorter than the model made it.
    seed : int
        Of the walk.

    Returns
    -------
    NDArray[np.float32], shape (frames,)
        To the end of the release.
    """
    size = tracks.size
    longer_s = held_s - HELD_SHARE * size.wave_frames / size.sample_rate_hz
    longer_frames = max(round(longer_s * size.sample_rate_hz / size.hop_frames), 0)
    note = EndlessNote(tracks, seed)
    note.release(longer_frames)
    return note.read(size.wave_frames + longer_frames * size.hop_frames)
