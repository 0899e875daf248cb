"""Tensor bundles: written, read, damaged, cut, and exchanged with TensorFlow."""

from __future__ import annotations

import contextlib
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synth_engine.gansynth.bundle import BundleReader, write_bundle
from synth_engine.gansynth.bundle_entry import DTYPES, write_header
from synth_engine.gansynth.checksum import masked_crc32c
from synth_engine.gansynth.slices import slice_key
from synth_engine.gansynth.sources import CheckpointError
from synth_engine.gansynth.table import write_table
from synth_engine.gansynth.wire import bytes_field, fixed32_field, varint_field
from tests.synth_engine.gansynth.golden import CHECKPOINTS, needs_golden

ARRAYS = st.sampled_from(sorted(DTYPES.values())).flatmap(
    lambda dtype: hnp.arrays(np.dtype(dtype), hnp.array_shapes(min_dims=0, max_side=4, min_side=0))
)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundles")


@given(st.dictionaries(NAMES, ARRAYS, max_size=6))
def test_what_is_written_is_read(folder: Path, tensors: dict[str, np.ndarray]) -> None:
    write_bundle(folder / "any", tensors)
    reader = BundleReader(folder / "any")
    assert {name: v.shape for name, v in reader.variables.items()} == {n: a.shape for n, a in tensors.items()}
    found = reader.read_many(tensors)
    assert all(_same(found[name], array) for name, array in tensors.items())


def _two(folder: Path) -> Path:
    tensors = {"a": np.arange(100, dtype=np.float32), "b": np.arange(50, dtype=np.int64)}
    write_bundle(folder / "two", tensors)
    return folder / "two"


def _data(prefix: Path) -> Path:
    return prefix.with_name(f"{prefix.name}.data-00000-of-00001")


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    prefix = _two(tmp_path)
    _data(prefix).write_bytes(bytes(400) + _data(prefix).read_bytes()[400:])  # "a" is gone
    assert BundleReader(prefix).read("b")[49] == 49
    with pytest.raises(CheckpointError, match="a: damaged"):
        BundleReader(prefix).read("a")


def test_cut_data_name_the_variable_and_the_file(tmp_path: Path) -> None:
    prefix = _two(tmp_path)
    _data(prefix).write_bytes(_data(prefix).read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"two\.data-00000-of-00001: b: .*ends at byte 799.*cut off"):
        BundleReader(prefix).read("b")


def test_absent_data_and_absent_variables_are_named(tmp_path: Path) -> None:
    prefix = _two(tmp_path)
    with pytest.raises(CheckpointError, match=r"two\.index: c: not in the checkpoint"):
        BundleReader(prefix).read("c")
    _data(prefix).unlink()
    with pytest.raises(CheckpointError, match="data-00000-of-00001: cannot be read"):
        BundleReader(prefix).read("a")


def test_every_cut_of_the_index_is_an_error_in_words(tmp_path: Path) -> None:
    prefix = _two(tmp_path)
    index = prefix.with_name("two.index")
    content = index.read_bytes()
    for size in range(len(content)):
        index.write_bytes(content[:size])
        with pytest.raises(CheckpointError, match=r"two\.index: no readable index"):
            BundleReader(prefix)


def test_any_damage_is_noticed_or_harmless(tmp_path: Path) -> None:
    prefix = _two(tmp_path)
    rng = random.Random(1)
    right = BundleReader(prefix).read_many(["a", "b"])
    for path in (prefix.with_name("two.index"), _data(prefix)):
        content = path.read_bytes()
        for _ in range(200):
            spoilt = bytearray(content)
            for _ in range(rng.randint(1, 4)):
                spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
            path.write_bytes(spoilt)
            try:
                found = BundleReader(prefix).read_many(["a", "b"])
            except CheckpointError:
                continue
            assert all(_same(found[name], right[name]) for name in right)
        path.write_bytes(content)


SIDES = st.integers(0, 3) | st.sampled_from([2**20, 2**40, 2**63])
PLACES = st.integers(0, 9) | st.sampled_from([40, 2**40, 2**63])
EXTENTS = st.tuples(SIDES, st.integers(-1, 3) | SIDES)


@st.composite
def entries(draw: st.DrawFn) -> bytes:
    """An entry that may say anything, with parts or without."""
    sides = b"".join(bytes_field(2, varint_field(1, draw(SIDES))) for _ in range(draw(st.integers(0, 3))))
    fields = varint_field(1, draw(st.integers(0, 24))) + bytes_field(2, sides)
    fields += b"".join(varint_field(number, draw(PLACES)) for number in (3, 4, 5))
    for start, length in draw(st.lists(EXTENTS, max_size=3)):
        extent = varint_field(1, start) + varint_field(2, length)
        fields += bytes_field(7, bytes_field(1, extent))
    return fields + draw(st.sampled_from([b"", fixed32_field(6, masked_crc32c(b"")), b"\x0f"]))


