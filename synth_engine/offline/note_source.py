"""Latent points and pitches in, waves out: the network in this process, on all cores."""

from __future__ import annotations

import os
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from queue import SimpleQueue
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from synth_engine.generator.entry import Entry
from synth_engine.generator.holding import HELD_SHARE
from synth_engine.generator.model import Model, ModelError
from synth_engine.generator.model_folder import load_model
from synth_engine.generator.runtime import NoteRenderer
from synth_engine.generator.sustain import sustained_wave
from synth_engine.generator.tracks import bin_tracks, partial_tracks
from synth_engine.render.worker import levelled

FloatArray = NDArray[np.float32]
Key = tuple[bytes, float, float]

_NOTES_KEPT = 1024  # a quarter of a gigabyte of 4-second notes
_NOTES_AHEAD = 4  # a thread: rendered before they are asked for


@dataclass(frozen=True, eq=False)
class NoteRequest:
    """A note to be rendered.

    Attributes
    ----------
    latent : NDArray[np.float32], shape (latent_size,)
        Latent point.
    pitch : float
        MIDI pitch, continuous.
    seconds : float or None
        How long the key is held; None is as long as the notes the model was trained on. The sound is then the
        model's own note, or, where that is too short, one that goes on as long and then has its own release.
    offset : NDArray[np.float32] or None
        Added to the first layer's activation, shape `Model.hook_shape` or as many numbers.
    """

    latent: FloatArray
    pitch: float
    seconds: float | None = None
    offset: FloatArray | None = None


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0))


class NoteSource:
    """One model's notes.

    Parameters
    ----------
    model_path : Path
        Model folder.
    threads : int or None
        Notes rendered at the same time, each on one core; None is one a core.
    cache_dir : Path or None
        Folder for compiled networks, which makes the next start faster.

    Attributes
    ----------
    model : Model
        The model.
    rate_hz : int
        Sample rate of every wave.
    seconds : float
        Length of the model's own notes.

    Raises
    ------
    ModelError
        If the folder is not a usable model.

    **Thread**: one at a time.
    """

    def __init__(
        self, model_path: Path, *, threads: int | None = None, cache_dir: Path | None = None
    ) -> None:
        self.model: Model = load_model(model_path)
        size = self.model.representation
        self.rate_hz = size.sample_rate_hz
        self.seconds = size.wave_frames / size.sample_rate_hz
        self._threads = cores() if threads is None else threads
        self._cache_dir = cache_dir
        self._entry = Entry(self.model)
        self._renderers: SimpleQueue[NoteRenderer] = SimpleQueue()

    def render(
        self, requests: Sequence[NoteRequest], progress: Callable[[int, int], None] | None = None
    ) -> list[FloatArray]:
        """Render notes; equal requests are rendered once and share their wave.

        Parameters
        ----------
        requests : sequence of NoteRequest
            In any order.
        progress : callable or None
            Told (done, total) as it goes on.

        Returns
        -------
        list of NDArray[np.float32], each of shape (frames,)
            At `rate_hz`, every note brought to the instrument's one peak.

        Raises
        ------
        ModelError
            If the network answers with NaN or infinity.
        ValueError
            If a latent point or an offset does not fit the model.
        """
        waves = []
        for wave in self.stream(requests):
            waves.append(wave)
            if progress is not None:
                progress(len(waves), len(requests))
        return waves

    def stream(self, requests: Sequence[NoteRequest]) -> Iterator[FloatArray]:
        """Yield the same waves as `render` one by one, and keep only those that will be asked for again."""
        keys = [self._key(request) for request in requests]
        left = Counter(keys)
        kept: OrderedDict[Key, Future[FloatArray]] = OrderedDict()
        ahead: deque[tuple[Key, Future[FloatArray]]] = deque()
        pool = ThreadPoolExecutor(self._threads, "timbred-notes")
        upcoming = iter(zip(keys, requests, strict=True))
        try:
            while True:
                while len(ahead) < _NOTES_AHEAD * self._threads and (following := next(upcoming, None)):
                    key, request = following
                    if key not in kept:
                        kept[key] = pool.submit(self._wave, request)
                    kept.move_to_end(key)
                    ahead.append((key, kept[key]))
                if not ahead:
                    return
                key, future = ahead.popleft()
                left[key] -= 1
                if not left[key]:
                    del kept[key]
                elif len(kept) > _NOTES_KEPT:
                    kept.popitem(last=False)
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _key(self, request: NoteRequest) -> Key:
        point = blake2b(np.asarray(request.latent, np.float32).tobytes(), digest_size=16)
        if request.offset is not None:
            point.update(np.asarray(request.offset, np.float32).tobytes())
        held_s = request.seconds if request.seconds is not None and request.seconds > self.held_s else 0.0
        return point.digest(), float(request.pitch), held_s

    @property
    def held_s(self) -> float:
        """Seconds that the key of the model's own notes is down: three of NSynth's four."""
        return HELD_SHARE * self.seconds

    def _wave(self, request: NoteRequest) -> FloatArray:
        pitches = np.array([request.pitch], np.float64)
        hooks = self._entry.activate(np.asarray(request.latent, np.float32)[None], pitches)
        if request.offset is not None:
            hooks = hooks + np.asarray(request.offset, np.float32).reshape(hooks.shape)
        renderer = self._borrow()
        try:
            if request.seconds is None or request.seconds <= self.held_s:
                wave = renderer.waves(hooks, pitches)[0]
            else:
                wave = self._longer(renderer.spectrograms(hooks, pitches)[0], request)
        finally:
            self._renderers.put(renderer)
        if not np.isfinite(wave).all():
            raise ModelError(f"pitch {request.pitch:g}: the network answered with NaN or infinity")
        return levelled(wave)

    def _longer(self, spectrogram: FloatArray, request: NoteRequest) -> FloatArray:
        size = self.model.representation
        if self.model.architecture.harmonic_maps:
            tracks = partial_tracks(spectrogram, request.pitch, size)
        else:
            tracks = bin_tracks(spectrogram, size)
        # Notes of a chord walk ways of their own, the same ones every time.
        seed = crc32(np.asarray(request.latent, np.float32).tobytes(), round(1000.0 * request.pitch))
        assert request.seconds is not None
        return sustained_wave(tracks, request.seconds, seed)

    def _borrow(self) -> NoteRenderer:
        if self._renderers.empty():
            return NoteRenderer(self.model, threads=1, cache_dir=self._cache_dir)
        return self._renderers.get()
