"""A data set as normalised spectrograms on disk, analysed once and mapped into memory by training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synth_engine.datasets.labels import Label
from synth_engine.datasets.shards import read_dataset
from synth_engine.generator.spectral import normalise, waves_to_spectrograms

_CHUNK_NOTES = 16


def open_spectra(folder: Path) -> tuple[NDArray[np.float16], list[Label]]:
    """Map the spectrograms of a data set, analysing it first if that has not been done.

    Returns
    -------
    spectra : NDArray[np.float16], shape (notes, 128, 1024, 2)
        Normalised log mel power (-1..1) and normalised phase step (-0.8..0.8); half precision keeps steps
        to 5e-4 of half a turn.
    labels : list of Label
        One a note.
    """
    waves, labels = read_dataset(folder)
    path = folder / f"spectra_{len(labels)}.npy"
    if not path.exists():
        temporary = path.with_suffix(".part.npy")
        out = np.lib.format.open_memmap(temporary, "w+", np.float16, (len(waves), 128, 1024, 2))
        for start in range(0, len(waves), _CHUNK_NOTES):
            chunk = waves[start : start + _CHUNK_NOTES].astype(np.float32) / 32767.0
            out[start : start + _CHUNK_NOTES] = normalise(waves_to_spectrograms(chunk))
        out.flush()
        temporary.replace(path)
    return np.load(path, mmap_mode="r", allow_pickle=False), labels
