"""Keeps the audio process alive: starts it, hears what it opened, starts another when it dies.

Recovery is a new process on the same shared memory (voices and all), because PortAudio freezes its
device list at start and a dead JACK server can leave its ``stop()`` hanging for ever. Without a
device the null host keeps time, and the devices are looked for again until one opens.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

EXIT_UNAVAILABLE = 69
FIRST_RETRY_S = 0.05
LAST_RETRY_S = 2.0
FIRST_PROBE_S = 2.0
LAST_PROBE_S = 30.0
STOP_S = 2.0
START_S = 60.0  # a first start compiles the kernel


@dataclass(frozen=True)
class AudioOptions:
    """What to ask of the host; None leaves the choice to it."""

    runtime_dir: Path
    device: str | None = None
    rate_hz: int = 48_000
    block_frames: int = 128
    null: bool = False

    def arguments(self, null: bool) -> list[str]:
        """Command line of the audio process."""
        words = ["--runtime-dir", str(self.runtime_dir), "--rate-hz", str(self.rate_hz)]
        words += ["--block-frames", str(self.block_frames)]
        if null:
            words.append("--null")
        elif self.device:
            words += ["--device", self.device]
        return words


@dataclass(frozen=True)
class AudioReport:
    """What the audio process opened, or why it could not."""

    host: str
    device: str
    rate_hz: int
    block_frames: int
    latency_ms: float
    error: str = ""


def parse_report(line: bytes) -> AudioReport | None:
    """The audio process's line of JSON; None if it is anything else."""
    try:
        words: Any = json.loads(line)
    except ValueError:
        return None
    if not isinstance(words, dict):
        return None
    return AudioReport(
        host=str(words.get("host", "")),
        device=str(words.get("device", "")),
        rate_hz=int(words.get("rate_hz") or 0),
        block_frames=int(words.get("block_frames") or 0),
        latency_ms=float(words.get("latency_ms") or 0.0),
        error=str(words.get("error", "")),
    )


class AudioProcess:
    """Supervisor of the audio process. All methods on the control thread.

    Attributes
    ----------
    report : what plays now; ``host`` is "" before the first start.
    restarts : how often a running audio process had to be replaced.
    """

    def __init__(self, options: AudioOptions, on_open: Callable[[AudioReport], None]) -> None:
        self._options = options
        self._on_open = on_open
        self.report = AudioReport("", "", 0, 0, 0.0)
        self.restarts = 0
        self.device_error = ""
        self.pid = 0
        self._opened = asyncio.Event()
        self._stopping = False
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin supervising; use :meth:`wait_open` to know when blocks run."""
        self._task = asyncio.create_task(self._supervise())

    async def wait_open(self) -> AudioReport:
        """Wait until a host (a device's or the null one) is running."""
        await self._opened.wait()
        return self.report

    def kill(self) -> None:
        """End the process without a fade."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def stop(self) -> None:
        """Let the process fade out and go; killed if it does not within two seconds."""
        self._stopping = True
        process = self._process
        if process is not None and process.returncode is None:
            if process.stdin is not None:
                process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), STOP_S)
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _supervise(self) -> None:
        retry_s = FIRST_RETRY_S
        null = self._options.null
        while not self._stopping:
            opened = await self._run_once(null)
            if self._stopping:
                return
            if opened:
                self.restarts += 1
                retry_s = FIRST_RETRY_S
                null = self._options.null  # a lost device is tried again before the null host
            elif not null:
                null = True  # no device: keep time with the null host, and say so
            else:
                retry_s = min(retry_s * 2, LAST_RETRY_S)
            await asyncio.sleep(retry_s)

    async def _run_once(self, null: bool) -> bool:
        """One life of the process. True if it opened a host."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "synth_engine.audio", *self._options.arguments(null),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self._process, self.pid = process, process.pid
        assert process.stdout is not None
        try:
            line = await asyncio.wait_for(process.stdout.readline(), START_S)
        except TimeoutError:
            process.kill()
            line = b""
        report = parse_report(line)
        if report is None or report.error:
            status = await process.wait()
            self.device_error = report.error if report else f"the audio process ended with status {status}"
            log.warning("no sound device: %s", self.device_error)
            return False
        self._open(report, null)
        probe = asyncio.create_task(self._probe(process)) if null and not self._options.null else None
        status = await process.wait()
        if probe is not None:
            probe.cancel()
        if not self._stopping:
            log.warning("the audio process ended (status %s); starting another", status)
        return True

    def _open(self, report: AudioReport, null: bool) -> None:
        if not null:
            self.device_error = ""
        self.report = report
        self._opened.set()
        self._on_open(report)

    async def _probe(self, process: asyncio.subprocess.Process) -> None:
        """While the null host keeps time, look for a device; end the null host when one opens."""
        wait_s = FIRST_PROBE_S
        while True:
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LAST_PROBE_S)
            probe = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "synth_engine.audio", *self._options.arguments(False), "--probe",
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            if await probe.wait() == 0:
                log.info("a sound device has appeared: switching to it")
                if process.stdin is not None:
                    process.stdin.close()
                return
