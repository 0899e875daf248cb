"""Banks on disk: what was rendered once need not be rendered again after a restart.

One file per model digest and latent point: a fixed head, a JSON description, then int16 samples at
32 kHz, each note with the gain that makes its peak full scale (so 98 dB below that peak is kept). A
checksum covers everything behind the head. Files are replaced in one go, and a file that is not exactly
right is deleted and never sounds. Sizes add up to a limit; what was not used for longest goes first.

**Thread**: any; meant for ``asyncio.to_thread``. A store serves one call at a time.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth_engine.abi import BANK_RATE_HZ, SLOT_FRAMES

FORMAT_VERSION = 1
LIMIT_BYTES = 512 << 20
SUFFIX = ".bank"
_MAGIC = b"TIMBBANK"
_HEAD = struct.Struct("<8sIIQ")  # magic, CRC-32 of the rest, bytes of JSON, bytes of samples
_LARGEST_TEXT_BYTES = 1 << 20
_FULL_SCALE = 32767
_MOST_NOTES = 128
_LARGEST_GAIN = 1.0  # peak 32767: no note of ours is louder than 90 dB over full scale
_FORGOTTEN_S = 3600.0  # a temporary file this old has no writer any more


class BankFileError(ValueError):
    """A bank file is damaged or is not what its name says; it has been deleted."""


@dataclass(frozen=True)
class _Contents:
    pitches: list[int]
    gains: list[float]
    samples: NDArray[np.int16]  # (notes, SLOT_FRAMES)


class BankStore:
    """The bank files of one model.

    Parameters
    ----------
    folder : Path
        Made if missing; may be shared by several models.
    digest : str
        The model's digest.
    limit_bytes : int
        What all bank files in the folder may add up to.
    """

    def __init__(self, folder: Path, digest: str, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self._digest = digest
        self._limit_bytes = limit_bytes
        folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        self._names = {path.name for path in folder.glob("*" + SUFFIX)}

    def __contains__(self, identity: str) -> bool:
        """Whether a file for the point is believed to exist; touches no disk."""
        return self._name(identity) in self._names

    def save(self, identity: str, sounds: Mapping[int, NDArray[np.float32]]) -> None:
        """Write one bank.

        Parameters
        ----------
        identity : str
            Names the latent point.
        sounds : mapping
            MIDI pitch -> float32 (SLOT_FRAMES,) at 32 kHz, finite; read in place, never changed.

        Raises
        ------
        OSError
            If the folder cannot be written; no file is left behind then.
        """
        gains, parts = [], []
        for sound in sounds.values():
            gain, samples = _quantise(sound)
            gains.append(gain)
            parts.append(samples.tobytes())
        description = {
            "format_version": FORMAT_VERSION,
            "digest": self._digest,
            "identity": identity,
            "rate_hz": BANK_RATE_HZ,
            "frames": SLOT_FRAMES,
            "pitches": list(sounds),
            "gains": gains,
        }
        text = json.dumps(description, separators=(",", ":"), allow_nan=False).encode()
        checksum = zlib.crc32(text)
        for part in parts:
            checksum = zlib.crc32(part, checksum)
        head = _HEAD.pack(_MAGIC, checksum, len(text), sum(map(len, parts)))
        name = self._name(identity)
        _replace(self._folder / name, [head, text, *parts])
        self._names.add(name)
        self._keep_to_limit(name)

    def pitches(self, identity: str) -> list[int]:
        """Pitches in the file of a point, without reading its samples.

        Raises
        ------
        BankFileError
            If the file is damaged; it is deleted.
        OSError
            If there is no such file or it cannot be read.
        """
        with (self._folder / self._name(identity)).open("rb") as file:
            data = file.read(_HEAD.size + _LARGEST_TEXT_BYTES)
        pitches: list[int] = self._guarded(identity, lambda: self._describe(data, identity)[0])
        return pitches

    def load(self, identity: str, rows: Mapping[int, NDArray[np.float32]]) -> None:
        """Fill rows with the notes of a bank; nothing is written before the whole file has been verified.

        Parameters
        ----------
        identity : str
            Names the latent point.
        rows : mapping
            MIDI pitch -> float32 (SLOT_FRAMES,) to fill; pitches of the file that are not in it are skipped.

        Raises
        ------
        BankFileError
            If the file is damaged or lacks one of the pitches; it is deleted.
        OSError
            If there is no such file or it cannot be read.
        """
        path = self._folder / self._name(identity)
        data = path.read_bytes()
        contents = self._guarded(identity, lambda: self._parse(data, identity, rows))
        for pitch, gain, samples in zip(contents.pitches, contents.gains, contents.samples, strict=True):
            if pitch in rows:
                np.multiply(samples, np.float32(gain), out=rows[pitch])
        os.utime(path)  # used just now: last to be deleted

    def _guarded(self, identity: str, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except BankFileError:
            name = self._name(identity)
            self._names.discard(name)
            (self._folder / name).unlink(missing_ok=True)
            raise

    def _name(self, identity: str) -> str:
        key = f"{FORMAT_VERSION}\n{self._digest}\n{identity}".encode()
        return hashlib.blake2b(key, digest_size=16).hexdigest() + SUFFIX

    def _describe(self, data: bytes, identity: str) -> tuple[list[int], list[float], int]:
        """Pitches, gains and where the samples begin."""
        if len(data) < _HEAD.size:
            raise BankFileError(f"bank file of {len(data)} bytes, expected at least {_HEAD.size}")
        magic, _, text_bytes, sample_bytes = _HEAD.unpack_from(data)
        if magic != _MAGIC or text_bytes > _LARGEST_TEXT_BYTES or _HEAD.size + text_bytes > len(data):
            raise BankFileError("bank file with another head than ours")
        try:
            found = json.loads(data[_HEAD.size : _HEAD.size + text_bytes])
        except (ValueError, RecursionError) as error:
            raise BankFileError(f"bank file: description does not parse: {error}") from None
        expected = {
            "format_version": FORMAT_VERSION,
            "digest": self._digest,
            "identity": identity,
            "rate_hz": BANK_RATE_HZ,
            "frames": SLOT_FRAMES,
        }
        for key, value in expected.items():
            if not isinstance(found, dict) or found.get(key) != value:
                raise BankFileError(f"bank file: {key}: expected {value!r}")
        pitches, gains = found.get("pitches"), found.get("gains")
        if not _plausible(pitches, gains) or sample_bytes != 2 * SLOT_FRAMES * len(pitches):
            raise BankFileError("bank file: pitches, gains and samples do not fit each other")
        return pitches, gains, _HEAD.size + text_bytes

    def _parse(self, data: bytes, identity: str, wanted: Mapping[int, Any]) -> _Contents:
        pitches, gains, begin = self._describe(data, identity)
        if len(data) - begin != 2 * SLOT_FRAMES * len(pitches):
            raise BankFileError(f"bank file: {len(data) - begin} bytes of samples for {len(pitches)} notes")
        if zlib.crc32(memoryview(data)[_HEAD.size :]) != _HEAD.unpack_from(data)[1]:
            raise BankFileError("bank file: checksum does not fit")
        missing = sorted(set(wanted) - set(pitches))
        if missing:
            raise BankFileError(f"bank file: pitches {missing} are missing")
        samples = np.frombuffer(data, "<i2", offset=begin).reshape(len(pitches), SLOT_FRAMES)
        return _Contents(pitches, gains, samples)

    def _sweep(self) -> None:
        for path in self._folder.glob("*" + SUFFIX + ".tmp"):
            if time.time() - path.stat().st_mtime > _FORGOTTEN_S:
                path.unlink(missing_ok=True)

    def _keep_to_limit(self, newest: str) -> None:
        files = sorted(
            ((path.stat(), path) for path in self._folder.glob("*" + SUFFIX)),
            key=lambda pair: pair[0].st_mtime_ns,
        )
        total = sum(stat.st_size for stat, _ in files)
        for stat, path in files:
            if total <= self._limit_bytes or path.name == newest:
                continue
            path.unlink(missing_ok=True)
            self._names.discard(path.name)
            total -= stat.st_size


def _plausible(pitches: object, gains: object) -> bool:
    return (
        isinstance(pitches, list)
        and isinstance(gains, list)
        and len(pitches) == len(gains) <= _MOST_NOTES
        and all(type(pitch) is int and 0 <= pitch < _MOST_NOTES for pitch in pitches)
        and len(set(pitches)) == len(pitches)
        and all(type(gain) in (int, float) and 0.0 <= gain <= _LARGEST_GAIN for gain in gains)
    )


def _quantise(sound: NDArray[np.float32]) -> tuple[float, NDArray[np.int16]]:
    peak = float(np.max(np.abs(sound), initial=0.0))
    if peak == 0.0:
        return 0.0, np.zeros(SLOT_FRAMES, "<i2")
    samples = np.rint(sound * np.float32(_FULL_SCALE / peak)).clip(-_FULL_SCALE, _FULL_SCALE)
    return peak / _FULL_SCALE, samples.astype("<i2")


def _replace(path: Path, parts: Sequence[bytes]) -> None:
    """Write a file in full or not at all."""
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=path.stem, suffix=SUFFIX + ".tmp", delete=False
        ) as file:
            temporary = Path(file.name)
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        temporary = None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the rename itself
    finally:
        os.close(folder)
