"""Control's side of the render worker: starts it, talks to it, starts it again when it ends.

**Thread**: the control thread's event loop. Nothing here waits: sending appends to the socket's
buffer, and at most a few requests are ever under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import synth_engine
from synth_engine.render.protocol import (
    MAX_FRAME_BYTES,
    LoadModel,
    Message,
    NotesRendered,
    PartRendered,
    ProtocolError,
    RenderFailed,
    Stop,
    WorkerReady,
    decode,
    encode,
)

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 10.0
STEADY_S = 10.0  # a worker that lived this long starts the waits from the beginning again
STOP_S = 1.0  # for the note at hand
GRACE_S = 0.5  # from the closed socket to the end of the process
WORKER_COMMAND = (sys.executable, "-m", "synth_engine.render", "--fd")
# OpenBLAS threads spin for a while after each product and take the core from the network: 74 ms of
# processor time a note instead of 42.
_ONE_BLAS_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_STOP_STEP_S = 0.005
_LENGTH_BYTES = 4
_LOADING = -1  # request number of a failed load


class WorkerListener(Protocol):
    """What the client tells; called on the event loop, must not block."""

    def worker_ready(self, message: WorkerReady) -> None:
        """The worker answers; it knows no points yet."""

    def notes_rendered(self, message: NotesRendered) -> None:
        """A request is done."""

    def part_rendered(self, message: PartRendered) -> None:
        """A request for a part is done."""

    def render_failed(self, message: RenderFailed) -> None:
        """A request has failed."""

    def worker_lost(self) -> None:
        """The process has ended: its slots are control's, its points are gone."""


@dataclass(frozen=True)
class WorkerState:
    """Where the worker stands: ``name`` is stopped, loading, ready, waiting or failed."""

    name: str
    detail: str = ""


class WorkerClient:
    """Keeps one render worker running.

    Parameters
    ----------
    load : LoadModel
        The first message to every worker.
    listener : WorkerListener
    command : sequence of str
        What to run; the number of the inherited socket is appended.
    """

    def __init__(
        self, load: LoadModel, listener: WorkerListener, command: Sequence[str] = WORKER_COMMAND
    ) -> None:
        self._load = load
        self._listener = listener
        self._command = tuple(command)
        self._process: Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self.state = WorkerState("stopped")
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """Process id of the running worker."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the worker and keep it running; returns at once."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._keep_running())

    async def stop(self) -> None:
        """End the worker: asked first, killed after a second."""
        task, self._task = self._task, None
        if task is None:
            return
        self.send(Stop())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                while self._process is not None:
                    await asyncio.sleep(_STOP_STEP_S)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        self.state = WorkerState("stopped")

    def send(self, message: Message) -> bool:
        """Put a message on its way; False if there is no worker to send it to."""
        if self._writer is None or self._writer.is_closing():
            return False
        self._writer.write(encode(message))
        return True

    async def _keep_running(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            began_s = time.monotonic()
            try:
                await self._run_once()
            except Exception:
                log.exception("a fault of ours while listening to the render worker")
            finally:
                self._listener.worker_lost()  # also when stopped in the middle of a note
            if time.monotonic() - began_s > STEADY_S:
                wait_s = FIRST_WAIT_S
            if self.state.name != "failed":
                self.state = WorkerState("waiting", f"{wait_s:g} s until the next start")
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            self.restarts += 1

    async def _run_once(self) -> None:
        """One worker from start to end."""
        ours, theirs = socket.socketpair()
        try:
            try:
                with theirs:
                    reader, self._writer = await asyncio.open_unix_connection(sock=ours)
                    self._process = await _spawn(self._command, theirs)
            except OSError as error:
                log.error("render worker cannot be started: %s", error)
                return
            self.state = WorkerState("loading")
            self.send(self._load)
            async with asyncio.TaskGroup() as group:
                group.create_task(_log_lines(self._process))
                await self._listen(reader)
                await self._end()  # and with it the log
        finally:
            await self._end()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "little")
                if length > MAX_FRAME_BYTES:
                    raise ProtocolError(f"frame of {length} bytes, expected at most {MAX_FRAME_BYTES}")
                message = decode(await reader.readexactly(length))
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            except ProtocolError as error:
                log.error("frame from the render worker: %s", error)
                return
            if not self._tell(message):
                return

    def _tell(self, message: Message) -> bool:
        if isinstance(message, NotesRendered):
            self._listener.notes_rendered(message)
        elif isinstance(message, PartRendered):
            self._listener.part_rendered(message)
        elif isinstance(message, WorkerReady):
            self.state = WorkerState("ready", message.runtime)
            log.info("render worker ready after %.0f ms (%s)", message.load_ms, message.runtime)
            self._listener.worker_ready(message)
        elif isinstance(message, RenderFailed) and message.request == _LOADING:
            self.state = WorkerState("failed", message.summary)
            log.error("render worker cannot load the model: %s\n%s", message.summary, message.traceback_text)
            return False
        elif isinstance(message, RenderFailed):
            log.warning("rendering failed: %s", message.summary)
            self._listener.render_failed(message)
        else:
            log.error("the render worker sent %s, which only control sends", type(message).__name__)
            return False
        return True

    async def _end(self) -> None:
        """Close the socket and see the process out: only then are its slots nobody's."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        process = self._process
        if process is None:
            return
        # Not asyncio.timeout: in a task that is being cancelled Python 3.11.2 (Debian 12's) takes its end for
        # the cancellation, and the process would never be killed.
        ended = asyncio.ensure_future(process.wait())
        await asyncio.wait({ended}, timeout=GRACE_S)
        killed = not ended.done()
        if killed:
            process.kill()  # in the middle of a note perhaps; nothing of it is wanted any more
        await ended
        status = await process.wait()
        self._process = None  # not before: a cancelled end is done again
        if status != 0 and not killed:
            log.warning("render worker ended with status %d", status)


async def _spawn(command: Sequence[str], connection: socket.socket) -> Process:
    root = str(Path(synth_engine.__file__).resolve().parents[1])  # found from a checkout too
    search = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return await asyncio.create_subprocess_exec(
        *command,
        str(connection.fileno()),
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=PIPE,
        pass_fds=(connection.fileno(),),
        env={**os.environ, **_ONE_BLAS_THREAD, "PYTHONPATH": search},
    )


async def _log_lines(process: Process) -> None:
    """The worker's own log, line by line, into ours."""
    assert process.stderr is not None
    with contextlib.suppress(ValueError):  # a line beyond the stream's limit: the rest is not worth it
        async for line in process.stderr:
            log.info("worker: %s", line.decode(errors="replace").rstrip())
    while await process.stderr.read(1 << 16):
        pass  # never let the pipe fill
