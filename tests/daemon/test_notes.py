"""``timbred notes`` from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth_engine.generator.random_model import make_random_model
from tests.daemon.conftest import Call


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    make_random_model(folder)
    return folder


def test_notes_are_written_with_a_word_on_what(call: Call, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = call(
        "notes",
        "--model",
        str(model),
        "--pitches",
        "C4,E4",
        "--latents",
        "anchors",
        "-o",
        str(out),
    )
    assert result.status == 0, result.stderr
    assert f"wrote 2 notes, sheet.png, notes.csv and notes.json to {out}" in result.stdout
    assert "2 of 2 (100 %)" in result.stderr
    names = sorted(path.name for path in out.iterdir())
    assert names[0].startswith("01_C4_")
    assert names[1].startswith("02_E4_")
    assert names[2:] == ["notes.csv", "notes.json", "sheet.png"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--pitches", "72-48"], "runs downwards"),
        (["--anchor", "violn"], "did you mean 'violin'"),
        (["--rate-hz", "1"], "8000"),
        (["--seconds", "nan"], "--seconds"),
    ],
)
def test_wrong_wishes_are_usage_errors(
    call: Call, model: Path, tmp_path: Path, words: list[str], told: str
) -> None:
    result = call("notes", "--model", str(model), "-o", str(tmp_path / "out"), *words)
    assert result.status == 64
    assert told in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_an_io_error(call: Call, model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = call("notes", "--model", str(model), "--count", "1", "-o", str(tmp_path / "file" / "x"))
    assert result.status == 74
    assert "Traceback" not in result.stderr
