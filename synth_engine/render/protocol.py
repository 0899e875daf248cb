"""The border file between control and the render worker.

A frame on the wire is ``uint32 length`` (little-endian, of what follows), ``uint8 kind``, ``uint32
length of the JSON part``, a UTF-8 JSON object, then raw little-endian float32 data if the message
carries an array. Frames are at most :data:`MAX_FRAME_BYTES`. Nothing is pickled.

The worker writes audio straight into the slots named in a request (``pool.shm``) and never into any
other; a slot belongs to the worker from ``RenderNotes`` or ``RenderPart`` until ``NotesRendered``,
``PartRendered`` or ``RenderFailed`` for that request, or until control has seen the worker's process end.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Union, get_args

import numpy as np
from numpy.typing import NDArray

MAX_FRAME_BYTES = 16 * 1024 * 1024
_HEAD = struct.Struct("<IBI")


class ProtocolError(ValueError):
    """A frame that cannot be what the other side sent: wrong length, kind, field or array."""


@dataclass(frozen=True, eq=False)
class LoadModel:
    """Control -> worker, first message. Paths are absolute; ``threads`` is the runtime's."""

    KIND: ClassVar[int] = 1
    model_path: str
    pool_path: str
    cache_path: str
    threads: int = 1


@dataclass(frozen=True, eq=False)
class SetPoint:
    """Control -> worker: latent point number ``point``.

    ``latent`` is float32 ``(latent_size,)``; ``offset`` is what the PCA coordinates add to the
    block-1 conv0 activation, float32 ``(2, 16, channels)`` flattened, or empty for none. The worker
    keeps the last :data:`POINTS_KEPT` points.
    """

    KIND: ClassVar[int] = 2
    point: int
    latent: NDArray[np.float32]
    offset: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))


POINTS_KEPT = 64


@dataclass(frozen=True, eq=False)
class RenderNotes:
    """Control -> worker: render ``pitches[i]`` (MIDI, may be fractional) of ``point`` into ``slots[i]``."""

    KIND: ClassVar[int] = 3
    request: int
    point: int
    pitches: list[float]
    slots: list[int]


@dataclass(frozen=True, eq=False)
class RenderPart:
    """Control -> worker: render into ``slot`` how a held note goes on: ``part`` 1 follows the note itself."""

    KIND: ClassVar[int] = 5
    request: int
    point: int
    pitch: float
    part: int
    slot: int


@dataclass(frozen=True, eq=False)
class Stop:
    """Control -> worker: finish and exit with status 0."""

    KIND: ClassVar[int] = 4


@dataclass(frozen=True, eq=False)
class WorkerReady:
    """Worker -> control, once: the network is compiled and one note was rendered to warm it."""

    KIND: ClassVar[int] = 16
    digest: str
    runtime: str
    load_ms: float


@dataclass(frozen=True, eq=False)
class NotesRendered:
    """Worker -> control: the slots of ``request`` hold sound. ``peaks`` are linear, per note."""

    KIND: ClassVar[int] = 17
    request: int
    point: int
    pitches: list[float]
    slots: list[int]
    peaks: list[float]
    render_ms: float


@dataclass(frozen=True, eq=False)
class PartRendered:
    """Worker -> control: the slot of ``request`` holds sound.

    What the part before holds at ``leave_s`` and after, this one holds at ``enter_s`` and after.
    ``peak`` is linear; 0 says that the note has died away by then, and the slot holds nothing.
    """

    KIND: ClassVar[int] = 19
    request: int
    leave_s: float
    enter_s: float
    peak: float
    render_ms: float


@dataclass(frozen=True, eq=False)
class RenderFailed:
    """Worker -> control: request failed (-1: loading failed); the slots are control's again."""

    KIND: ClassVar[int] = 18
    request: int
    summary: str
    traceback_text: str


Message = Union[
    LoadModel,
    SetPoint,
    RenderNotes,
    RenderPart,
    Stop,
    WorkerReady,
    NotesRendered,
    PartRendered,
    RenderFailed,
]
_MESSAGES: dict[int, type[Any]] = {kind.KIND: kind for kind in get_args(Message)}


def encode(message: Message) -> bytes:
    """One message as one frame."""
    arrays: list[NDArray[np.float32]] = []
    plain: dict[str, Any] = {}
    for f in fields(message):
        value = getattr(message, f.name)
        if isinstance(value, np.ndarray):
            flat = np.ascontiguousarray(value, dtype="<f4").reshape(-1)
            plain[f.name] = {"floats": flat.size}
            arrays.append(flat)
        else:
            plain[f.name] = value
    text = json.dumps(plain, separators=(",", ":")).encode()
    data = b"".join(a.tobytes() for a in arrays)
    return _HEAD.pack(5 + len(text) + len(data), message.KIND, len(text)) + text + data


def decode(body: bytes) -> Message:
    """The part of a frame after its length word, as a message.

    Raises
    ------
    ProtocolError
        if the kind is unknown, the JSON does not parse or has other fields or types, or the arrays do
        not fit.
    """
    if len(body) < 5:
        raise ProtocolError(f"frame of {len(body)} bytes, expected at least 5")
    kind, text_length = struct.unpack_from("<BI", body)
    if kind not in _MESSAGES:
        raise ProtocolError(f"unknown message kind {kind}, expected one of {sorted(_MESSAGES)}")
    if text_length > len(body) - 5:
        raise ProtocolError(f"JSON part of {text_length} bytes in a frame of {len(body)}")
    try:
        plain = json.loads(body[5 : 5 + text_length])
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"JSON part of message kind {kind} does not parse: {error}") from None
    if not isinstance(plain, dict):
        raise ProtocolError(f"JSON part of message kind {kind} is not an object")
    _fill_arrays(plain, body[5 + text_length :], kind)
    try:
        message: Message = _MESSAGES[kind](**plain)
    except TypeError as error:
        raise ProtocolError(f"fields of message kind {kind}: {error}") from None
    for f in fields(message):
        if not _TYPE_CHECKS[str(f.type)](getattr(message, f.name)):
            raise ProtocolError(f"field {f.name!r} of message kind {kind}: expected {f.type}")
    return message


def _fill_arrays(plain: dict[str, Any], data: bytes, kind: int) -> None:
    """Put the arrays behind the JSON part where the JSON part says so."""
    at = 0
    for name, value in plain.items():
        if isinstance(value, dict):
            size = value.get("floats")
            if type(size) is not int or size < 0 or at + 4 * size > len(data):
                raise ProtocolError(f"array {name!r} of message kind {kind}: {size!r} floats do not fit")
            plain[name] = np.frombuffer(data, "<f4", size, at).copy()
            at += 4 * size
    if at != len(data):
        raise ProtocolError(f"{len(data) - at} bytes too many after message kind {kind}")


def _all_numbers(value: object) -> bool:
    return isinstance(value, list) and all(type(v) in (int, float) for v in value)


_TYPE_CHECKS: dict[str, Callable[[object], bool]] = {  # annotations are text: see the import on top
    "int": lambda v: type(v) is int,
    "float": lambda v: type(v) in (int, float),
    "str": lambda v: isinstance(v, str),
    "list[int]": lambda v: isinstance(v, list) and all(type(x) is int for x in v),
    "list[float]": _all_numbers,
    "NDArray[np.float32]": lambda v: isinstance(v, np.ndarray),
}
