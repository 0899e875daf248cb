"""Carries banks between the pool and the disk while the instrument plays.

**Thread**: control. Reading and writing files happens in a thread of the executor, on slots the
scheduler has set aside (loading) or pinned (saving) for it; one file at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping

import numpy as np
from numpy.typing import NDArray

from synth_engine.banks.bank_file import BankFileError
from synth_engine.banks.disk import BankStore
from synth_engine.banks.points import Point
from synth_engine.render.scheduler import Scheduler

log = logging.getLogger(__name__)

SETTLED_S = 10.0  # a bank stays this long before it is worth a file
BETWEEN_SAVES_S = 60.0  # spares the disk of an installation that wanders all day


class BankKeeper:
    """Loads and saves whole banks.

    Parameters
    ----------
    store : BankStore
    scheduler : Scheduler
        Gives slots and is told when they hold notes.
    sound : callable
        Slot -> its float32 (SLOT_FRAMES,) in the pool, without guards.
    changed : callable
        Called when notes have come from disk.
    """

    def __init__(
        self,
        store: BankStore,
        scheduler: Scheduler,
        sound: Callable[[int], NDArray[np.float32]],
        changed: Callable[[], None],
    ) -> None:
        self._store = store
        self._scheduler = scheduler
        self._sound = sound
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self._saved_s: float | None = None
        self._saved_point: Point | None = None

    def wants(self, point: Point) -> bool:
        """Whether there is a file with notes of ``point`` that the pool lacks."""
        return point.identity in self._store and not self._scheduler.bank_complete(point)

    def load_now(self, point: Point) -> None:
        """Load a bank in the calling thread."""
        slots = self._scheduler.begin_load(point, self._pitches(point))
        self._finish_load(point, slots, self._fill(point, slots))

    def begin_load(self, point: Point) -> None:
        """Load a bank beside the event loop, unless a file is being handled already."""
        self._begin(self._load(point))

    def save_if_settled(self, point: Point, now_s: float, changed_s: float) -> None:
        """Begin to save a complete bank that has stayed for a while."""
        rested = self._saved_s is None or now_s - self._saved_s > BETWEEN_SAVES_S
        if (
            rested
            and now_s - changed_s > SETTLED_S
            and point is not self._saved_point
            and self._scheduler.bank_complete(point)
        ):
            self._saved_s = now_s
            self._saved_point = point
            self._begin(self._save(point))

    async def finish(self, point: Point | None) -> None:
        """Wait for the file at hand, then save what there is of ``point``."""
        if self._task is not None:
            await self._task
        if point is not None:
            await self._save(point)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        if self._task is not None and not self._task.done():
            work.close()
            return
        self._task = asyncio.get_running_loop().create_task(work)

    async def _load(self, point: Point | None) -> None:
        while point is not None and self.wants(point):
            pitches = await asyncio.to_thread(self._pitches, point)
            slots = self._scheduler.begin_load(point, pitches)
            self._finish_load(point, slots, await asyncio.to_thread(self._fill, point, slots))
            newest = self._scheduler.points.current
            point = None if newest is point else newest  # the player may have gone on meanwhile

    async def _save(self, point: Point) -> None:
        slots = dict(self._scheduler.ledger.pitches_of(point.number))
        if not slots:
            return
        self._scheduler.ledger.pin(slots.values())
        try:
            sounds = {pitch: self._sound(slot) for pitch, slot in slots.items()}
            await asyncio.to_thread(self._write, point, sounds)
        except OSError as error:
            log.error("bank cannot be saved: %s", error)
        finally:
            self._scheduler.ledger.unpin(slots.values())

    def _write(self, point: Point, sounds: Mapping[int, NDArray[np.float32]]) -> None:
        """Save, unless the file has all of it; one that was left unfinished is replaced."""
        if point.identity not in self._store or sounds.keys() - set(self._pitches(point)):
            self._store.save(point.identity, sounds)

    def _pitches(self, point: Point) -> list[int]:
        try:
            return self._store.pitches(point.identity)
        except (BankFileError, OSError) as error:
            log.warning("bank not loaded: %s", error)
            return []

    def _fill(self, point: Point, slots: Mapping[int, int]) -> bool:
        if not slots:
            return False
        try:
            self._store.load(point.identity, {pitch: self._sound(slot) for pitch, slot in slots.items()})
        except (BankFileError, OSError) as error:
            log.warning("bank not loaded: %s", error)
            return False
        return True

    def _finish_load(self, point: Point, slots: dict[int, int], loaded: bool) -> None:
        self._scheduler.end_load(point, slots, loaded)
        if loaded:
            self._changed()
