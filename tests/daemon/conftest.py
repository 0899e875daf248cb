"""Commands called in this process: what a subprocess shows, without its seconds of imports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from daemon.cli import main


@dataclass(frozen=True)
class Result:
    """Exit status and what was written."""

    status: int
    stdout: str
    stderr: str


Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Call ``timbred`` with words, as if from a shell with an empty home."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "home"))
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def called(*words: str) -> Result:
        status = 0
        try:
            main(words)
        except SystemExit as end:
            status = int(end.code or 0)
        written = capsys.readouterr()
        return Result(status, written.out, written.err)

    return called
