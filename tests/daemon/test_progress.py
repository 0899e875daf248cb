"""How far long work is, in a log and on a terminal."""

from __future__ import annotations

import sys

import pytest

from daemon.progress import Progress, counting


def test_a_log_hears_of_every_tenth_however_the_work_counts(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("rendering")
    for done in range(0, 1001, 7):
        progress.show(done, 1000)
    progress.show(1000, 1000)
    lines = capsys.readouterr().err.splitlines()
    assert [int(line.split("(")[1].split()[0]) // 10 for line in lines] == list(range(11))
    assert "s left" in lines[1]


def test_a_terminal_is_not_flooded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    progress = Progress("rendering")
    for done in range(10_001):
        progress.show(done, 10_000)
    text = capsys.readouterr().err
    assert "10000 of 10000 (100 %)" in text
    assert text.count("\r") < 1000


def test_work_of_nothing_is_done_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    Progress("fitting").show(0, 0)
    assert "fitting: 0 of 0" in capsys.readouterr().err


def test_counting_turns_single_steps_into_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    told: list[tuple[int, int]] = []
    step = counting(lambda done, total: told.append((done, total)), 2)
    for _ in range(3):
        step()
    assert told == [(1, 2), (2, 2), (2, 2)]
