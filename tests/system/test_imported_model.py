"""A checkpoint of the original, imported and played by the real daemon."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.synth_engine.gansynth.checkpoints import Small, write
from tests.system.children import REPOSITORY
from tests.system.daemon_process import Home, started_daemon

pytestmark = pytest.mark.system

FULL_SIZE = Small(
    channels=(8, 8, 8, 8, 8, 8, 4), labels=61, latent_size=32, step=11_000_000, stage=12,
    flags={
        "latent_vector_size": 32, "num_resolutions": 7, "audio_length": 64_000,
        "stable_stage_num_images": 800_000, "transition_stage_num_images": 800_000,
    },
)  # fmt: skip


def _import(home: Home, path: Path, *options: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "daemon.cli", "import", str(path), "--name", "imported", *options],
        env={"PATH": "/usr/bin:/bin", **home.environment}, cwd=REPOSITORY,
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip


def test_an_imported_model_without_anchors_is_played_at_once(home: Home, tmp_path: Path) -> None:
    _import(home, write(tmp_path / "mine", FULL_SIZE), "--no-pca", "--anchors", "0")
    with started_daemon(home, "--null", "--model", "imported") as daemon:
        daemon.wait_ready()
        assert "0 anchors" in daemon.words
        daemon.osc.send("/note", 60, 0.8)
        daemon.wait_for("playing", lambda status: int(status["notes_started"]) >= 1, 30)
        assert daemon.osc.ask("/latent/anchors") == [("/latent/anchors", [])]
        refused = daemon.osc.ask("/preset/load", "first-light")
        assert any(address == "/error" for address, _ in refused), refused
        daemon.osc.send("/latent/random", 7)
        daemon.wait_for("rendering", lambda status: int(status["rendered_notes"]) >= 2, 60)
        assert int(daemon.status()["bad_frames"]) == 0
        assert "Traceback" not in daemon.words
        assert daemon.stop() == 0
