"""Data sets of recordings and of NSynth's packings."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_engine.datasets import tfrecords
from synth_engine.datasets.building import Built, Wanted, build_dataset, split_instruments
from synth_engine.datasets.labels import Label
from synth_engine.datasets.nsynth import label_of, split_of_path
from synth_engine.datasets.pitch_choice import PitchChoice
from synth_engine.datasets.shards import DatasetError, read_dataset
from synth_engine.datasets.sources import open_source
from synth_engine.gansynth.checksum import masked_crc32c
from tests.synth_engine.datasets.records import values_of, wave_of, write_json_folder
from tests.synth_engine.datasets.sounds import tone, write

NAMES = PitchChoice("names")
NOTES = ["guitar_acoustic_010-060-025", "synth_lead_synthetic_001-048-127", "vocal_electronic_003-072-100"]


def build(source: Path, out: Path, wanted: Wanted | None = None, **options: Any) -> Built:
    return build_dataset(open_source(source, NAMES), out, wanted or Wanted(), **options)


def make_recordings(folder: Path, instruments: int = 3) -> Path:
    for number in range(instruments):
        for pitch in (50, 62):
            write(folder / "string" / f"lute {number:02d}" / f"{pitch}.wav", tone(pitch, 0.5 + 0.1 * number))
    return folder


def features_of(name: str, tf: Any, fork: bool = False) -> Any:
    told = values_of(name)
    if fork:  # the five fields of the fork people train their own sounds with
        told = {key: told[key] for key in ("pitch", "qualities", "instrument_family", "instrument_source")}
    feature = {"audio": tf.train.Feature(float_list=tf.train.FloatList(value=wave_of(name)))}
    for key, value in told.items():
        items = value if isinstance(value, list) else [value]
        if isinstance(items[0], str):
            texts = tf.train.BytesList(value=[item.encode() for item in items])
            feature[key] = tf.train.Feature(bytes_list=texts)
        else:
            feature[key] = tf.train.Feature(int64_list=tf.train.Int64List(value=items))
    return tf.train.Example(features=tf.train.Features(feature=feature))


def write_records(path: Path, names: list[str], fork: bool = False) -> Path:
    tf = pytest.importorskip("tensorflow")
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for name in names:
            writer.write(features_of(name, tf, fork).SerializeToString())
    return path


def test_recordings_become_a_labelled_data_set(tmp_path: Path) -> None:
    source = make_recordings(tmp_path / "in")
    (source / "string/lute 00/70.wav").write_bytes(b"broken")
    (source / "string/lute 00/71.flac").write_bytes(b"fLaC" + bytes(99))
    built = build(source, tmp_path / "data", licence="mine")
    assert built.notes == 6
    assert [name for name, _ in built.rejected] == ["string/lute 00/70.wav", "string/lute 00/71.flac"]
    assert (tmp_path / "data/rejected.txt").read_text().startswith("string/lute 00/70.wav: cannot be read")
    waves, labels = read_dataset(tmp_path / "data")
    assert waves.shape == (6, 64_000)
    assert [(label.instrument, label.pitch) for label in labels[:2]] == [("lute 00", 50), ("lute 00", 62)]
    assert {(label.family, label.source, label.split) for label in labels} == {("string", "unknown", "train")}
    assert all(label.measured and "fast_decay" in label.qualities for label in labels)
    described = json.loads((tmp_path / "data/dataset.json").read_text())
    assert described["licence"] == "mine"
    assert described["programs"] == ["lute 00", "lute 01", "lute 02"]


def test_nsynths_json_folders_keep_their_labels_and_splits(tmp_path: Path) -> None:
    write_json_folder(tmp_path / "nsynth-train", NOTES)
    write_json_folder(tmp_path / "nsynth-test", ["flute_acoustic_002-080-050"])
    (tmp_path / "nsynth-train/audio" / f"{NOTES[1]}.wav").unlink()
    built = build(tmp_path, tmp_path / "data")
    assert [name for name, _ in built.rejected] == [f"{NOTES[1]}.wav"]
    _, labels = read_dataset(tmp_path / "data")
    assert labels == [
        Label("flute_acoustic_002", None, "flute", "acoustic", 80, 50, ("dark", "reverb"), "test"),
        Label("guitar_acoustic_010", None, "guitar", "acoustic", 60, 25, ("dark", "reverb"), "train"),
        Label("vocal_electronic_003", None, "vocal", "electronic", 72, 100, ("dark", "reverb"), "train"),
    ]


@pytest.mark.parametrize("fork", [False, True])
def test_tensorflows_records_read_without_tensorflow(tmp_path: Path, fork: bool) -> None:
    path = write_records(tmp_path / "in" / "nsynth-valid.tfrecord", NOTES, fork)
    built = build(path.parent, tmp_path / "data")
    assert built == Built(3, 0, [])
    waves, labels = read_dataset(tmp_path / "data")
    for wave, label, name in zip(waves, labels, NOTES, strict=True):
        told = values_of(name)
        real = wave_of(name)
        assert np.abs(wave / 32767.0 / 0.95 - real / np.abs(real).max())[:60_000].max() < 1e-4
        assert (label.family, label.pitch) == (told["instrument_family_str"], told["pitch"])
        assert (label.source, label.split) == (told["instrument_source_str"], "valid")
        assert label.qualities == ("dark", "reverb")
        assert not label.measured
        assert label.instrument == ("nsynth-valid" if fork else told["instrument_str"])
        assert label.velocity == (100 if fork else told["velocity"])


def test_a_damaged_record_is_listed_and_a_torn_file_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = write_records(tmp_path / "in" / "data.tfrecord", NOTES)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1  # in the audio of the second note
    path.write_bytes(content[:-1_000])
    built = build(path, tmp_path / "data")
    assert built.notes == 1
    assert [name for name, _ in built.rejected] == ["data.tfrecord", "data.tfrecord, record 1"]
    assert "in record 2" in built.rejected[0][1]
    assert "checksum" in built.rejected[1][1]


def frame(content: bytes) -> bytes:
    length = len(content).to_bytes(8, "little")
    sums = [masked_crc32c(part).to_bytes(4, "little") for part in (length, content)]
    return length + sums[0] + content + sums[1]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "no audio"), (b"\xff\xff\xff", "no tf.Example"), (b"\x0a\x05\x0a\x63abc", "no tf.Example")],
)
def test_records_of_something_else_are_listed(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "x.tfrecord").write_bytes(frame(content))
    with pytest.raises(
        DatasetError, match=rf"none of 1 notes can be used; x\.tfrecord, record 0: .*{reason}"
    ):
        build(tmp_path / "x.tfrecord", tmp_path / "data")
    assert not (tmp_path / "data").exists()


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_no_bytes_break_the_parser(content: bytes) -> None:
    try:
        features = tfrecords.parse_example(content)
    except tfrecords.RecordError:
        return
    assert isinstance(features, dict)


def test_unknown_families_stay_unknown() -> None:
    label = label_of({"pitch": 60, "instrument_family": 99, "instrument_source_str": "alien"}, "x")
    assert label == Label("x", None, "unknown", "unknown", 60, 100)


@pytest.mark.parametrize(
    ("name", "split"),
    [("nsynth-train", "train"), ("nsynth-test.tfrecord", "test"), ("valid", "valid"), ("constrained", None)],
)
def test_splits_are_told_by_names(name: str, split: str | None) -> None:
    assert split_of_path(Path("x", name)) == split


@given(st.sets(st.text(max_size=5), max_size=60))
def test_instruments_are_split_the_same_way_each_time(names: set[str]) -> None:
    splits = split_instruments(names)
    assert splits == split_instruments(frozenset(names))
    counts = [sum(split == name for split in splits.values()) for name in ("valid", "test")]
    assert counts == ([0, 0] if len(names) < 10 else [round(len(names) / 10)] * 2)


def test_only_what_is_wanted_is_kept(tmp_path: Path) -> None:
    source = write_json_folder(tmp_path / "in", NOTES)
    built = build(source, tmp_path / "data", Wanted(50, 84, ("acoustic", "electronic")))
    assert (built.notes, built.left_out, built.rejected) == (2, 1, [])


def test_a_killed_build_goes_on_and_ends_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synth_engine.datasets.building.NOTES_PER_SHARD", 4)
    source = make_recordings(tmp_path / "in", instruments=12)
    whole = build(source, tmp_path / "whole")

    class Killed(Exception):
        pass

    def kill(done: int, total: int) -> None:
        if done >= 8:
            raise Killed

    with pytest.raises(Killed):
        build(source, tmp_path / "killed", progress=kill)
    assert not (tmp_path / "killed/dataset.json").exists()
    journal = tmp_path / "killed/build.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:2]))  # killed between a shard and its line
    assert build(source, tmp_path / "killed") == whole
    for path in (tmp_path / "whole").iterdir():
        other = tmp_path / "killed" / path.name
        if path.name != "build.jsonl":  # its lines are in the order in which shards were done
            assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(other.read_bytes()).digest()
    counts = [len(list((tmp_path / name).iterdir())) for name in ("whole", "killed")]
    assert counts[0] == counts[1]
    splits = json.loads((tmp_path / "whole/dataset.json").read_text())["splits"]
    assert splits == {"test": 2, "train": 20, "valid": 2}
    assert build(source, tmp_path / "whole") == whole  # nothing to do


def test_another_source_does_not_get_into_a_data_set(tmp_path: Path) -> None:
    source = make_recordings(tmp_path / "in", 1)
    build(source, tmp_path / "data")
    write(source / "new_60.wav", tone(60, 0.5))
    with pytest.raises(DatasetError, match="begun with files 2, not 3"):
        build(source, tmp_path / "data")


def test_an_empty_or_absent_source_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such file"):
        build(tmp_path / "none", tmp_path / "data")
    with pytest.raises(DatasetError, match="nothing to build from"):
        build(tmp_path, tmp_path / "data")
    (tmp_path / "examples.json").write_text("[1, 2]")
    with pytest.raises(DatasetError, match="expected an object of notes"):
        build(tmp_path, tmp_path / "data")
    assert not (tmp_path / "data").exists()
