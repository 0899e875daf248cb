"""Every parameter through the door: set, ask, hear; and the table follows the catalogue."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from daemon.osc.addresses import build_addresses
from mappings.catalogue import CATALOGUE


@pytest.mark.parametrize("path", CATALOGUE)
def test_a_parameter_can_be_set_asked_and_heard(open_session, path):
    spec = CATALOGUE[path]
    value = spec.position_to_value(0.75)

    async def play() -> None:
        async with open_session() as (session, peer):
            other = session.peer()
            assert await other.ask("/listeners/add")
            peer.send(path, value)
            ((address, (heard,)),) = [(m.address, m.arguments) for m in await other.messages()]
            assert (address, heard) == (path, pytest.approx(value, rel=1e-6))
            assert session.surface.values[path] == pytest.approx(value, rel=1e-6)
            assert await peer.ask(path) == [(path, (pytest.approx(value, rel=1e-6),))]
            assert await peer.ask(f"{path}/normalized") == [
                (f"{path}/normalized", (pytest.approx(0.75, abs=1e-5),))
            ]
            assert await peer.ask(f"{path}/normalized", 0.25) == []
            assert session.surface.values[path] == pytest.approx(spec.position_to_value(0.25), rel=1e-6)

    asyncio.run(play())


def test_one_new_row_becomes_an_address_with_no_other_change(open_session, make_surface):
    row = replace(CATALOGUE["/gain"], path="/throw/away", minimum=-1, maximum=1, default=0)
    catalogue = {**CATALOGUE, row.path: row}
    assert build_addresses(catalogue).keys() - build_addresses().keys() == {
        "/throw/away",
        "/throw/away/normalized",
    }

    async def play() -> None:
        async with open_session(make_surface(catalogue)) as (_, peer):
            assert await peer.ask("/throw/away", 0.5) == []
            assert await peer.ask("/throw/away") == [("/throw/away", (0.5,))]
            assert "/throw/away" in [message.address for message in await _all(peer, "/sync")]
            assert "/throw/away" in [message.arguments[0] for message in await _all(peer, "/addresses")]

    async def _all(peer, address):
        peer.send(address)
        return await peer.messages()

    asyncio.run(play())
