"""A hallucination: one sound after another along a path through the latent space, overlapping.

After the patch of that name (SopiMlab, DeepLearningWithAudio): key points, points between them, every sound
under the same envelope, `spacing` seconds apart. ``docs/differences.md`` lists what ours does otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pca_cache.latent_point import LatentPoint
from pca_cache.latent_space import LatentSpace
from synth_engine.offline.mixdown import Mixdown, Placed, trapezoid
from synth_engine.offline.note_source import NoteRequest, NoteSource
from synth_engine.offline.paths import slerp
from synth_engine.offline.resampling import resample

FloatArray = NDArray[np.float32]

_EDGE_FRAMES = 64  # of the model's rate, kept behind the envelope so that resampling does not ring inside it
_PAN_TURN = 0.381966 * 2.0 * math.pi  # the golden angle: neighbours lie apart, and no place comes twice


@dataclass(frozen=True)
class Station:
    """Where one sound of a hallucination comes from.

    Attributes
    ----------
    latent : NDArray[np.float32], shape (latent_size,)
        Base point.
    coordinates : tuple of float
        Standard deviations along the basis's directions.
    title : str
        For people: the key point's name, or the two it lies between.
    """

    latent: FloatArray
    coordinates: tuple[float, ...]
    title: str


@dataclass(frozen=True)
class Plan:
    """How the sounds are shaped and placed.

    Attributes
    ----------
    pitches : tuple of float
        MIDI pitches, taken in turn.
    spacing_s : float
        Seconds from one sound's start to the next one's.
    trim_s : float
        Seconds left out at every sound's beginning.
    attack_s, sustain_s, release_s : float
        Linear rise, level, linear fall. Longer than the model's notes is allowed: they are held on.
    width : float
        0 all in the middle, 1 spread from left to right.
    rate_hz : int
        Sample rate of the result.
    channels : int
        1 or 2.
    """

    pitches: tuple[float, ...] = (60.0,)
    spacing_s: float = 1.0
    trim_s: float = 0.0
    attack_s: float = 0.5
    sustain_s: float = 1.0
    release_s: float = 1.5
    width: float = 0.6
    rate_hz: int = 48_000
    channels: int = 2

    @property
    def sound_s(self) -> float:
        """Length of one sound."""
        return self.attack_s + self.sustain_s + self.release_s

    def note_s(self, held_s: float) -> float | None:
        """Seconds a note must be held on; None if `held_s`, as long as the model holds its own, will do."""
        needed_s = self.trim_s + self.sound_s
        return needed_s if needed_s > held_s else None


def stations(space: LatentSpace, keys: Sequence[tuple[str, LatentPoint]], between: int) -> list[Station]:
    """Key points and the points between them, every key once: n + (n - 1) * between.

    Base points are interpolated by slerp, coordinates linearly.

    Parameters
    ----------
    space : LatentSpace
        Of the model.
    keys : sequence of (str, LatentPoint)
        One or more, with names.
    between : int
        Points between two keys, 0 or more.

    Raises
    ------
    LatentError
        If the model has no such point.
    """
    ends = [(name, space.latent(point), np.array(point.coordinates)) for name, point in keys]
    size = max(len(coordinates) for _, _, coordinates in ends)
    padded = [np.pad(coordinates, (0, size - len(coordinates))) for _, _, coordinates in ends]
    found: list[Station] = []
    for number in range(len(ends) - 1):
        (name, start, _), (next_name, end, _) = ends[number : number + 2]
        for step in range(between + 1):
            share = step / (between + 1)
            coordinates = (1.0 - share) * padded[number] + share * padded[number + 1]
            title = f"{name} > {next_name} {share:.0%}" if step else name
            latent = slerp(start, end, share).astype(np.float32) if step else start
            found.append(Station(latent, tuple(coordinates.tolist()), title))
    name, last, _ = ends[-1]
    return [*found, Station(last, tuple(padded[-1].tolist()), name)]


def requests(
    source: NoteSource, space: LatentSpace, path: Sequence[Station], plan: Plan
) -> list[NoteRequest]:
    """What is to be rendered, one note a station."""
    seconds = plan.note_s(source.held_s)
    return [
        NoteRequest(
            station.latent,
            plan.pitches[number % len(plan.pitches)],
            seconds,
            space.offset(station.coordinates) if any(station.coordinates) else None,
        )
        for number, station in enumerate(path)
    ]


def hallucinate(
    source: NoteSource,
    asked: Sequence[NoteRequest],
    plan: Plan,
    heard: Callable[[int, FloatArray], None] | None = None,
) -> Iterator[FloatArray]:
    """Yield the mix block by block, each float32 (frames, channels), to the last sound's end.

    Parameters
    ----------
    source : NoteSource
        Renders the notes.
    asked : sequence of NoteRequest
        From :func:`requests`.
    plan : Plan
        Shape and place.
    heard : callable or None
        Told every sound's number, from 0, and its note as rendered.
    """
    mixdown = Mixdown(plan.rate_hz, plan.channels)
    for number, wave in enumerate(source.stream(asked)):
        if heard is not None:
            heard(number, wave)
        start_s = number * plan.spacing_s
        mixdown.add(Placed(start_s, shaped(wave, source.rate_hz, plan), pan=pan_of(number, plan.width)))
        yield mixdown.finished_until(start_s)
    yield mixdown.rest()


def shaped(wave: FloatArray, wave_hz: int, plan: Plan) -> FloatArray:
    """Trim a note, bring it to the result's rate and put it under the envelope."""
    first = round(plan.trim_s * wave_hz)
    count = math.ceil(plan.sound_s * wave_hz)
    part = wave[first : first + count + _EDGE_FRAMES].copy()
    fade = min(_EDGE_FRAMES, len(part))
    part[len(part) - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    envelope = trapezoid(plan.attack_s, plan.sustain_s, plan.release_s, plan.rate_hz)
    sound = resample(part, wave_hz, plan.rate_hz)[: len(envelope)]
    return np.asarray(sound * envelope[: len(sound)], np.float32)


def pan_of(number: int, width: float) -> float:
    """Where a sound lies, -1 left to 1 right; the first in the middle."""
    return width * math.sin(number * _PAN_TURN)
