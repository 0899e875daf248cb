"""The weights file: the safetensors layout read with every length checked."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth_engine.generator.model import ModelError

_LENGTH_BYTES = 8
_LARGEST_HEADER_BYTES = 4 << 20


def parse_json_object(content: bytes, where: str) -> dict[str, Any]:
    """Parse a JSON object from bytes that may be anything.

    Raises
    ------
    ModelError
        If it is not one.
    """
    try:
        value = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"{where}: expected JSON, found {type(error).__name__}: {str(error)[:80]}"
        ) from error
    if not isinstance(value, dict):
        raise ModelError(f"{where}: expected a JSON object, found {type(value).__name__}")
    return value


def parse_tensors(
    content: bytes, shapes: Mapping[str, tuple[int, ...]], where: str
) -> dict[str, NDArray[np.float32]]:
    """Read the tensors named in `shapes` from a safetensors file; more or fewer are an error.

    Parameters
    ----------
    content : bytes
        The whole file.
    shapes : mapping
        Names and shapes that must be there, all float32.
    where : str
        File name for messages.

    Returns
    -------
    dict of str to NDArray[np.float32]
        Read-only views of `content`.

    Raises
    ------
    ModelError
        If anything differs, or a value is not finite.

    Source: the safetensors format description (8-byte little-endian header length, JSON header, data).
    """
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    if len(content) < _LENGTH_BYTES or length > min(_LARGEST_HEADER_BYTES, len(content) - _LENGTH_BYTES):
        raise ModelError(f"{where}: header: expected {length} bytes, found {len(content) - _LENGTH_BYTES}")
    header = parse_json_object(content[_LENGTH_BYTES : _LENGTH_BYTES + length], f"{where}: header")
    header.pop("__metadata__", None)
    unknown = sorted(set(header) - set(shapes))
    if unknown:
        raise ModelError(f"{where}: {unknown[0][:80]}: expected no such variable, found it")
    data = memoryview(content)[_LENGTH_BYTES + length :]
    return {
        name: _tensor(data, header.get(name), shape, f"{where}: {name}") for name, shape in shapes.items()
    }


def _tensor(data: memoryview, entry: object, shape: tuple[int, ...], where: str) -> NDArray[np.float32]:
    if not isinstance(entry, dict):
        raise ModelError(f"{where}: expected shape {shape}, found no such variable")
    if entry.get("dtype") != "F32" or entry.get("shape") != list(shape):
        found = f"{str(entry.get('dtype'))[:20]} {str(entry.get('shape'))[:80]}"
        raise ModelError(f"{where}: expected F32 {list(shape)}, found {found}")
    offsets = entry.get("data_offsets")
    size = 4 * math.prod(shape)
    start = offsets[0] if isinstance(offsets, list) and offsets else None
    if type(start) is not int or not 0 <= start <= len(data) - size or offsets != [start, start + size]:
        found = f"offsets {str(offsets)[:80]} of {len(data)}"
        raise ModelError(f"{where}: expected {size} data bytes, found {found}")
    tensor = np.frombuffer(data[start : start + size], "<f4").reshape(shape)
    if not np.isfinite(tensor).all():
        raise ModelError(f"{where}: expected finite numbers, found others")
    return tensor
