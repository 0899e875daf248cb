"""Which timbre plays which note of a song."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synth_engine.generator.latents import draw_latents
from synth_engine.generator.model import Model
from synth_engine.offline.paths import TimbrePath, evenly
from synth_engine.offline.song import SongNote
from synth_engine.offline.timbres import TimbreError, anchor_timbre, program_anchor

FloatArray = NDArray[np.float32]
Parts = Literal["song", "channel", "track"]

PROGRAMS, RANDOM = "programs", "random"
_SPEC = re.compile(r"\s*(?:(\d+)\s*=)?(.+)")
_SECONDS_PER_TIMBRE = 6.0


@dataclass(frozen=True)
class CastPlan:
    """What a player asked for.

    Attributes
    ----------
    by : {"song", "channel", "track"}
        What has a timbre of its own.
    specs : tuple of str
        ``WHAT`` for all, ``NUMBER=WHAT`` for one channel or track (from 1). WHAT is ``programs`` (the General
        MIDI program's instrument), ``random`` (a way through random points), an anchor, or anchors with
        commas between (a way through them).
    seconds_per_timbre : float or None
        How long a way takes from one point to the next; None: 6 s between random points, and between anchors
        so that the last is reached at the end.
    seed : int
        Of the random points.
    """

    by: Parts = "channel"
    specs: tuple[str, ...] = ()
    seconds_per_timbre: float | None = None
    seed: int = 0


@dataclass
class Cast:
    """Latent points for notes; make one with `cast`."""

    _model: Model
    _plan: CastPlan
    _total_s: float
    _specs: dict[int | None, str]
    _paths: dict[int, TimbrePath] = field(default_factory=dict)
    _programs: dict[int, FloatArray] = field(default_factory=dict)

    def latent_of(self, note: SongNote) -> FloatArray:
        """The point a note is played with: where its part's way is when it starts."""
        part = _part_of(note, self._plan.by)
        what = self._specs.get(part) or self._specs[None]
        if what == PROGRAMS:
            return self._program_latent(note.program)
        if part not in self._paths:
            self._paths[part] = self._path(part, what)
        return self._paths[part].latent_at(note.start_s)

    def _program_latent(self, program: int) -> FloatArray:
        if program not in self._programs:
            name = program_anchor(self._model, program)
            assert name is not None  # `cast` has seen to it
            self._programs[program] = self._model.anchors[name].latent
        return self._programs[program]

    def _path(self, part: int, what: str) -> TimbrePath:
        every_s = self._plan.seconds_per_timbre
        if what != RANDOM:
            points = np.stack([anchor_timbre(self._model, name).latent for name in _names(what)])
            if every_s is None:
                return evenly(points, self._total_s)
            count = _point_count(self._total_s, every_s) if len(points) > 1 else 1
            return TimbrePath(points[np.arange(count) % len(points)], np.arange(count) * every_s)
        every_s = every_s or _SECONDS_PER_TIMBRE
        count = _point_count(self._total_s, every_s)
        rng = np.random.default_rng([self._plan.seed, part])
        return TimbrePath(draw_latents(self._model, rng, count), np.arange(count) * every_s)


def cast(model: Model, plan: CastPlan, notes: Sequence[SongNote]) -> Cast:
    """Prepare the timbres of a song.

    Parameters
    ----------
    model : Model
        Whose timbres.
    plan : CastPlan
        What is asked for; without any specification for all, programs where the model's anchors have the
        names of General MIDI programs, else random points.
    notes : sequence of SongNote
        What will be played, one or more.

    Raises
    ------
    TimbreError
        If a specification names no anchor of the model, or a part without notes.
    """
    by_program = program_anchor(model, 0) is not None
    specs: dict[int | None, str] = {None: PROGRAMS if by_program else RANDOM}
    parts = sorted({_part_of(note, plan.by) for note in notes})
    for text in plan.specs:
        match = _SPEC.fullmatch(text)
        if match is None:
            raise TimbreError("timbre: expected such as violin, 1=violin,flute, programs or random, found ''")
        part = None if match[1] is None else int(match[1])
        if part is not None and part not in parts:
            having = ", ".join(map(str, parts)) if plan.by != "song" else "none, as --by song has one for all"
            raise TimbreError(f"timbre {text!r}: {plan.by} {part} has no notes; those with notes: {having}")
        specs[part] = _checked(model, match[2].strip(), by_program)
    return Cast(model, plan, max(note.end_s for note in notes), specs)


def _checked(model: Model, what: str, by_program: bool) -> str:
    if what == PROGRAMS and not by_program:
        raise TimbreError("timbre programs: no anchor of the model has the name of a General MIDI program")
    if what not in (PROGRAMS, RANDOM):
        for name in _names(what):
            anchor_timbre(model, name)
    return what


def _names(what: str) -> list[str]:
    return [name.strip() for name in what.split(",")]


def _part_of(note: SongNote, by: Parts) -> int:
    return {"song": 0, "channel": note.channel + 1, "track": note.track + 1}[by]


def _point_count(total_s: float, every_s: float) -> int:
    """Points at 0, `every_s`, ... until the song has ended, two at least."""
    return max(int(np.ceil(total_s / every_s)) + 1, 2)
