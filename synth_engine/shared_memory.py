"""The two files that control and the audio process share, as plain maps of memory."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mappings.catalogue import CATALOGUE
from mappings.parameters import Target
from synth_engine import abi

ENGINE_NAME = "engine.shm"
POOL_NAME = "pool.shm"
POOL_BYTES = abi.SLOT_COUNT * abi.SLOT_STRIDE_FRAMES * 4


class EngineMemoryError(OSError):
    """The shared files cannot be used: missing, of another version, or of another size."""


class EngineMemory:
    """``engine.shm`` and ``pool.shm`` of one runtime directory, mapped. **Thread**: any.

    Attributes
    ----------
    directory : Path
        The runtime directory.
    record : structured array ()
        The engine record, dtype :data:`synth_engine.abi.ENGINE`; who may write what is said there.
    pool : float32 (SLOT_COUNT, SLOT_STRIDE_FRAMES)
        Rendered notes with their guards.
    engine_address, pool_address : int
        Where the two maps begin, for the kernel.
    """

    def __init__(self, directory: Path, engine: mmap.mmap, pool: mmap.mmap) -> None:
        self.directory = directory
        self.engine_map = engine
        self._pool_map = pool
        self.record: NDArray[np.void] = np.frombuffer(engine, abi.ENGINE, 1).reshape(())
        self.pool: NDArray[np.float32] = np.frombuffer(pool, np.float32).reshape(
            abi.SLOT_COUNT, abi.SLOT_STRIDE_FRAMES
        )
        self.engine_address = int(self.record.__array_interface__["data"][0])
        self.pool_address = int(self.pool.__array_interface__["data"][0])

    @classmethod
    def create(cls, directory: Path) -> EngineMemory:
        """Make both files anew (mode 0600), with default parameters and empty keys.

        Files of an earlier run are unlinked, not overwritten: a process that still maps them keeps
        its own, and cannot disturb the new ones.

        Raises
        ------
        EngineMemoryError
            If a file cannot be made there.
        """
        memory = cls(
            directory,
            _make(directory / ENGINE_NAME, abi.ENGINE.itemsize),
            _make(directory / POOL_NAME, POOL_BYTES),
        )
        record = memory.record
        record["keys"]["slot"] = abi.NO_SLOT
        for name in abi.VOICE_SLOTS:
            record["voices"][name] = abi.NO_SLOT
        for row in CATALOGUE.values():
            if row.target is Target.KERNEL:
                index = abi.KernelParameter[row.key]
                record["parameters"][index] = row.kernel_value(row.default)
        record["smoothed"] = record["parameters"]
        record["version"] = abi.ABI_VERSION
        record["magic"] = abi.ABI_MAGIC  # last: whoever sees it sees the rest
        return memory

    @classmethod
    def open(cls, directory: Path) -> EngineMemory:
        """Map the files another process made.

        Raises
        ------
        EngineMemoryError
            If one is missing, of another size, or not an engine of this version.
        """
        engine = _map(directory / ENGINE_NAME, abi.ENGINE.itemsize)
        magic, version = np.frombuffer(engine[:16], "<i8").tolist()
        if magic != abi.ABI_MAGIC:
            raise EngineMemoryError(
                f"{directory / ENGINE_NAME}: magic {magic:#x}, expected {abi.ABI_MAGIC:#x}"
            )
        if version != abi.ABI_VERSION:
            raise EngineMemoryError(
                f"{directory / ENGINE_NAME}: version {version}, expected {abi.ABI_VERSION}; "
                "stop the timbred that made it and start again"
            )
        return cls(directory, engine, _map(directory / POOL_NAME, POOL_BYTES))

    def close(self) -> None:
        """Drop the maps; those that an array outside still looks at go when that array goes."""
        del self.record, self.pool
        for mapped in (self.engine_map, self._pool_map):
            try:
                mapped.close()
            except BufferError:
                continue  # a ring's writer or an array still holds it

    def remove(self) -> None:
        """Drop the maps and give the memory back; processes that still map the files keep theirs."""
        self.close()
        for name in (ENGINE_NAME, POOL_NAME):
            (self.directory / name).unlink(missing_ok=True)


def _make(path: Path, size: int) -> mmap.mmap:
    try:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EngineMemoryError(f"{path}: cannot be made: {error.strerror}") from error
    try:
        os.ftruncate(descriptor, size)
        return mmap.mmap(descriptor, size)
    except (OSError, ValueError) as error:
        raise EngineMemoryError(f"{path}: {size} bytes cannot be mapped: {error}") from error
    finally:
        os.close(descriptor)


def _map(path: Path, size: int) -> mmap.mmap:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise EngineMemoryError(f"{path}: cannot be opened: {error.strerror}") from error
    try:
        found = os.fstat(descriptor).st_size
        if found != size:
            raise EngineMemoryError(f"{path}: {found} bytes, expected {size}")
        return mmap.mmap(descriptor, size)
    finally:
        os.close(descriptor)
