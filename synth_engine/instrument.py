"""The instrument: one latent point, keys to play, and everything that makes them sound.

`Instrument` is live: another process runs the kernel on the same memory, a third renders.
`OfflineInstrument` does everything in the calling thread, for scripts and tests. Importing this
module loads no network runtime.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synth_engine.abi import SLOT_FRAMES, SLOT_GUARD_FRAMES
from synth_engine.banks.disk import BankStore
from synth_engine.banks.points import Point
from synth_engine.generator.model_folder import load_model
from synth_engine.render.bank_keeper import BankKeeper
from synth_engine.render.client import WorkerClient
from synth_engine.render.continuations import AskPart
from synth_engine.render.levels import NOTE_PEAK
from synth_engine.render.performer import Performer
from synth_engine.render.protocol import (
    LoadModel,
    NotesRendered,
    PartRendered,
    RenderFailed,
    RenderNotes,
    RenderPart,
    SetPoint,
    WorkerReady,
)
from synth_engine.render.scheduler import Render, SendPoint
from synth_engine.render.worker import RenderError, open_maker, write_slot
from synth_engine.shared_memory import POOL_NAME, EngineMemory

log = logging.getLogger(__name__)

_RATE_WINDOW_S = 5.0
_LOOK_S = 0.25  # held notes want to be looked after


class Instrument(Performer):
    """The live instrument.

    Parameters
    ----------
    memory : EngineMemory
        In the runtime directory, shared with the audio process.
    model_path : Path
        Folder of the model.
    cache_dir : Path
        For compiled networks and rendered banks.
    threads : int
        Of the network runtime.
    clock : callable
        Seconds, monotonic.

    Raises
    ------
    ModelError
        If the model cannot be used.
    OSError
        If the cache folder cannot be made.

    **Thread**: control; all methods. `set_point` before `start` loads a cached bank at once, later
    ones do it beside the event loop.
    """

    def __init__(
        self,
        memory: EngineMemory,
        model_path: Path,
        cache_dir: Path,
        *,
        threads: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(memory, load_model(model_path), clock, fill_banks=True)
        load = LoadModel(
            model_path=str(model_path.resolve()),
            pool_path=str((memory.directory / POOL_NAME).resolve()),
            cache_path=str((cache_dir / "networks").resolve()),
            threads=threads,
        )
        store = BankStore(cache_dir / "banks", self.model.digest)
        self._client = WorkerClient(load, self)
        self._keeper = BankKeeper(store, self._scheduler, self._sound, self._wake)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waking = False
        self._changed_s = clock()
        self._rendered_s: deque[float] = deque()  # when the notes of the last seconds were done

    async def start(self) -> None:
        """Start the render worker; returns before it is ready."""
        self._loop = asyncio.get_running_loop()
        await self._client.start()

    async def stop(self) -> None:
        """End the worker and save the current bank, as far as it is there."""
        await self._client.stop()
        await self._keeper.finish(self._scheduler.points.current)
        self._loop = None

    def poll(self) -> None:
        """As `Performer.poll`; a bank that has stayed for a while is saved."""
        super().poll()
        point = self._scheduler.points.current
        if self._loop is not None and point is not None:
            self._keeper.save_if_settled(point, self._clock(), self._changed_s)

    def status(self) -> dict[str, int | float | str]:
        """As `Performer.status`, with the worker's figures."""
        now_s = self._clock()
        while self._rendered_s and now_s - self._rendered_s[0] > _RATE_WINDOW_S:
            self._rendered_s.popleft()
        return {
            **super().status(),
            "notes_per_second": len(self._rendered_s) / _RATE_WINDOW_S,
            "worker": self._client.state.name,
            "worker_detail": self._client.state.detail,
            "worker_restarts": self._client.restarts,
            "worker_pid": self._client.pid or 0,
        }

    # ---- the worker speaks (WorkerListener)

    def worker_ready(self, message: WorkerReady) -> None:
        """The worker answers."""
        if message.digest != self.model.digest:
            log.error("the worker loaded model %s, expected %s", message.digest, self.model.digest)
            return
        self._scheduler.worker_ready()
        self._wake()

    def notes_rendered(self, message: NotesRendered) -> None:
        """A request is done."""
        if self._scheduler.rendered(message.request):
            self._rendered_s.extend([self._clock()] * len(message.slots))
        self.poll()

    def part_rendered(self, message: PartRendered) -> None:
        """A request for a part is done."""
        self._scheduler.parts.done(message.request, message.leave_s, message.enter_s, message.peak)
        self.poll()

    def render_failed(self, message: RenderFailed) -> None:
        """A request has failed."""
        self._scheduler.failed(message.request)
        self._wake()

    def worker_lost(self) -> None:
        """The worker's process has ended."""
        self._scheduler.worker_lost()

    # ---- inside

    def _wake(self) -> None:
        """Advance once, after everything the loop has at hand: a chord or a bundle is one change."""
        if self._loop is None:
            self._advance()
        elif not self._waking:
            self._waking = True
            self._loop.call_soon(self._woken)

    def _woken(self) -> None:
        self._waking = False
        self._advance()

    def _execute(self, instruction: SendPoint | Render | AskPart) -> None:
        if isinstance(instruction, SendPoint):
            point = instruction.point
            self._client.send(SetPoint(point.number, point.latent, point.offset))
        elif isinstance(instruction, AskPart):
            part = instruction.part
            self._client.send(
                RenderPart(instruction.request, part.point, float(part.pitch), part.number, instruction.slot)
            )
        else:
            pitches = [float(pitch) for pitch in instruction.pitches]
            slots = list(instruction.slots)
            self._client.send(RenderNotes(instruction.request, instruction.point, pitches, slots))

    def _point_changed(self, point: Point) -> None:
        self._changed_s = self._clock()
        if not self._keeper.wants(point):
            return
        if self._loop is None:
            self._keeper.load_now(point)
        else:
            self._keeper.begin_load(point)

    def _sound(self, slot: int) -> NDArray[np.float32]:
        sound: NDArray[np.float32] = self._memory.pool[slot, SLOT_GUARD_FRAMES:][:SLOT_FRAMES]
        return sound


