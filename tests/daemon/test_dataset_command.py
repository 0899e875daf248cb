"""``timbred dataset`` from end to end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from daemon.cli import main
from daemon.exits import Exit
from synth_engine.datasets.shards import read_dataset
from tests.synth_engine.datasets.sounds import scale, tone, write


def run(*arguments: object) -> int:
    try:
        main(["dataset", *map(str, arguments)])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_recordings_go_all_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "in/string/lute/run.flac", scale([50, 50]))
    write(tmp_path / "in/flute/whistle/long.wav", np.stack([scale([74], 2.0)] * 2, axis=1))
    (tmp_path / "in/flute/broken.wav").write_bytes(b"RIFF....WAVE")
    (tmp_path / "in/torn.mp3").write_bytes(bytes(500))
    pytest.importorskip("swift_f0")
    assert run("chop", tmp_path / "in", tmp_path / "notes") == 0
    told = capsys.readouterr()
    assert "3 notes of 4 recordings" in told.out
    assert told.err.count("rejected ") == 2
    assert run("build", tmp_path / "notes", tmp_path / "data", "--licence", "mine") == 0
    assert run("inspect", tmp_path / "data") == 0
    _, labels = read_dataset(tmp_path / "data")
    assert [(label.instrument, label.family, label.pitch) for label in labels] == [
        ("whistle", "flute", 74),
        ("lute", "string", 50),
        ("lute", "string", 50),
    ]
    report = json.loads((tmp_path / "data/inspection/report.json").read_text())
    assert report["counts"]["family"]["string"] == 2
    names = {path.name for path in (tmp_path / "data/inspection").iterdir()}
    assert names == {
        "report.json", "report.txt", "measures.png", "pitches.png", "families.png", "examples.png",
    }  # fmt: skip


def test_padding_names_all_notes_as_told(tmp_path: Path) -> None:
    write(tmp_path / "in/a.wav", tone(60, 0.5))
    assert run("pad", tmp_path / "in", tmp_path / "out", "--pitch", "A#3", "--seconds", "1") == 0
    assert [path.name for path in tmp_path.glob("out/*.wav")] == ["a.000-058-100.wav"]


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["pad", "none", "out"], Exit.CONFIG, "no such file"),
        (["chop", ".", "../out", "--pitch", "H2"], Exit.USAGE, "expected auto, names, detect"),
        (["chop", ".", "../out", "--pitch", "128"], Exit.USAGE, "expected auto, names, detect"),
        (["build", ".", "../out"], Exit.CONFIG, "nothing to build from"),
        (["build", ".", "../out", "--range", "80", "20"], Exit.USAGE, "80 is above 20"),
        (["inspect", "."], Exit.IO, "holds no notes"),
        (["render", "out", "--soundfont", "none.sf2"], Exit.UNAVAILABLE, "no such soundfont"),
    ],
)
def test_mistakes_are_told_in_words(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: Exit,
    text: str,
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert run(*arguments) == status
    told = capsys.readouterr().err
    assert text in " ".join(told.split())
    assert "Traceback" not in told
    assert not (tmp_path / "out").exists()
    assert list(folder.iterdir()) == []
