"""`timbred import` and `timbred export` as a player types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from daemon import basis_fit
from daemon.cli import main
from daemon.exits import Exit
from daemon.fresh_folder import fresh_folder
from daemon.model_import import model_name
from daemon.settings import load_settings, resolve_model
from pca_cache.store import basis_path
from synth_engine.generator.model import ModelError
from synth_engine.generator.model_folder import load_model
from tests.synth_engine.gansynth.checkpoints import Small, write, zipped

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where models go; everything else of the player's directories is a test's own too."""
    for name in ("CONFIG_HOME", "STATE_HOME", "CACHE_HOME", "DATA_HOME", "RUNTIME_DIR"):
        monkeypatch.setenv(f"XDG_{name}", str(tmp_path / "home" / name))
    monkeypatch.setattr("daemon.paths._SHARED_MEMORY", tmp_path / "shm")  # none: the runtime dir is used
    return tmp_path / "home" / "DATA_HOME" / "timbred" / "models"


@pytest.fixture
def timbred(models: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*words: str | Path) -> tuple[int, str, str]:
        status = 0
        try:
            main([str(word) for word in words])
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = capsys.readouterr()
        return status, out, err

    return run


def test_an_archive_becomes_a_model_with_directions_and_names(
    tmp_path: Path, models: Path, timbred: Command
) -> None:
    archive = zipped(write(tmp_path / "mine"), tmp_path / "acoustic_only.zip", "acoustic_only/")
    status, out, err = timbred("import", archive)
    assert status == 0, err
    assert "stage 4, step 5000, moving averages" in out
    assert "timbred run --model acoustic_only" in out
    assert "fitting the PCA directions" in err
    model = load_model(models / "acoustic_only")
    assert list(model.anchors) == [f"seed-{n:02d}" for n in range(1, 9)]
    assert model.licence == "not stated by the checkpoint"
    cache = tmp_path / "home" / "CACHE_HOME" / "timbred"
    assert basis_path(cache, model.digest).exists()
    assert [path.name for path in models.iterdir()] == ["acoustic_only"]


def test_what_is_asked_for_is_done(tmp_path: Path, models: Path, timbred: Command) -> None:
    status, out, err = timbred(
        "import", write(tmp_path / "mine"), "--no-pca", "--name", "bells", "--anchors", "0", "--raw",
        "--lowest-pitch", "60", "--licence", "CC0",
    )  # fmt: skip
    assert status == 0, err
    assert "raw" in out
    model = load_model(models / "bells")
    assert (model.pitches[0], dict(model.anchors), model.licence) == (60, {}, "CC0")
    assert not list((tmp_path / "home" / "CACHE_HOME").rglob("basis*"))


def test_a_name_that_is_taken_is_kept_unless_forced(tmp_path: Path, models: Path, timbred: Command) -> None:
    first, second = write(tmp_path / "a"), write(tmp_path / "b", Small(seed=1))
    assert timbred("import", first, "--no-pca", "--name", "x")[0] == 0
    digest = load_model(models / "x").digest
    status, _, err = timbred("import", second, "--no-pca", "--name", "x")
    assert status == Exit.IO
    assert "--force" in err
    assert load_model(models / "x").digest == digest
    assert timbred("import", second, "--no-pca", "--name", "x", "--force")[0] == 0
    assert load_model(models / "x").digest != digest
    assert [path.name for path in models.iterdir()] == ["x"]


def test_a_broken_checkpoint_leaves_nothing_and_what_was_there(
    tmp_path: Path, models: Path, timbred: Command
) -> None:
    assert timbred("import", write(tmp_path / "a"), "--no-pca", "--name", "x")[0] == 0
    digest = load_model(models / "x").digest
    broken = write(tmp_path / "b")
    data = broken / "stage_00004" / "model.ckpt-5000.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:1000])
    for name in ("x", "y"):
        status, _, err = timbred("import", broken, "--name", name, "--force")
        assert status == Exit.CONFIG
        assert data.name in err
        assert "Traceback" not in err
    assert load_model(models / "x").digest == digest
    assert [path.name for path in models.iterdir()] == ["x"]


