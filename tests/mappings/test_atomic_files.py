"""Files are whole at every moment, and earlier contents stay beside them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mappings import atomic_files
from mappings.atomic_files import generation_path, read_newest, write_atomic


def whole(data: bytes) -> bytes:
    if not data.endswith(b"."):
        raise ValueError("no full stop")
    return data


def test_the_newest_contents_and_two_before_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    for n in range(5):
        write_atomic(path, b"%d." % n)
    assert [generation_path(path, g).read_bytes() for g in range(3)] == [b"4.", b"3.", b"2."]
    assert sorted(p.name for p in path.parent.iterdir()) == ["file", "file.1", "file.2"]


def test_no_generations_means_one_file(tmp_path: Path) -> None:
    for n in range(2):
        write_atomic(tmp_path / "file", b"%d" % n, generations=0)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_broken_newest_is_set_aside_and_the_one_before_it_wins(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old.")
    write_atomic(path, b"torn")
    reading = read_newest(path, whole)
    assert (reading.value, reading.path) == (b"old.", generation_path(path, 1))
    assert "no full stop" in reading.warnings[0]
    assert (tmp_path / "file.broken").read_bytes() == b"torn"
    write_atomic(path, b"new.")
    assert read_newest(path, whole).value == b"new."


def test_nothing_readable_is_none_with_the_reasons(tmp_path: Path) -> None:
    assert read_newest(tmp_path / "file", whole) == atomic_files.Reading(None, None)
    (tmp_path / "file").mkdir()
    reading = read_newest(tmp_path / "file", whole)
    assert reading.value is None
    assert "cannot be read" in reading.warnings[0]


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old.")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, b"new.")
    assert path.read_bytes() == b"old."
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_generations_are_kept_where_there_are_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    path = tmp_path / "file"
    for n in range(3):
        write_atomic(path, b"%d." % n)
    assert [generation_path(path, g).read_bytes() for g in range(3)] == [b"2.", b"1.", b"0."]


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    stale, fresh = tmp_path / ".file.1.new", tmp_path / ".file.2.new"
    for leftover in (stale, fresh):
        leftover.write_bytes(b"half")
    os.utime(stale, (1, 1))
    write_atomic(tmp_path / "file", b"x")
    assert not stale.exists()
    assert fresh.exists()