class OfflineInstrument(Performer):
    """The same instrument without processes: notes are rendered when they are needed, sound when asked for.

    Parameters
    ----------
    memory : EngineMemory
        Nobody else may use it.
    model_path : Path
        Folder of the model.
    rate_hz, block_frames : int
        Of the sound.
    threads : int
        Of the network runtime.
    cache_dir : Path or None
        For compiled networks.

    Raises
    ------
    ModelError
        If the model cannot be used.
    RenderError
        From `note_on`, `set_point` and `render_block`: the network answers with NaN or infinity.
    """

    def __init__(
        self,
        memory: EngineMemory,
        model_path: Path,
        *,
        rate_hz: int = 48_000,
        block_frames: int = 128,
        threads: int = 1,
        cache_dir: Path | None = None,
    ) -> None:
        from synth_engine.hosts.offline import OfflineHost  # noqa: PLC0415  compiles the kernel
        from synth_engine.render.parts import PartMaker  # noqa: PLC0415  heavy

        self._rate_hz = rate_hz
        self._frames = 0
        self._answered = False
        super().__init__(memory, load_model(model_path), self._now_s, fill_banks=False)
        self._maker, _ = open_maker(model_path, threads, cache_dir)
        self._parts = PartMaker(self._maker.tracks)
        self._host = OfflineHost(memory, rate_hz, block_frames)
        self._scheduler.worker_ready()

    def render_block(self, frames: int) -> NDArray[np.float32]:
        """The next ``frames`` of sound.

        Returns
        -------
        float32 (frames, 2)
        """
        pieces = []
        most = max(int(_LOOK_S * self._rate_hz), 1)
        for first in range(0, frames, most):
            self.poll()
            pieces.append(self._host.render(min(most, frames - first)))
            self._frames += len(pieces[-1])
        self.poll()
        return np.concatenate(pieces) if pieces else np.zeros((0, 2), np.float32)

    def note_on(
        self, key: int, velocity: float, channel: int = 0, stamp_ns: int = 0, *, delivered: bool = False
    ) -> None:
        """As `Performer.note_on`, but the key's own note is rendered before it begins."""
        self._scheduler.played.note_on(key, channel, self._now_s())
        self._advance()
        super().note_on(key, velocity, channel, stamp_ns, delivered=delivered)

    def _wake(self) -> None:
        self._advance()

    def _point_changed(self, point: Point) -> None:
        """Notes are rendered when they are played; there is no file to look for."""

    def _advance(self) -> None:
        self._answered = True
        while self._answered:
            self._answered = False
            super()._advance()

    def _execute(self, instruction: SendPoint | Render | AskPart) -> None:
        if isinstance(instruction, SendPoint):
            return  # the point is at hand
        self._answered = True
        if isinstance(instruction, AskPart):
            self._make_part(instruction)
            return
        point = self._scheduler.points.get(instruction.point)
        assert point is not None  # it is current: requests are carried out at once
        try:
            for pitch, slot in zip(instruction.pitches, instruction.slots, strict=True):
                write_slot(self._memory.pool, slot, self._maker.note(point.latent, point.offset, pitch))
        except RenderError:
            self._scheduler.failed(instruction.request)
            raise
        self._scheduler.rendered(instruction.request)

    def _make_part(self, ask: AskPart) -> None:
        point = self._scheduler.points.get(ask.part.point)
        assert point is not None  # as above
        try:
            part = self._parts.part(point.latent, point.offset, float(ask.part.pitch), ask.part.number)
        except RenderError:
            self._scheduler.failed(ask.request)
            raise
        if part is None:
            self._scheduler.parts.done(ask.request, 0.0, 0.0, 0.0)
            return
        write_slot(self._memory.pool, ask.slot, part.sound)
        self._scheduler.parts.done(ask.request, part.leave_s, part.enter_s, NOTE_PEAK)

    def _now_s(self) -> float:
        """Time as the sound counts it."""
        return self._frames / self._rate_hz
