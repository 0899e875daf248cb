"""The format of a data set on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_engine.datasets.labels import (
    FAMILIES,
    QUALITIES,
    SOURCES,
    SPLITS,
    UNKNOWN,
    Label,
    from_row,
    to_row,
)
from synth_engine.datasets.shards import DatasetError, Waves, read_dataset, write_shard

LABELS = st.builds(
    Label,
    instrument=st.text(),
    program=st.none() | st.integers(0, 127),
    family=st.sampled_from((*FAMILIES, UNKNOWN)),
    source=st.sampled_from((*SOURCES, UNKNOWN)),
    pitch=st.integers(0, 127),
    velocity=st.integers(0, 127),
    qualities=st.lists(st.sampled_from(QUALITIES), unique=True).map(tuple),
    split=st.sampled_from(SPLITS),
    measured=st.booleans(),
)


def notes(count: int, first: int = 0, frames: int = 8) -> list[np.ndarray]:
    return [np.full(frames, first + i, np.int16) for i in range(count)]


def labels(count: int, instrument: str = "oboe") -> list[Label]:
    return [Label(instrument, 68, "reed", "acoustic", 60 + i, 100) for i in range(count)]


@given(LABELS)
def test_a_label_survives_its_row(label: Label) -> None:
    assert from_row(to_row(label)) == label
    assert "\n" not in to_row(label)


def test_a_row_of_an_older_data_set_is_a_training_note_without_qualities() -> None:
    row = '{"instrument": "violin", "program": 40, "family": "string", "source": "acoustic", '
    row += '"pitch": 55, "velocity": 100}'
    assert from_row(row) == Label("violin", 40, "string", "acoustic", 55, 100, (), "train", False)


@pytest.mark.parametrize("row", ["[]", "3", "{}", '{"tail": 1}', "nonsense", '{"qualities": 3}'])
def test_a_row_that_is_no_label_is_a_value_error(row: str) -> None:
    with pytest.raises(ValueError, match=r"not a label|Expecting value"):
        from_row(row)


def test_shards_read_back_as_one_array(tmp_path: Path) -> None:
    write_shard(tmp_path, "b", notes(3, first=2), labels(3))
    write_shard(tmp_path, "a", notes(2), labels(2, "flute"))
    write_shard(tmp_path, "empty", [], [])
    waves, read = read_dataset(tmp_path)
    assert waves.shape == (5, 8)
    assert [label.instrument for label in read] == ["flute"] * 2 + ["oboe"] * 3
    assert [int(wave[0]) for wave in waves] == [0, 1, 2, 3, 4]
    assert np.asarray(waves)[:, 3].tolist() == [0, 1, 2, 3, 4]
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


@given(st.data())
def test_waves_index_like_an_array(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    whole = np.arange(sum(sizes) * 3, dtype=np.int16).reshape(-1, 3)
    waves = Waves(np.split(whole, np.cumsum(sizes)[:-1]))
    index = data.draw(st.integers(-len(whole), len(whole) - 1))
    chosen = data.draw(st.lists(st.integers(-len(whole), len(whole) - 1), max_size=6))
    cut = data.draw(st.slices(len(whole)))
    assert np.array_equal(waves[index], whole[index])
    assert np.array_equal(waves[chosen], whole[np.array(chosen, int)])
    assert np.array_equal(waves[cut], whole[cut])
    assert np.array_equal(waves[whole[:, 0] > 5], whole[whole[:, 0] > 5])
    with pytest.raises(IndexError):
        waves[len(whole)]


def test_an_empty_folder_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="notes_"):
        read_dataset(tmp_path)


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    write_shard(tmp_path, "a", notes(2), labels(2))
    (tmp_path / "notes_a.jsonl").write_text('{"instrument": "x"}\n')
    with pytest.raises(DatasetError, match=r"notes_a\.jsonl, line 1"):
        read_dataset(tmp_path)
    write_shard(tmp_path, "a", notes(2), labels(3))
    with pytest.raises(DatasetError, match=r"expected int16 \(3, frames\)"):
        read_dataset(tmp_path)
    (tmp_path / "notes_a.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DatasetError, match=r"notes_a\.npy"):
        read_dataset(tmp_path)


def test_notes_of_two_lengths_are_no_dataset(tmp_path: Path) -> None:
    write_shard(tmp_path, "a", notes(1), labels(1))
    write_shard(tmp_path, "b", notes(1, frames=9), labels(1))
    with pytest.raises(DatasetError, match="different lengths"):
        read_dataset(tmp_path)
