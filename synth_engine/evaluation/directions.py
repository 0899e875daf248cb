"""Render and measure notes along directions of a hook: the raw material of their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pca_cache.describe import QUALITIES, Responses
from synth_engine.evaluation.examination import image_of, levelled
from synth_engine.evaluation.judges import loudest_dbfs
from synth_engine.evaluation.measures import measure
from synth_engine.evaluation.note_sets import Note, mix_notes, random_notes
from synth_engine.evaluation.second_hook import SecondHookRenderer
from synth_engine.generator.entry import Entry
from synth_engine.generator.model import Model
from synth_engine.generator.runtime import NoteRenderer

FloatArray = NDArray[np.float32]
Hook = Literal["block_1/conv0", "block_1/conv1"]

LEVELS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
ENDS = (-2.0, 0.0, 2.0)
_PITCH_SPAN = (36, 84)
_QUICKEST_MS = 4.0  # attacks below this are all one to the ear


@dataclass(frozen=True)
class Measured:
    """One note on a direction."""

    qualities: NDArray[np.float64]
    cents: float
    level_dbfs: float
    image: FloatArray


class Player(Protocol):
    """Renders one note with an offset at some hook."""

    def wave(self, note: Note, offset: FloatArray) -> FloatArray:
        """Samples at 16 kHz, not normalised."""


class HookPlayer:
    """A network, and where offsets are added to it.

    Parameters
    ----------
    model : Model
        Which one.
    hook : {"block_1/conv0", "block_1/conv1"}
        Where.

    **Thread**: one at a time.
    """

    def __init__(self, model: Model, hook: Hook) -> None:
        self._entry = Entry(model)
        self._second = SecondHookRenderer(model) if hook == "block_1/conv1" else None
        self._renderer = self._second or NoteRenderer(model, threads=1)

    def wave(self, note: Note, offset: FloatArray) -> FloatArray:
        """Render one note with an offset."""
        assert note.latent is not None
        pitches = np.array([float(note.pitch)])
        hooks = self._entry.activate(note.latent[None], pitches)
        if self._second is None:
            hooks = hooks + offset
        else:
            self._second.offset = offset
        return np.asarray(self._renderer.waves(hooks, pitches)[0], np.float32)


def probe_notes(model: Model, count: int, seed: int) -> list[Note]:
    """Points and pitches that directions are tried at: mixes of anchors and random points by turns."""
    rng = np.random.default_rng((seed, 77))
    low, high = max(_PITCH_SPAN[0], model.pitches[0]), min(_PITCH_SPAN[1], model.pitches[-1])
    pitches = list(range(low, high + 1))
    mixes = mix_notes(model, count // 2, rng) if len(model.anchors) > 1 else []
    return mixes + random_notes(model, count - len(mixes), rng, pitches)


def measure_note(wave: FloatArray, pitch: float) -> Measured:
    """Measure one note on a direction; the qualities are those of `pca_cache.describe.QUALITIES`."""
    loud = levelled(wave)
    found = measure(loud, pitch)
    values = {**vars(found), "attack_octaves": float(np.log2(found.attack_ms + _QUICKEST_MS))}
    qualities = np.array([values[quality.key] for quality in QUALITIES])
    return Measured(qualities, found.pitch_cents, loudest_dbfs(wave), image_of(loud))


class DirectionProbe:
    """Follows directions from many points.

    Parameters
    ----------
    players : sequence of Player
        One a thread.
    probes : sequence of Note
        Points and pitches.
    tell : callable or None
        Called after every note; may raise to interrupt.
    """

    def __init__(
        self, players: Sequence[Player], probes: Sequence[Note], tell: Callable[[], None] | None = None
    ) -> None:
        self._players: SimpleQueue[Player] = SimpleQueue()
        for player in players:
            self._players.put(player)
        self._threads = len(players)
        self._probes = probes
        self._tell = tell

    def follow(self, offsets: FloatArray, levels: Sequence[float]) -> Responses:
        """Measure every direction at every level from every point.

        Parameters
        ----------
        offsets : NDArray[np.float32], shape (directions, frames, bins, channels)
            What one sigma of each direction adds.
        levels : sequence of float
            Coordinates in sigma, -2, 0 and 2 among them.
        """
        jobs = [
            (probe, offsets[n] * np.float32(level))
            for n in range(len(offsets))
            for level in levels
            if level != 0.0
            for probe in self._probes
        ]
        jobs = [(probe, np.zeros_like(offsets[0])) for probe in self._probes] + jobs
        found = self._run(jobs)
        origin, rest = found[: len(self._probes)], iter(found[len(self._probes) :])
        table = [
            [origin if level == 0.0 else [next(rest) for _ in self._probes] for level in levels]
            for _ in range(len(offsets))
        ]
        low, high = levels.index(-2.0), levels.index(2.0)
        change = [
            [_change_db(a.image, b.image) for a, b in zip(row[low], row[high], strict=True)] for row in table
        ]
        return Responses(
            levels=np.array(levels),
            qualities=np.array([[[m.qualities for m in notes] for notes in row] for row in table]),
            cents=np.array([[[m.cents for m in notes] for notes in row] for row in table]),
            levels_dbfs=np.array([[[m.level_dbfs for m in notes] for notes in row] for row in table]),
            change_db=np.array(change),
        )

    def _run(self, jobs: Sequence[tuple[Note, FloatArray]]) -> list[Measured]:
        pool = ThreadPoolExecutor(self._threads, "timbred-directions")
        found = []
        with threadpool_limits(limits=1):
            try:
                for measured in pool.map(self._measure, jobs):
                    found.append(measured)
                    if self._tell is not None:
                        self._tell()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        return found

    def _measure(self, job: tuple[Note, FloatArray]) -> Measured:
        probe, offset = job
        player = self._players.get()
        try:
            return measure_note(player.wave(probe, offset), probe.pitch)
        finally:
            self._players.put(player)


def notes_to_follow(directions: int, levels: Sequence[float], probes: int) -> int:
    """How many notes `DirectionProbe.follow` renders."""
    return probes * (1 + directions * sum(level != 0.0 for level in levels))


def random_offsets(offsets: FloatArray, seed: int) -> FloatArray:
    """Random directions, each as long as its counterpart: what any direction does."""
    rng = np.random.default_rng((seed, 78))
    drawn = rng.standard_normal(offsets.shape)
    flat = drawn.reshape(len(offsets), -1)
    lengths = np.linalg.norm(offsets.reshape(len(offsets), -1), axis=1) / np.linalg.norm(flat, axis=1)
    scaled: FloatArray = (drawn * lengths.reshape(-1, *[1] * (offsets.ndim - 1))).astype(np.float32)
    return scaled


def _change_db(low: FloatArray, high: FloatArray) -> float:
    return float(np.sqrt(np.square(high - low).mean()))