def test_an_interrupted_fit_leaves_the_model_and_says_so(
    tmp_path: Path, models: Path, timbred: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(basis_fit, "fit_basis", interrupted)
    status, _, err = timbred("import", write(tmp_path / "mine"))
    assert status == 130
    assert "'mine' is imported all the same" in err
    assert "Traceback" not in err
    load_model(models / "mine")


def test_an_interrupted_import_leaves_nothing(
    tmp_path: Path, models: Path, timbred: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("daemon.model_import.load_model", interrupted)
    assert timbred("import", write(tmp_path / "mine"))[0] == 130
    assert list(models.iterdir()) == []


def test_export_and_import_bring_back_the_same_model(tmp_path: Path, models: Path, timbred: Command) -> None:
    assert timbred("import", write(tmp_path / "mine"), "--no-pca")[0] == 0
    out = tmp_path / "out" / "mine"
    assert timbred("export", "mine", out)[0] == 0
    assert timbred("import", out, "--no-pca", "--name", "again")[0] == 0
    digests = {json.loads(path.read_text())["digest"] for path in models.glob("*/model.json")}
    assert len(digests) == 1
    status, _, err = timbred("export", "mine", out)
    assert status == Exit.IO
    assert "--force" in err
    assert timbred("export", "mine", out, "--force")[0] == 0
    assert [path.name for path in out.parent.iterdir()] == ["mine"]


def test_the_embedded_model_cannot_be_exported_and_says_why(tmp_path: Path, timbred: Command) -> None:
    status, _, err = timbred("export", "default", tmp_path / "out")
    assert status == Exit.CONFIG
    assert "harmonic maps" in err
    assert not (tmp_path / "out").exists()


def test_named_random_points_do_not_bend_the_directions(
    tmp_path: Path, models: Path, timbred: Command
) -> None:
    bases = []
    for anchors in ("0", "8"):
        folder = write(tmp_path / f"with-{anchors}")
        assert timbred("import", folder, "--no-pca", "--anchors", anchors)[0] == 0
        path = basis_fit.fit_basis(
            models / folder.name, tmp_path / f"{anchors}.npz",
            components=2, samples=2000, seed=0, progress=lambda done, total: None,
        )  # fmt: skip
        with np.load(path) as file:
            bases.append(file["components"])
    assert np.array_equal(*bases)


def test_key_points_drawn_for_an_imported_model_are_any_random_points(
    tmp_path: Path, timbred: Command
) -> None:
    assert timbred("import", write(tmp_path / "mine"), "--no-pca", "--lowest-pitch", "60")[0] == 0
    said = {}
    for draw in ((), ("--draw", "anchors")):
        status, out, err = timbred(
            "hallucinate", "--out", tmp_path / "out.wav", "--model", "mine", "--keys", "2", "--between", "0",
            "--pitches", "62", *draw,
        )  # fmt: skip
        assert status == 0, err
        said[draw] = out.rpartition("key points")[2]
    assert "seed-" not in said[()]
    assert said["--draw", "anchors"].count("seed-") == 2


def test_a_name_is_a_models_name_even_beside_the_checkpoint_it_came_from(
    tmp_path: Path, models: Path, timbred: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "acoustic_only")
    monkeypatch.chdir(tmp_path)
    assert timbred("import", "acoustic_only", "--no-pca")[0] == 0
    config, paths = load_settings({"model": "acoustic_only"})
    assert resolve_model(config, paths) == models / "acoustic_only"
    monkeypatch.chdir(models)  # and here the word is the model itself
    config, paths = load_settings({"model": "acoustic_only"})
    assert resolve_model(config, paths) == models / "acoustic_only"


def test_a_checkpoint_given_for_a_model_is_told_with_the_way_to_make_it_one(
    tmp_path: Path, timbred: Command
) -> None:
    folder = write(tmp_path / "mine")
    status, _, err = timbred("run", "--null", "--osc-port", "0", "--model", folder)
    assert status == Exit.CONFIG
    assert f"timbred import {folder}" in err


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("acoustic_only.zip", "acoustic_only"),
        ("models/my sounds!", "my-sounds"),
        ("models/mine/stage_00012", "mine"),
        ("models/mine/stage_00012/model.ckpt-1.index", "mine"),
        ("models/mine/experiment.json", "mine"),
    ],
)
def test_a_model_is_called_after_its_folder(tmp_path: Path, path: str, expected: str) -> None:
    place = tmp_path / path
    if place.suffix:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    else:
        place.mkdir(parents=True)
    assert model_name(place) == expected


@pytest.mark.parametrize("name", ["default", "", "../x", "a/b", ".hidden", "x" * 65])
def test_names_that_cannot_be_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="--name"):
        model_name(tmp_path, name)


def test_a_folder_gets_its_place_whole_or_not_at_all(tmp_path: Path) -> None:
    place = tmp_path / "place"

    def write_half() -> None:
        with fresh_folder(place, replace=False) as fresh:
            (fresh / "file").write_text("half")
            raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        write_half()
    assert list(tmp_path.iterdir()) == []
    for text in ("one", "two"):
        with fresh_folder(place, replace=text == "two") as fresh:
            (fresh / text).write_text(text)
    assert [path.name for path in tmp_path.iterdir()] == ["place"]
    assert [path.name for path in place.iterdir()] == ["two"]
