"""Render a note or read it, and ask every judge that is there; many notes on a few threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from synth_engine.datasets.shards import FULL_SCALE, Waves
from synth_engine.evaluation.judges import Hearing, Judge, JudgeMissing, PitchJudge, SwiftJudge, loudest_dbfs
from synth_engine.evaluation.measures import Measures, measure
from synth_engine.evaluation.mel import mel_power
from synth_engine.evaluation.musicnn import Musicnn, load_musicnn
from synth_engine.evaluation.note_sets import Note
from synth_engine.generator.model import Model, ModelError
from synth_engine.generator.runtime import Entry, NoteRenderer
from synth_engine.generator.spectral import SAMPLE_RATE_HZ

Progress = Callable[[int, int], None]

PEAK = 0.95  # every note is brought to this peak before it is judged, as the instrument does
IMAGE_RANGE_DB = 60.0
_IMAGE_BANDS, _IMAGE_WINDOW_FRAMES, _IMAGE_HOP_FRAMES = 64, 1_024, 2_048
JUDGE_MAKERS: Mapping[str, Callable[[], Judge]] = {"basic-pitch": PitchJudge, "SwiftF0": SwiftJudge}
MUSICNN = "musicnn"


@dataclass(frozen=True, eq=False)
class Examined:
    """What was found out about one note.

    Attributes
    ----------
    note : Note
        Which note.
    hearings : mapping of str to Hearing
        By judge.
    level_dbfs : float
        Loudest 50 ms before the note was brought to its peak.
    measures : Measures
        Attack, noise, brightness and so on.
    image : NDArray[np.float32], shape (times, 64)
        Log-mel spectrogram in dB below its own loudest bin, -60..0, 128 ms a row.
    features : NDArray[np.float32], shape (200,), or None
        musicnn's, if it is there.
    """

    note: Note
    hearings: Mapping[str, Hearing]
    level_dbfs: float
    measures: Measures
    image: NDArray[np.float32]
    features: NDArray[np.float32] | None


@dataclass(frozen=True)
class Panel:
    """The judges that are installed, and how to get the others.

    Attributes
    ----------
    names : tuple of str
        Judges of pitch that are there.
    hears_realism : bool
        Whether musicnn's weights are there.
    missing : mapping of str to str
        What mends the absence of the others.
    """

    names: tuple[str, ...]
    hears_realism: bool
    missing: Mapping[str, str]


def assemble_panel() -> Panel:
    """Find out which judges are installed."""
    missing: dict[str, str] = {}
    makers: dict[str, Callable[[], object]] = {**JUDGE_MAKERS, MUSICNN: load_musicnn}
    for name, make in makers.items():
        try:
            make()
        except JudgeMissing as error:
            missing[name] = str(error)
    names = tuple(name for name in JUDGE_MAKERS if name not in missing)
    return Panel(names, MUSICNN not in missing, missing)


class _Desk:
    """What one thread works with."""

    def __init__(self, model: Model | None, panel: Panel) -> None:
        self.renderer = None if model is None else NoteRenderer(model, threads=1)
        self.judges = {name: JUDGE_MAKERS[name]() for name in panel.names}
        self.musicnn: Musicnn | None = load_musicnn() if panel.hears_realism else None


class Examiner:
    """Judges notes on several threads.

    Parameters
    ----------
    model : Model
        Generates the notes that are not real.
    waves : Waves or NDArray[np.int16], shape (notes, frames), or None
        The data set's notes.
    panel : Panel
        Who judges.
    workers : int
        Threads; each has a network and judges of its own.

    Raises
    ------
    ModelError
        If the model's notes are not at 16 kHz.
    """

    def __init__(
        self, model: Model, waves: Waves | NDArray[np.int16] | None, panel: Panel, workers: int = 2
    ) -> None:
        if model.representation.sample_rate_hz != SAMPLE_RATE_HZ:
            raise ModelError(
                f"the judges hear {SAMPLE_RATE_HZ} Hz, the model makes {model.representation.sample_rate_hz}"
            )
        self._entry, self._waves = Entry(model), waves
        self._workers = workers
        self._desks: SimpleQueue[_Desk] = SimpleQueue()
        for _ in range(workers):
            self._desks.put(_Desk(model, panel))

    def examine(self, notes: Sequence[Note], tell: Callable[[], None] | None = None) -> list[Examined]:
        """Judge notes; `tell` is called after each, and may raise to interrupt."""
        pool = ThreadPoolExecutor(self._workers, "timbred-judges")
        found = []
        with threadpool_limits(limits=1):
            try:
                for examined in pool.map(self._examine, notes):
                    found.append(examined)
                    if tell is not None:
                        tell()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        return found

    def wave(self, note: Note) -> NDArray[np.float32]:
        """The note as sound, at its own level."""
        desk = self._desks.get()
        try:
            return self._wave(desk, note)
        finally:
            self._desks.put(desk)

    def _examine(self, note: Note) -> Examined:
        desk = self._desks.get()
        try:
            wave = self._wave(desk, note)
            loud = levelled(wave)
            return Examined(
                note=note,
                hearings={name: judge.hear(loud) for name, judge in desk.judges.items()},
                level_dbfs=loudest_dbfs(wave),
                measures=measure(loud, note.pitch),
                image=image_of(loud),
                features=None if desk.musicnn is None else desk.musicnn.features(loud),
            )
        finally:
            self._desks.put(desk)

    def _wave(self, desk: _Desk, note: Note) -> NDArray[np.float32]:
        if note.latent is None:
            assert self._waves is not None
            assert note.real is not None
            return np.asarray(self._waves[note.real], np.float32) / np.float32(FULL_SCALE)
        assert desk.renderer is not None
        pitches = np.array([float(note.pitch)])
        hooks = self._entry.activate(note.latent[None], pitches)
        return np.asarray(desk.renderer.waves(hooks, pitches)[0], np.float32)


def levelled(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """The note brought to one peak; silence stays silence."""
    peak = float(np.abs(wave).max(initial=0.0))
    return wave if peak < 1e-6 else (wave * np.float32(PEAK / peak)).astype(np.float32)


def image_of(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture that notes are binned by: log-mel, 64 bands, 128 ms a row, 60 dB deep."""
    power = mel_power(wave, _IMAGE_BANDS, _IMAGE_WINDOW_FRAMES, _IMAGE_HOP_FRAMES)
    level_db = 10.0 * np.log10(power / max(float(power.max()), 1e-12) + 1e-12)
    image: NDArray[np.float32] = np.maximum(level_db, -IMAGE_RANGE_DB).astype(np.float32)
    return image
