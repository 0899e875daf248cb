from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

import pytest

from synth_engine.render.client import WorkerClient
from synth_engine.render.protocol import (
    LoadModel,
    Message,
    NotesRendered,
    RenderFailed,
    RenderNotes,
    WorkerReady,
    encode,
)

LOAD = LoadModel("/model", "/pool", "/cache")
PATIENCE_S = 60.0


class Notebook:
    """A listener that writes down what it was told."""

    def __init__(self) -> None:
        self.told: list[Message | str] = []

    def worker_ready(self, message: WorkerReady) -> None:
        self.told.append(message)

    def notes_rendered(self, message: NotesRendered) -> None:
        self.told.append(message)

    def render_failed(self, message: RenderFailed) -> None:
        self.told.append(message)

    def worker_lost(self) -> None:
        self.told.append("lost")

    def kinds(self) -> list[str]:
        return [told if isinstance(told, str) else type(told).__name__ for told in self.told]


def worker_that(code: str) -> tuple[str, ...]:
    """A command that runs ``code`` with ``s``, the socket."""
    return (
        sys.executable,
        "-c",
        f"import socket, sys, time; s = socket.socket(fileno=int(sys.argv[1]))\n{code}",
    )


def run(
    command: tuple[str, ...], condition: Callable[[WorkerClient, Notebook], bool]
) -> tuple[WorkerClient, Notebook]:
    notebook = Notebook()
    client = WorkerClient(LOAD, notebook, command)

    async def live() -> None:
        await client.start()
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition(client, notebook):
                    await asyncio.sleep(0.005)
        finally:
            await client.stop()

    asyncio.run(live())
    return client, notebook


READY = encode(WorkerReady("digest", "toy", 1.0))


def test_what_the_worker_says_is_told_in_order() -> None:
    frames = (
        READY + encode(NotesRendered(1, 1, [60.0], [0], [0.5], 1.0)) + encode(RenderFailed(2, "why", "where"))
    )
    client, notebook = run(
        worker_that(f"s.sendall({frames!r}); s.recv(1 << 20); time.sleep(60)"), lambda _, n: len(n.told) == 3
    )
    assert notebook.kinds()[:3] == ["WorkerReady", "NotesRendered", "RenderFailed"]
    assert client.state.name == "stopped"
    assert client.pid is None


@pytest.mark.parametrize(
    "rubbish",
    [b"\xff" * 100, (3).to_bytes(4, "little") + b"abc", encode(RenderNotes(1, 1, [60.0], [1]))],
    ids=["length", "body", "kind"],
)
def test_a_worker_that_talks_rubbish_is_replaced(rubbish: bytes) -> None:
    _, notebook = run(
        worker_that(f"s.sendall({READY + rubbish!r}); time.sleep(60)"), lambda c, _: c.restarts >= 2
    )
    assert notebook.kinds()[:4] == ["WorkerReady", "lost", "WorkerReady", "lost"]


def test_a_worker_that_cannot_load_is_not_called_ready() -> None:
    failed = encode(RenderFailed(-1, "no such model", "where"))
    states = []

    def seen(client: WorkerClient, _: Notebook) -> bool:
        states.append(client.state)
        return client.state.name == "failed"

    _, notebook = run(worker_that(f"s.sendall({failed!r})"), seen)
    assert states[-1].detail == "no such model"
    assert "WorkerReady" not in notebook.kinds()


def test_a_command_that_does_not_exist_is_tried_again() -> None:
    _, notebook = run(("/nowhere/at/all",), lambda c, _: c.restarts >= 2)
    assert notebook.kinds()[:2] == ["lost", "lost"]


def test_a_worker_that_writes_endless_errors_does_not_stop_the_client() -> None:
    code = f"sys.stderr.write('x' * 1_000_000); sys.stderr.flush(); s.sendall({READY!r}); time.sleep(60)"
    _, notebook = run(worker_that(code), lambda _, n: bool(n.told))
    assert notebook.kinds()[0] == "WorkerReady"


def test_a_worker_that_does_not_want_to_stop_is_killed_and_told_as_lost() -> None:
    client, notebook = run(worker_that(f"s.sendall({READY!r}); time.sleep(60)"), lambda _, n: bool(n.told))
    assert notebook.kinds() == ["WorkerReady", "lost"]
    assert client.pid is None


def test_a_stopped_client_sends_nothing() -> None:
    client = WorkerClient(LOAD, Notebook())
    assert not client.send(LOAD)
    asyncio.run(client.stop())
