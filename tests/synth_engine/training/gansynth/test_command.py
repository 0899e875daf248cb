"""``timbred train`` from the outside."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("tensorflow")

from daemon.cli import main
from daemon.exits import Exit
from synth_engine.generator.model_folder import load_model
from tests.synth_engine.training.gansynth.tiny import write_config, write_data


def status_of(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["train", *arguments])
    return int(caught.value.code or 0)


def test_training_leaves_a_model_that_loads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, config = (
        write_data(tmp_path / "data"),
        write_config(tmp_path, total_images="24", curve_images="8", progressive="false"),
    )
    run = tmp_path / "run"
    main(
        ["train", "--data", str(data), "--out", str(run), "--config", str(config), "--backend", "tensorflow"]
    )
    assert load_model(run / "model").provenance["recipe"] == "gansynth"
    assert "starting at 0 images, stage 2 (stable, 2 blocks)" in capsys.readouterr().err


def test_mistakes_are_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = str(write_data(tmp_path / "data")), str(tmp_path / "run")
    assert status_of("--data", data, "--out", out, "--preset", "smal") == Exit.USAGE
    assert "did you mean 'small'" in capsys.readouterr().err
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[schedule]\nbatches = 3\n")
    assert status_of("--data", data, "--out", out, "--config", str(wrong)) == Exit.CONFIG
    assert "line 2: [schedule] batches: no such entry, did you mean 'batch'" in capsys.readouterr().err
    assert status_of("--data", str(tmp_path), "--out", out) == Exit.IO
    assert "holds no notes" in capsys.readouterr().err
    assert status_of("--data", data, "--out", out, "--devices", "2", "--backend", "tensorflow") == Exit.CONFIG
    assert "expected the jax backend" in capsys.readouterr().err
    assert status_of("--data", data, "--out", out, "--cluster", "here") == Exit.USAGE
    assert not Path(out).exists()


def test_a_preset_can_be_written_out_to_begin_from(capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", "--show-preset", "full"])
    assert "total_images = 11_000_000" in capsys.readouterr().out
