"""The render process: requests in, notes into the slots they name, answers out.

**Thread**: the process has one of its own; it owns the network and never touches a slot that the
request at hand does not name. Whatever goes wrong with one request is an answer, not an end. A frame
that cannot be read is an end: what follows it in the stream means nothing.
"""

from __future__ import annotations

import logging
import socket
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from synth_engine.abi import SLOT_COUNT, SLOT_FRAMES, SLOT_GUARD_FRAMES, SLOT_STRIDE_FRAMES
from synth_engine.generator.entry import Entry
from synth_engine.generator.model_folder import load_model
from synth_engine.render.levels import level_gain
from synth_engine.render.protocol import (
    MAX_FRAME_BYTES,
    POINTS_KEPT,
    LoadModel,
    Message,
    NotesRendered,
    PartRendered,
    ProtocolError,
    RenderFailed,
    RenderNotes,
    RenderPart,
    SetPoint,
    Stop,
    WorkerReady,
    decode,
    encode,
)
from synth_engine.render.upsampling import upsample

if TYPE_CHECKING:  # heavy, and control has no use for them
    from synth_engine.generator.tracks import Tracks
    from synth_engine.render.parts import PartMaker

log = logging.getLogger(__name__)

EXIT_BAD_STREAM = 70
LAST_PART = 1 << 20  # 46 days
_NO_MODEL = "no model is loaded: LoadModel comes first"
_LENGTH_BYTES = 4
_NO_REQUEST = -1


class RenderError(ValueError):
    """A request that cannot be carried out, or a note that is not sound."""


class WaveSource(Protocol):
    """What renders: `synth_engine.generator.runtime.NoteRenderer`, or a stand-in for tests."""

    def waves(self, hooks: NDArray[np.float32], pitches: NDArray[np.float64]) -> NDArray[np.float32]:
        """Hooks and pitches to float32 (n, 64000) at 16 kHz."""

    def tracks(self, hook: NDArray[np.float32], pitch: float) -> Tracks:
        """The same of one note, taken apart."""


