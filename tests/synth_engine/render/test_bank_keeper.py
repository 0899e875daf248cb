from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from synth_engine.abi import SLOT_FRAMES
from synth_engine.banks.disk import BankStore
from synth_engine.banks.points import Point
from synth_engine.banks.slots import Owner
from synth_engine.render.bank_keeper import BETWEEN_SAVES_S, SETTLED_S, BankKeeper
from synth_engine.render.scheduler import Render, Scheduler

PITCHES = (60, 61)
NONE = np.zeros(0, np.float32)
PLENTY = 1000


class Desk:
    """A keeper with a scheduler of two pitches and a pool of six slots."""

    def __init__(self, folder: Path) -> None:
        self.store = BankStore(folder, "digest")
        self.scheduler = Scheduler(PITCHES, 6)
        self.scheduler.worker_ready()
        self.pool = np.zeros((6, SLOT_FRAMES), np.float32)
        self.changes = 0
        self.keeper = BankKeeper(self.store, self.scheduler, self.sound, self.changed)

    def sound(self, slot: int) -> NDArray[np.float32]:
        row: NDArray[np.float32] = self.pool[slot]
        return row

    def changed(self) -> None:
        self.changes += 1

    def stand_at(self, identity: str) -> Point:
        return self.scheduler.set_point(identity, NONE, NONE, 0.0)

    def render_bank(self) -> None:
        for request in self.scheduler.advance(1.0, 0):
            if isinstance(request, Render):
                self.pool[request.slots[0]] = request.pitches[0] / 128
                self.scheduler.rendered(request.request)


def test_a_complete_bank_is_saved_once_when_it_has_settled(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    async def play() -> None:
        point = desk.stand_at("a")
        desk.keeper.save_if_settled(point, 100.0, 0.0)
        await desk.keeper.finish(None)
        assert "a" not in desk.store  # not complete yet
        desk.render_bank()
        desk.keeper.save_if_settled(point, SETTLED_S / 2, 0.0)
        await desk.keeper.finish(None)
        assert "a" not in desk.store  # not settled yet
        desk.keeper.save_if_settled(point, 2 * SETTLED_S, 0.0)
        await desk.keeper.finish(None)
        assert desk.store.pitches("a") == [60, 61]

    asyncio.run(play())


def test_saves_keep_their_distance(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    async def play() -> None:
        for number, identity in enumerate("ab"):
            point = desk.stand_at(identity)
            desk.render_bank()
            desk.keeper.save_if_settled(point, (1 + number) * 1.1 * SETTLED_S, 0.0)
            await desk.keeper.finish(None)
        assert "b" not in desk.store
        desk.keeper.save_if_settled(point, 2 * SETTLED_S + BETWEEN_SAVES_S, 0.0)
        await desk.keeper.finish(None)
        assert "b" in desk.store

    asyncio.run(play())


def test_a_saved_bank_comes_back_and_is_told(tmp_path: Path) -> None:
    first = Desk(tmp_path)
    point = first.stand_at("a")
    first.render_bank()
    asyncio.run(first.keeper.finish(point))
    second = Desk(tmp_path)
    point = second.stand_at("a")
    assert second.keeper.wants(point)
    second.keeper.load_now(point)
    assert second.changes == 1
    assert not second.keeper.wants(point)
    slot = second.scheduler.ledger.find((point.number, 61))
    assert slot is not None
    assert second.pool[slot, 0] == pytest.approx(61 / 128, rel=1e-4)


def test_the_newest_point_is_loaded_after_the_one_at_hand(tmp_path: Path) -> None:
    first = Desk(tmp_path)
    for identity in "ab":
        point = first.stand_at(identity)
        first.render_bank()
        asyncio.run(first.keeper.finish(point))
    second = Desk(tmp_path)

    async def play() -> None:
        second.keeper.begin_load(second.stand_at("a"))
        newest = second.stand_at("b")
        second.keeper.begin_load(newest)  # refused: one file at a time
        await second.keeper.finish(None)
        assert not second.keeper.wants(newest)

    asyncio.run(play())
    assert second.scheduler.ledger.count(Owner.WORKER) == 0


def test_a_folder_that_is_gone_costs_the_bank_and_nothing_else(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "banks")
    point = desk.stand_at("a")
    desk.render_bank()
    (tmp_path / "banks").rmdir()
    asyncio.run(desk.keeper.finish(point))
    slots = desk.scheduler.ledger.pitches_of(point.number).values()
    with pytest.raises(RuntimeError, match="not pinned"):
        desk.scheduler.ledger.unpin(slots)
