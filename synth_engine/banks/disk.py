"""Banks on disk: what was rendered once need not be rendered again after a restart.

One file per model digest and latent point. Files are replaced in one go, and a file that is not exactly
right is deleted and never sounds. Sizes add up to a limit; what was not used for longest goes first.

**Thread**: any; meant for ``asyncio.to_thread``. A store serves one call at a time, but for the
question whether a file exists, which may be asked from another thread.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synth_engine.banks.bank_file import (
    DESCRIPTION_BYTES,
    FORMAT_VERSION,
    BankFileError,
    BankKey,
    decode_bank,
    encode_bank,
    read_pitches,
)

LIMIT_BYTES = 512 << 20
SUFFIX = ".bank"
_TEMPORARY = SUFFIX + ".tmp"
_FORGOTTEN_S = 3600.0  # a temporary file this old has no writer any more


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

    Raises
    ------
    OSError
        If the folder cannot be made or read.
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
        return self._path(identity).name in self._names

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
        path = self._path(identity)
        _replace(path, encode_bank(BankKey(self._digest, identity), sounds))
        self._names.add(path.name)
        self._keep_to_limit(path)

    def pitches(self, identity: str) -> list[int]:
        """Pitches in the file of a point, without reading its samples.

        Raises
        ------
        BankFileError
            If the file is damaged; it is deleted.
        OSError
            If there is no such file or it cannot be read.
        """
        path = self._path(identity)
        with path.open("rb") as file:
            data = file.read(DESCRIPTION_BYTES)
        try:
            return read_pitches(data, BankKey(self._digest, identity))
        except BankFileError:
            self._delete(path)
            raise

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
        path = self._path(identity)
        data = path.read_bytes()  # not mapped: a file cut short under a map would be the end of us
        try:
            bank = decode_bank(data, BankKey(self._digest, identity), rows)
        except BankFileError:
            self._delete(path)
            raise
        for pitch, gain, samples in zip(bank.pitches, bank.gains, bank.samples, strict=True):
            if pitch in rows:
                np.multiply(samples, np.float32(gain), out=rows[pitch])
        os.utime(path)  # used just now: last to be deleted

    def _path(self, identity: str) -> Path:
        key = f"{FORMAT_VERSION}\n{self._digest}\n{identity}".encode()
        return self._folder / (hashlib.blake2b(key, digest_size=16).hexdigest() + SUFFIX)

    def _delete(self, path: Path) -> None:
        self._names.discard(path.name)
        path.unlink(missing_ok=True)

    def _sweep(self) -> None:
        for path in self._folder.glob("*" + _TEMPORARY):
            with contextlib.suppress(FileNotFoundError):  # another instance was faster
                if time.time() - path.stat().st_mtime > _FORGOTTEN_S:
                    path.unlink()

    def _keep_to_limit(self, newest: Path) -> None:
        files = [(path.stat(), path) for path in self._folder.glob("*" + SUFFIX)]
        total_bytes = sum(stat.st_size for stat, _ in files)
        for stat, path in sorted(files, key=lambda pair: pair[0].st_mtime_ns):
            if total_bytes > self._limit_bytes and path != newest:
                self._delete(path)
                total_bytes -= stat.st_size


def _replace(path: Path, parts: Sequence[bytes]) -> None:
    """Write a file in full or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=_TEMPORARY, delete=False) as file:
        temporary = Path(file.name)
        try:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the rename itself
    finally:
        os.close(folder)
