"""The format of a bank file: bytes to notes and back, no disk.

A fixed head, a JSON description, then int16 samples at 32 kHz, each note with the gain that makes its
peak full scale (so 98 dB below that peak is kept). A checksum covers everything behind the head.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from synth_engine.abi import BANK_RATE_HZ, SLOT_FRAMES

FORMAT_VERSION = 1
_MAGIC = b"TIMBBANK"
_HEAD = struct.Struct("<8sIIQ")  # magic, CRC-32 of the rest, bytes of JSON, bytes of samples
_LARGEST_TEXT_BYTES = 1 << 20
DESCRIPTION_BYTES = _HEAD.size + _LARGEST_TEXT_BYTES  # what `read_pitches` needs at most
_FULL_SCALE = 32767
_MOST_NOTES = 128
_LARGEST_GAIN = 1.0  # a peak of 90 dB over full scale: no sound of ours


class BankFileError(ValueError):
    """A bank file is damaged or is not what its name says."""


@dataclass(frozen=True)
class BankKey:
    """What a bank belongs to: the model's digest and the latent point's name."""

    digest: str
    identity: str

    def description(self) -> dict[str, object]:
        """The part of the JSON that must be found exactly as it is."""
        return {
            "format_version": FORMAT_VERSION,
            "digest": self.digest,
            "identity": self.identity,
            "rate_hz": BANK_RATE_HZ,
            "frames": SLOT_FRAMES,
        }


@dataclass(frozen=True)
class Bank:
    """A verified file.

    Attributes
    ----------
    pitches : list of int
    gains : list of float
        Per note: sample times gain is sound.
    samples : int16 (notes, SLOT_FRAMES)
    """

    pitches: list[int]
    gains: list[float]
    samples: NDArray[np.int16]


def encode_bank(key: BankKey, sounds: Mapping[int, NDArray[np.float32]]) -> list[bytes]:
    """A file's content in parts.

    Parameters
    ----------
    key : BankKey
    sounds : mapping
        MIDI pitch -> float32 (SLOT_FRAMES,), finite.
    """
    gains, parts = [], []
    for sound in sounds.values():
        gain, samples = _quantise(sound)
        gains.append(gain)
        parts.append(samples.tobytes())
    description = {**key.description(), "pitches": list(sounds), "gains": gains}
    text = json.dumps(description, separators=(",", ":"), allow_nan=False).encode()
    checksum = zlib.crc32(text)
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    return [_HEAD.pack(_MAGIC, checksum, len(text), sum(map(len, parts))), text, *parts]


def read_pitches(data: bytes, key: BankKey) -> list[int]:
    """Pitches of a file from its first `DESCRIPTION_BYTES`.

    Raises
    ------
    BankFileError
        If head or description are not those of a bank of ``key``.
    """
    return _describe(data, key)[0]


def decode_bank(data: bytes, key: BankKey, wanted: Iterable[int]) -> Bank:
    """A whole file.

    Raises
    ------
    BankFileError
        If anything is not as it was written, or a wanted pitch is missing.
    """
    pitches, gains, begin = _describe(data, key)
    if len(data) - begin != 2 * SLOT_FRAMES * len(pitches):
        raise BankFileError(f"bank file: {len(data) - begin} bytes of samples for {len(pitches)} notes")
    if zlib.crc32(memoryview(data)[_HEAD.size :]) != _HEAD.unpack_from(data)[1]:
        raise BankFileError("bank file: checksum does not fit")
    missing = sorted(set(wanted) - set(pitches))
    if missing:
        raise BankFileError(f"bank file: pitches {missing} are missing")
    samples = np.frombuffer(data, "<i2", offset=begin).reshape(len(pitches), SLOT_FRAMES)
    return Bank(pitches, gains, samples)


def _describe(data: bytes, key: BankKey) -> tuple[list[int], list[float], int]:
    """Pitches, gains and where the samples begin."""
    if len(data) < _HEAD.size:
        raise BankFileError(f"bank file of {len(data)} bytes, expected at least {_HEAD.size}")
    magic, _, text_bytes, sample_bytes = _HEAD.unpack_from(data)
    begin = _HEAD.size + text_bytes
    if magic != _MAGIC or text_bytes > _LARGEST_TEXT_BYTES or begin > len(data):
        raise BankFileError("bank file: another head than ours")
    try:
        found = json.loads(data[_HEAD.size : begin])
    except (ValueError, RecursionError) as error:
        raise BankFileError(f"bank file: description does not parse: {error}") from None
    if not isinstance(found, dict):
        raise BankFileError("bank file: description is not an object")
    for name, value in key.description().items():
        if found.get(name) != value:
            raise BankFileError(f"bank file: {name}: expected {value!r}")
    pitches, gains = found.get("pitches"), found.get("gains")
    if not (_are_pitches(pitches) and _are_gains(gains) and len(pitches) == len(gains)):
        raise BankFileError("bank file: pitches and gains are not ours")
    if sample_bytes != 2 * SLOT_FRAMES * len(pitches):
        raise BankFileError(f"bank file: {sample_bytes} bytes of samples told for {len(pitches)} notes")
    return pitches, gains, begin


def _are_pitches(values: object) -> TypeGuard[list[int]]:
    if not isinstance(values, list) or not all(type(v) is int and 0 <= v < _MOST_NOTES for v in values):
        return False
    return len(set(values)) == len(values)


def _are_gains(values: object) -> TypeGuard[list[float]]:
    return isinstance(values, list) and all(
        type(v) in (int, float) and 0.0 <= v <= _LARGEST_GAIN for v in values
    )


def _quantise(sound: NDArray[np.float32]) -> tuple[float, NDArray[np.int16]]:
    peak = float(np.max(np.abs(sound), initial=0.0))
    if peak == 0.0:
        return 0.0, np.zeros(SLOT_FRAMES, "<i2")
    samples = np.rint(sound * np.float32(_FULL_SCALE / peak)).clip(-_FULL_SCALE, _FULL_SCALE)
    return peak / _FULL_SCALE, samples.astype("<i2")
