from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from synth_engine.abi import SLOT_FRAMES
from synth_engine.banks.bank_file import BankFileError
from synth_engine.banks.disk import BankStore

Sounds = dict[int, NDArray[np.float32]]


def some_sounds(*pitches: int, seed: int = 0) -> Sounds:
    rng = np.random.default_rng(seed)
    return {
        p: (rng.standard_normal(SLOT_FRAMES) * 0.1 * (i + 1)).astype(np.float32)
        for i, p in enumerate(pitches)
    }


def rows_for(*pitches: int) -> Sounds:
    return {p: np.full(SLOT_FRAMES, 7.0, np.float32) for p in pitches}


def the_file(folder: Path) -> Path:
    (path,) = folder.glob("*.bank")
    return path


def test_a_bank_comes_back_within_half_a_step_of_sixteen_bits(tmp_path: Path) -> None:
    store = BankStore(tmp_path, "digest")
    sounds = some_sounds(60, 61)
    store.save("here", sounds)
    assert "here" in store
    assert store.pitches("here") == [60, 61]
    rows = rows_for(60, 61)
    store.load("here", rows)
    for pitch, sound in sounds.items():
        step = np.abs(sound).max() / 32767
        assert np.abs(rows[pitch] - sound).max() <= 0.51 * step


def test_only_the_wanted_pitches_are_filled(tmp_path: Path) -> None:
    store = BankStore(tmp_path, "digest")
    store.save("here", some_sounds(60, 61, 62))
    rows = rows_for(61)
    store.load("here", rows)
    assert np.array_equal(np.sign(rows[61][:50]), np.sign(some_sounds(60, 61, 62)[61][:50]))


def test_silence_comes_back_as_silence(tmp_path: Path) -> None:
    store = BankStore(tmp_path, "digest")
    store.save("here", {60: np.zeros(SLOT_FRAMES, np.float32)})
    rows = rows_for(60)
    store.load("here", rows)
    assert not rows[60].any()


def test_a_new_store_finds_the_file_and_another_model_does_not(tmp_path: Path) -> None:
    BankStore(tmp_path, "digest").save("here", some_sounds(60))
    assert "here" in BankStore(tmp_path, "digest")
    assert "here" not in BankStore(tmp_path, "other digest")
    assert "there" not in BankStore(tmp_path, "digest")


def test_no_temporary_file_stays(tmp_path: Path) -> None:
    BankStore(tmp_path, "digest").save("here", some_sounds(60))
    assert len(list(tmp_path.iterdir())) == 1


def test_a_forgotten_temporary_file_is_swept_and_a_young_one_is_not(tmp_path: Path) -> None:
    old, young = tmp_path / "a.bank.tmp", tmp_path / "b.bank.tmp"
    for path in (old, young):
        path.touch()
    os.utime(old, (0, 0))
    BankStore(tmp_path, "digest")
    assert not old.exists()
    assert young.exists()


def test_the_bank_not_used_for_longest_is_deleted(tmp_path: Path) -> None:
    store = BankStore(tmp_path, "digest", limit_bytes=2 * (2 * SLOT_FRAMES + 1000))
    for number, identity in enumerate(("first", "second")):
        store.save(identity, some_sounds(60))
        for path in tmp_path.glob("*.bank"):
            if path.stat().st_mtime > 1e6:
                os.utime(path, (number, number))
    store.load("first", rows_for(60))
    store.save("third", some_sounds(60))
    assert "first" in store
    assert "second" not in store
    assert "third" in store
    assert len(list(tmp_path.glob("*.bank"))) == 2


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        BankStore(tmp_path, "digest").pitches("nowhere")


def test_a_bank_of_another_point_under_this_name_is_refused(tmp_path: Path) -> None:
    store = BankStore(tmp_path, "digest")
    store.save("here", some_sounds(60))
    content = the_file(tmp_path).read_bytes()
    the_file(tmp_path).unlink()
    store.save("there", some_sounds(61))
    the_file(tmp_path).write_bytes(content)
    with pytest.raises(BankFileError, match="identity"):
        store.pitches("there")


def test_a_pitch_that_is_not_in_the_file_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    store = BankStore(tmp_path, "digest")
    store.save("here", some_sounds(60))
    rows = rows_for(60, 99)
    with pytest.raises(BankFileError, match="99"):
        store.load("here", rows)
    assert (rows[60] == 7.0).all()


@pytest.fixture(scope="module")
def sound_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("whole")
    BankStore(folder, "digest").save("here", some_sounds(60))
    return the_file(folder).read_bytes()


@given(data=st.data())
def test_a_damaged_file_is_refused_and_deleted_and_writes_nothing(
    data: st.DataObject, sound_file: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    damaged = bytearray(sound_file)
    kind = data.draw(st.sampled_from(["cut", "flip", "longer"]))
    place = data.draw(st.one_of(st.integers(0, 300), st.integers(0, len(damaged) - 1)))
    if kind == "cut":
        del damaged[place:]
    elif kind == "flip":
        damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        damaged += b"\0" * (1 + place % 7)
    folder = tmp_path_factory.mktemp("bank")
    store = BankStore(folder, "digest")
    store.save("here", some_sounds(60))
    path = the_file(folder)
    path.write_bytes(damaged)
    rows = rows_for(60)
    with pytest.raises(BankFileError):
        store.load("here", rows)
    assert (rows[60] == 7.0).all()
    assert not path.exists()
    assert "here" not in store


def test_a_folder_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    store = BankStore(tmp_path / "banks", "digest")
    (tmp_path / "banks").rmdir()
    with pytest.raises(OSError, match="No such file"):
        store.save("here", some_sounds(60))
    assert "here" not in store
