"""The last state of the instrument, on disk within a second of every change, readable after any crash."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mappings.atomic_files import read_newest, write_atomic
from mappings.documents import DocumentError, Migration, finite_number, format_document, parse_document

log = logging.getLogger(__name__)

STATE_FORMAT_VERSION = 1
MIGRATIONS: Mapping[int, Migration] = MappingProxyType(
    {}
)  # from each older format to the next; format 1 is the first
STATE_FILE = "state.json"
AUTOSAVE_S = 1.0

_OWN_KEYS = ("format_version", "parameters", "latent", "journey", "preset", "listeners")


@dataclass(frozen=True)
class State:
    """Everything that comes back when the daemon does.

    Attributes
    ----------
    parameters : mapping of str to float
        Natural values of all parameters, of those too that do not belong in presets.
    latent : mapping
        The base point, as ``pca_cache.latent_point.LatentPoint.to_json`` writes it; may be empty.
    preset : str
        Name of the preset that was loaded or saved last, or "".
    listeners : tuple of str
        Who is told of changes, in the OSC door's own words.
    journey : mapping
        As ``daemon.journey.Journey.to_document`` writes it; may be empty.
    extra : mapping of str to object
        Keys another version wrote; kept.
    """

    parameters: Mapping[str, float] = field(default_factory=dict)
    latent: Mapping[str, Any] = field(default_factory=dict)
    preset: str = ""
    listeners: tuple[str, ...] = ()
    journey: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


def format_state(state: State) -> bytes:
    """The state as JSON. Raises ValueError for a value that is not finite."""
    return format_document(
        {
            "format_version": STATE_FORMAT_VERSION,
            "preset": state.preset,
            "latent": dict(state.latent),
            "journey": dict(state.journey),
            "listeners": list(state.listeners),
            "parameters": dict(state.parameters),
            **state.extra,
        }
    )


def parse_state(data: bytes) -> State:
    """Read a state.

    A single entry that is no use is left out with a warning in the log: losing one number is better
    than losing the evening's sound.

    Raises
    ------
    DocumentError
        If the document as a whole is broken.
    """
    document = parse_document(data, STATE_FORMAT_VERSION, MIGRATIONS)
    parameters, latent = document.get("parameters", {}), document.get("latent", {})
    journey = document.get("journey", {})
    preset, listeners = document.get("preset", ""), document.get("listeners", [])
    if not isinstance(parameters, dict) or not isinstance(latent, dict):
        raise DocumentError("parameters and latent of a state are JSON objects")
    if not isinstance(preset, str) or not isinstance(listeners, list):
        raise DocumentError("the preset of a state is text, its listeners are a list")
    numbers = {path: finite_number(value) for path, value in parameters.items()}
    for path, number in numbers.items():
        if number is None:
            log.warning("saved value of %s is %r, expected a number; left out", path, parameters[path])
    return State(
        parameters={path: number for path, number in numbers.items() if number is not None},
        latent=latent,
        journey=journey if isinstance(journey, dict) else {},
        preset=preset,
        listeners=tuple(entry for entry in listeners if isinstance(entry, str)),
        extra={key: value for key, value in document.items() if key not in _OWN_KEYS},
    )


class StateKeeper:
    """Saves the state a second after it changes, without holding up the control thread.

    **Thread** control; the file is written by a thread of its own, one write at a time.

    Parameters
    ----------
    directory : Path
        Where the state file and its two generations are kept.
    snapshot : callable
        The present state; called on the control thread.
    """

    def __init__(self, directory: Path, snapshot: Callable[[], State]) -> None:
        self._path = directory / STATE_FILE
        self._snapshot = snapshot
        self._loaded = State()
        self._dirty = asyncio.Event()
        self._writer = ThreadPoolExecutor(1, "state")
        self._task: asyncio.Task[None] | None = None
        self._failing = False

    def load(self) -> State | None:
        """The newest state that can be read, or None; the log says why newer ones cannot."""
        reading = read_newest(self._path, parse_state)
        for warning in reading.warnings:
            log.warning("%s", warning)
        if reading.value is None:
            return None
        if reading.path != self._path:
            log.warning("going on from the earlier state in %s", reading.path)
        self._loaded = reading.value
        return reading.value

    def changed(self) -> None:
        """Save soon."""
        self._dirty.set()

    async def start(self) -> None:
        """Begin to save."""
        self._task = asyncio.create_task(self._autosave(), name="autosave")

    async def stop(self) -> None:
        """Save what has not been saved yet, and end."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        if self._dirty.is_set():
            await self._save()
        self._writer.shutdown()

    async def _autosave(self) -> None:
        while True:
            await self._dirty.wait()
            await asyncio.sleep(AUTOSAVE_S)
            await self._save()

    async def _save(self) -> None:
        self._dirty.clear()
        state = self._snapshot()
        saved = False
        try:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._write, state)
            saved = True
        except (OSError, ValueError) as error:
            if not self._failing:  # a full disk is told once, not every second
                log.error("the state cannot be saved to %s: %s; still trying", self._path, error)
            self._failing = True
        finally:
            if not saved:
                self._dirty.set()
        if saved and self._failing:
            self._failing = False
            log.info("the state can be saved again")

    def _write(self, state: State) -> None:
        """Write the state, and what was loaded but is not known here: another version will want it."""
        complete = replace(
            state,
            parameters={**self._loaded.parameters, **state.parameters},
            extra={**self._loaded.extra, **state.extra},
        )
        write_atomic(self._path, format_state(complete))