@dataclass(frozen=True)
class NoteMaker:
    """One loaded model: latent point and pitch in, a note at the bank's rate out."""

    entry: Entry
    renderer: WaveSource
    latent_size: int

    def note(
        self, latent: NDArray[np.float32], offset: NDArray[np.float32], pitch: float
    ) -> NDArray[np.float32]:
        """Render one note.

        Parameters
        ----------
        latent : float32 (latent_size,)
        offset : float32 (frames, bins, channels), flat or not, or empty for none
        pitch : float
            MIDI number.

        Returns
        -------
        float32 (SLOT_FRAMES,), at 32 kHz

        Raises
        ------
        RenderError
            If the point does not fit the model, or the network answers with NaN or infinity.
        """
        pitches = np.array([pitch])
        hooks = self._hooks(latent, offset, pitches)
        sound: NDArray[np.float32] = upsample(self.renderer.waves(hooks, pitches))[0]
        _expect_sound(sound, pitch)
        return levelled(sound)

    def tracks(self, latent: NDArray[np.float32], offset: NDArray[np.float32], pitch: float) -> Tracks:
        """As `note`, but taken apart, at the network's own level."""
        tracks = self.renderer.tracks(self._hooks(latent, offset, np.array([pitch]))[0], pitch)
        _expect_sound(tracks.power, pitch)
        return tracks

    def _hooks(
        self, latent: NDArray[np.float32], offset: NDArray[np.float32], pitches: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        shape = self.entry.hook_shape
        if latent.size != self.latent_size or offset.size not in (0, int(np.prod(shape))):
            raise RenderError(
                f"point with a latent of {latent.size} and an offset of {offset.size} numbers,"
                f" expected {self.latent_size} and {shape} or none"
            )
        hooks = self.entry.activate(latent.reshape(1, -1), pitches)
        return hooks + offset.reshape(1, *shape) if offset.size else hooks


def _expect_sound(values: NDArray[np.float32], pitch: float) -> None:
    if not np.isfinite(values).all():
        raise RenderError(f"pitch {pitch:g}: the network answered with NaN or infinity")


def levelled(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """A note brought to the peak that all notes have, see `level_gain`."""
    return (sound * np.float32(level_gain(sound))).astype(np.float32, copy=False)


def write_slot(pool: NDArray[np.float32], slot: int, sound: NDArray[np.float32]) -> None:
    """Fill a slot with one note, silent guards around it; a shorter note ends in silence."""
    frames = min(len(sound), SLOT_FRAMES)
    row = pool[slot]
    row[:SLOT_GUARD_FRAMES] = 0.0
    row[SLOT_GUARD_FRAMES : SLOT_GUARD_FRAMES + frames] = sound[:frames]
    row[SLOT_GUARD_FRAMES + frames :] = 0.0


def open_maker(model_path: Path, threads: int, cache_path: Path | None) -> tuple[NoteMaker, str]:
    """Load a model and its runtime; returns the maker and the model's digest.

    Raises
    ------
    ModelError
        If the folder is not a usable model.
    """
    from synth_engine.generator.runtime import NoteRenderer  # noqa: PLC0415  loads OpenVINO: here only

    model = load_model(model_path)
    renderer = NoteRenderer(model, threads=threads, cache_dir=cache_path)
    return NoteMaker(Entry(model), renderer, model.latent_size), model.digest


MakerOpener = Callable[[Path, int, Path | None], tuple[NoteMaker, str]]


class Worker:
    """Answers one control process over a stream socket until it closes."""

    def __init__(self, connection: socket.socket, opener: MakerOpener = open_maker) -> None:
        self._connection = connection
        self._opener = opener
        self._maker: NoteMaker | None = None
        self._parts: PartMaker | None = None
        self._pool: NDArray[np.float32] | None = None
        self._points: dict[int, SetPoint] = {}

    def run(self) -> int:
        """Serve until ``Stop`` or the end of the stream; returns the exit status."""
        while True:
            try:
                message = self._receive()
            except ProtocolError as error:
                log.error("frame from control: %s", error)
                return EXIT_BAD_STREAM
            if message is None or isinstance(message, Stop):
                return 0
            if not self._answer(message):
                return EXIT_BAD_STREAM

    def _answer(self, message: Message) -> bool:
        """Carry out one message; False if control must not go on with this process."""
        request = message.request if isinstance(message, RenderNotes | RenderPart) else _NO_REQUEST
        try:
            if isinstance(message, LoadModel):
                self._send(self._load(message))
            elif isinstance(message, SetPoint):
                self._keep(message)
            elif isinstance(message, RenderNotes):
                self._send(self._render(message))
            elif isinstance(message, RenderPart):
                self._send(self._render_part(message))
            else:
                log.error("control sent %s, which only a worker sends", type(message).__name__)
                return False
        except (BrokenPipeError, ConnectionError):
            return True  # the next receive sees the end of the stream
        except Exception as error:  # noqa: BLE001  the process's outermost loop: a fault is an answer
            log.warning("request %d failed: %s", request, error)
            self._send(RenderFailed(request, f"{type(error).__name__}: {error}", traceback.format_exc()))
            return not isinstance(message, LoadModel)
        return True

    def _load(self, message: LoadModel) -> WorkerReady:
        from synth_engine.render.parts import PartMaker  # noqa: PLC0415  see above

        began_s = time.monotonic()
        cache = Path(message.cache_path) if message.cache_path else None
        shape = (SLOT_COUNT, SLOT_STRIDE_FRAMES)
        self._pool = np.memmap(message.pool_path, np.float32, "r+", shape=shape)
        self._maker, digest = self._opener(Path(message.model_path), message.threads, cache)
        self._parts = PartMaker(self._maker.tracks)
        self._maker.note(np.zeros(self._maker.latent_size, np.float32), np.zeros(0, np.float32), 60.0)
        load_ms = 1e3 * (time.monotonic() - began_s)
        return WorkerReady(digest, type(self._maker.renderer).__name__, load_ms)

    def _keep(self, message: SetPoint) -> None:
        self._points.pop(message.point, None)
        self._points[message.point] = message
        if len(self._points) > POINTS_KEPT:
            del self._points[next(iter(self._points))]

    def _render(self, message: RenderNotes) -> NotesRendered:
        began_s = time.monotonic()
        if self._maker is None or self._pool is None:
            raise RenderError(_NO_MODEL)
        point = self._point(message.point)
        if len(message.pitches) != len(message.slots):
            raise RenderError(f"{len(message.pitches)} pitches for {len(message.slots)} slots")
        _check(message.pitches, message.slots)
        peaks: list[float] = []
        for pitch, slot in zip(message.pitches, message.slots, strict=True):
            sound = self._maker.note(point.latent, point.offset, pitch)
            write_slot(self._pool, slot, sound)
            peaks.append(float(np.max(np.abs(sound))))
        render_ms = 1e3 * (time.monotonic() - began_s)
        return NotesRendered(message.request, message.point, message.pitches, message.slots, peaks, render_ms)

    def _render_part(self, message: RenderPart) -> PartRendered:
        began_s = time.monotonic()
        if self._parts is None or self._pool is None:
            raise RenderError(_NO_MODEL)
        point = self._point(message.point)
        _check([message.pitch], [message.slot])
        if not 1 <= message.part <= LAST_PART:
            raise RenderError(f"part {message.part}, expected 1..{LAST_PART}")
        part = self._parts.part(point.latent, point.offset, message.pitch, message.part)
        if part is not None:
            write_slot(self._pool, message.slot, part.sound)
        render_ms = 1e3 * (time.monotonic() - began_s)
        if part is None:
            return PartRendered(message.request, 0.0, 0.0, 0.0, render_ms)
        peak = float(np.max(np.abs(part.sound)))
        return PartRendered(message.request, part.leave_s, part.enter_s, peak, render_ms)

    def _point(self, number: int) -> SetPoint:
        point = self._points.get(number)
        if point is None:
            raise RenderError(f"point {number} is unknown; known: {len(self._points)}")
        return point

    def _send(self, message: Message) -> None:
        self._connection.sendall(encode(message))

    def _receive(self) -> Message | None:
        head = self._read(_LENGTH_BYTES)
        if head is None:
            return None
        length = int.from_bytes(head, "little")
        if length > MAX_FRAME_BYTES:
            raise ProtocolError(f"frame of {length} bytes, expected at most {MAX_FRAME_BYTES}")
        body = self._read(length)
        return None if body is None else decode(body)

    def _read(self, count: int) -> bytes | None:
        """Exactly ``count`` bytes, or None if the stream ends before."""
        data = bytearray()
        while len(data) < count:
            try:
                part = self._connection.recv(min(count - len(data), 1 << 20))
            except ConnectionError:
                return None
            if not part:
                return None
            data += part
        return bytes(data)


def _check(pitches: Iterable[float], slots: Iterable[int]) -> None:
    for slot in slots:
        if not 0 <= slot < SLOT_COUNT:
            raise RenderError(f"slot {slot}, expected 0..{SLOT_COUNT - 1}")
    for pitch in pitches:
        if not 0 <= pitch <= 127:
            raise RenderError(f"pitch {pitch}, expected 0..127")
