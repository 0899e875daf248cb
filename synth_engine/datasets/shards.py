"""The format of a data set on disk, and its reader.

A data set is a folder: shards `notes_<name>.npy` (int16, shape (notes, frames)), each with
`notes_<name>.jsonl` beside it (one label a row, in the same order), and `dataset.json` (what made it).
The labels of a shard are written last, so they stand for the whole shard. Nothing is pickled.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mappings.atomic_files import write_atomic
from mappings.documents import DocumentError
from synth_engine.datasets.labels import Label, from_row, to_row

FULL_SCALE = 32767.0  # int16 of a sample of 1.0


class DatasetError(DocumentError):
    """A data set on disk is not what its format says."""


class Waves:
    """All notes of a data set, mapped into memory shard by shard: nothing is read before it is asked for.

    Indexing by a number gives one note, by a slice or an array of numbers an array of notes.

    Parameters
    ----------
    shards : list of NDArray[np.int16]
        Each of shape (notes, frames), of one number of frames.
    """

    dtype = np.dtype(np.int16)

    def __init__(self, shards: list[NDArray[np.int16]]) -> None:
        self._shards = shards
        self._ends = np.cumsum([len(shard) for shard in shards])

    @property
    def shape(self) -> tuple[int, int]:
        """(notes, frames)."""
        return int(self._ends[-1]), self._shards[0].shape[1]

    def __len__(self) -> int:
        return int(self._ends[-1])

    @overload
    def __getitem__(self, index: int) -> NDArray[np.int16]: ...
    @overload
    def __getitem__(self, index: slice | ArrayLike) -> NDArray[np.int16]: ...
    def __getitem__(self, index: int | slice | ArrayLike) -> NDArray[np.int16]:
        if isinstance(index, slice):
            return self._gather(np.arange(len(self))[index])
        chosen = np.asarray(index)
        if chosen.ndim == 0:
            return self._note(int(chosen))
        return self._gather(np.flatnonzero(chosen) if chosen.dtype == bool else chosen)

    def __iter__(self) -> Iterator[NDArray[np.int16]]:
        return (note for shard in self._shards for note in shard)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype=dtype)

    def _note(self, index: int) -> NDArray[np.int16]:
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"note {index} of {len(self)}")
        shard = int(np.searchsorted(self._ends, place, side="right"))
        note: NDArray[np.int16] = self._shards[shard][place - int(self._ends[shard])]  # from the shard's end
        return note

    def _gather(self, indices: NDArray[Any]) -> NDArray[np.int16]:
        out = np.empty((len(indices), self.shape[1]), np.int16)
        for row, index in enumerate(indices):
            out[row] = self._note(int(index))
        return out


def read_dataset(folder: Path) -> tuple[Waves, list[Label]]:
    """Open a whole data set.

    Returns
    -------
    waves : Waves, like an NDArray[np.int16] of shape (notes, frames)
        Sample values times 32767; read from disk as they are asked for.
    labels : list of Label
        One a note.

    Raises
    ------
    FileNotFoundError
        If the folder holds no notes.
    DatasetError
        If a shard is damaged or does not fit its labels.
    """
    shards, labels = [], []
    for path in sorted(folder.glob("notes_*.jsonl")):
        rows = read_labels(path)
        if rows:
            shards.append(_read_waves(path.with_suffix(".npy"), len(rows)))
            labels += rows
    if not shards:
        raise FileNotFoundError(f"{folder} holds no notes_*.jsonl with notes in it")
    if len({shard.shape[1] for shard in shards}) > 1:
        raise DatasetError(f"{folder}: its shards hold notes of different lengths")
    return Waves(shards), labels


def read_labels(path: Path) -> list[Label]:
    """Return the labels of one shard.

    Raises
    ------
    DatasetError
        If a row is no label.
    """
    labels = []
    for number, row in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            labels.append(from_row(row))
        except ValueError as error:
            raise DatasetError(f"{path}, line {number}: {error}") from None
    return labels


def _read_waves(path: Path, notes: int) -> NDArray[np.int16]:
    try:
        waves: NDArray[np.int16] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise DatasetError(f"{path}: {error}") from None
    if waves.ndim != 2 or waves.dtype != np.int16 or len(waves) != notes:
        raise DatasetError(f"{path}: {waves.dtype} {waves.shape}, expected int16 ({notes}, frames)")
    return waves


def write_shard(folder: Path, name: str, notes: Sequence[NDArray[np.int16]], labels: Sequence[Label]) -> None:
    """Write one shard, notes first, labels last; a shard of that name is replaced.

    Raises
    ------
    OSError
        If the disk is full or the folder not writable.
    """
    shard = folder / f"notes_{name}.npy"
    temporary = folder / f".{shard.name}.part"
    try:
        with temporary.open("wb") as file:
            np.save(file, np.stack(notes) if len(notes) else np.zeros((0, 0), np.int16), allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(shard)
    finally:
        temporary.unlink(missing_ok=True)
    rows = "".join(to_row(label) + "\n" for label in labels)
    write_atomic(shard.with_suffix(".jsonl"), rows.encode(), generations=0)
