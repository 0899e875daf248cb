"""What ``/journey`` addresses ask of the controller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from daemon.events import JourneyWay, StartJourney, StopJourney


def ask(open_session: Callable[..., Any], address: str, *arguments: object) -> tuple[Any, Any]:
    async def talk() -> tuple[Any, Any]:
        async with open_session() as (session, peer):
            session.surface.journey_state = lambda: (("/journey", ("stopped",)),)
            replies = await peer.ask(address, *arguments)
            return session.surface.commands, replies

    return asyncio.run(talk())


@pytest.mark.parametrize(
    ("address", "way"),
    [
        ("/journey/start", JourneyWay.ROUND),
        ("/journey/back", JourneyWay.BACK),
        ("/journey/once", JourneyWay.ONCE),
    ],
)
def test_points_are_names_and_seeds(open_session: Callable[..., Any], address: str, way: JourneyWay) -> None:
    commands, _ = ask(open_session, address, "warm", 7, 8.0)
    assert [(type(command), command.points, command.way) for command in commands] == [
        (StartJourney, ("warm", 7, 8), way)
    ]


def test_wandering_and_stopping_are_buttons(open_session: Callable[..., Any]) -> None:
    assert ask(open_session, "/journey/wander", 1)[0][0].way is JourneyWay.WANDER
    assert isinstance(ask(open_session, "/journey/stop")[0][0], StopJourney)
    assert not ask(open_session, "/journey/wander", 0)[0]


def test_it_answers_what_it_does(open_session: Callable[..., Any]) -> None:
    assert ask(open_session, "/journey")[1] == [("/journey", ("stopped",))]


@pytest.mark.parametrize("point", [-1, 1.5, ""])
def test_what_is_no_point_is_refused(open_session: Callable[..., Any], point: object) -> None:
    commands, replies = ask(open_session, "/journey/start", point)
    assert not commands
    assert replies[0][0] == "/error"


def test_numbers_of_any_type_are_a_point(open_session: Callable[..., Any]) -> None:
    commands, _ = ask(open_session, "/latent/vector", 1, 0.5, "-2")
    assert [command.vector for command in commands] == [(1.0, 0.5, -2.0)]