@given(entries(), entries())
def test_an_index_may_say_anything_with_right_checksums(folder: Path, whole: bytes, part: bytes) -> None:
    parts = {slice_key("x", [(start, length)]): part for start in range(3) for length in (-1, 1, 2)}
    table = {b"": write_header(), b"x": whole, **parts}
    (folder / "wild.index").write_bytes(write_table(table))
    (folder / "wild.data-00000-of-00001").write_bytes(bytes(40))
    with contextlib.suppress(CheckpointError):
        assert BundleReader(folder / "wild").read("x").nbytes <= 40


def test_an_empty_name_and_a_type_tensorflow_lacks_are_refused(tmp_path: Path) -> None:
    for tensors in ({"": np.zeros(1)}, {"x": np.array(["text"])}):
        with pytest.raises(ValueError, match="expected a name and a type"):
            write_bundle(tmp_path / "x", tensors)
    assert not list(tmp_path.iterdir())


@needs_golden
def test_the_originals_checkpoint_is_written_again_byte_for_byte(tmp_path: Path) -> None:
    original = CHECKPOINTS / "small_blend" / "stage_00003" / "model.ckpt-2600"
    reader = BundleReader(original)
    write_bundle(tmp_path / "again", reader.read_many(reader.variables))
    assert _data(tmp_path / "again").read_bytes() == _data(original).read_bytes()


def _tensorflow() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return pytest.importorskip("tensorflow", reason="TensorFlow is the judge of its own format")


def test_tensorflow_reads_what_is_written(tmp_path: Path) -> None:
    tf = _tensorflow()
    rng = np.random.default_rng(0)
    numbers = [dtype for dtype in DTYPES.values() if dtype != "?"]
    tensors = {f"of/{n}": rng.integers(0, 100, (2, 3, n + 1)).astype(d) for n, d in enumerate(numbers)}
    tensors |= {f"many/{n:04d}/with/a/long/name/to/fill/several/blocks": np.array(n) for n in range(6000)}
    tensors |= {
        "scalar": np.array(2.5, np.float32),
        "empty": np.zeros((0, 3)),
        "yes": np.array([True, False]),
    }
    write_bundle(tmp_path / "ours", tensors)
    judge = tf.train.load_checkpoint(str(tmp_path / "ours"))
    assert set(judge.get_variable_to_shape_map()) == set(tensors)
    for name in [*tensors][:20] + [*tensors][-30:]:
        assert _same(np.asarray(judge.get_tensor(name)), tensors[name])


def test_what_tensorflow_writes_in_parts_and_shards_is_read(tmp_path: Path) -> None:
    tf = _tensorflow()
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        with tf.device("/cpu:0"):
            parts = v1.get_variable(
                "parts", (200, 70), partitioner=v1.fixed_size_partitioner(3), use_resource=False,
                initializer=v1.random_normal_initializer(),
            )  # fmt: skip
        v1.get_variable("whole", (3,), initializer=v1.ones_initializer())
        v1.get_variable("words", initializer="hello")
        session.run(v1.global_variables_initializer())
        expected = session.run(parts.as_tensor())
        prefix = v1.train.Saver(sharded=True).save(session, str(tmp_path / "theirs"))
    reader = BundleReader(Path(prefix))
    assert _same(reader.read("parts"), expected)
    assert _same(reader.read("whole"), np.ones(3, np.float32))
    with pytest.raises(CheckpointError, match="words: expected numbers, found texts"):
        reader.read("words")


def test_several_data_files_are_read(tmp_path: Path) -> None:
    tf = _tensorflow()
    values = [np.full((4, 5), n, np.float32) for n in range(3)]
    prefixes = []
    for n, value in enumerate(values):
        prefixes.append(str(tmp_path / f"temp-{n}"))
        tf.raw_ops.SaveV2(prefix=prefixes[-1], tensor_names=[f"t{n}"], shape_and_slices=[""], tensors=[value])
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=prefixes, destination_prefix=str(tmp_path / "merged"))
    assert len(list(tmp_path.glob("merged.data-*-of-00003"))) == 3
    found = BundleReader(tmp_path / "merged").read_many(["t2", "t0", "t1"])
    assert all(_same(found[f"t{n}"], value) for n, value in enumerate(values))
