"""``timbred pca``: directions of a small model are fitted, measured, named and shown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from daemon.basis_describe import _revision, compare_layers, describe_basis
from daemon.cli import main, timbred
from pca_cache.store import load_basis
from synth_engine.generator.model import Model
from synth_engine.generator.model_folder import load_model
from synth_engine.generator.random_model import make_random_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    make_random_model(folder, seed=0)
    return folder


@pytest.fixture(scope="module")
def basis_file(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("basis") / "b.npz"
    words = [
        "pca",
        "fit",
        "--model",
        str(folder),
        "--out",
        str(path),
        "--components",
        "2",
        "--samples",
        "600",
    ]
    assert CliRunner().invoke(timbred, words).exit_code == 0
    return path


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CACHE", "DATA", "CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))


def test_a_basis_is_described_in_place_and_the_figures_written(
    folder: Path, basis_file: Path, tmp_path: Path
) -> None:
    before = load_basis(basis_file)
    words = ["pca", "describe", "--model", str(folder), "--basis", str(basis_file), "--points", "4"]
    result = CliRunner().invoke(timbred, [*words, "--out", str(tmp_path / "out")], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    named = load_basis(basis_file)
    assert len(named.labels) == 2
    assert all(label.name in result.output for label in named.labels)
    document = json.loads((tmp_path / "out" / "directions.json").read_text())
    assert [row["name"] for row in document["directions"]] == [label.name for label in named.labels]
    for n, (old, new) in enumerate(zip(before.components, named.components, strict=True), start=1):
        along = float((old * new).sum())
        assert (along < 0) == (n in document["turned_round"])
        assert abs(along) == pytest.approx(1.0, abs=0.2 if n in document["corrected"] else 1e-3)
    for picture in ("effects.png", "walks.png"):
        assert (tmp_path / "out" / picture).stat().st_size > 5_000


def test_both_layers_are_measured_alike(folder: Path, basis_file: Path) -> None:
    told: list[tuple[int, int]] = []
    model = load_model(folder)
    found = compare_layers(model, load_basis(basis_file), 2, 0, lambda *done: told.append(done))
    assert list(found) == ["block_1/conv0", "block_1/conv1"]
    assert found["block_1/conv0"].keys() == found["block_1/conv1"].keys()
    assert told[-1][0] == told[-1][1]


def test_a_direction_that_detunes_is_corrected_where_that_helps(
    folder: Path, basis_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, basis = load_model(folder), load_basis(basis_file)
    # Every direction is said to detune; those that drift less without the way between pitches are kept so.
    monkeypatch.setattr("daemon.basis_describe.detunes", lambda responses: np.ones(basis.count, bool))
    found = describe_basis(model, basis, 4, 0, lambda *_: None)
    for n in range(basis.count):
        same = abs(float((found.basis.components[n] * basis.components[n]).sum())) > 1 - 1e-4
        assert same == (n not in found.corrected)


def test_a_turned_basis_has_another_revision_and_an_untouched_one_keeps_its_own(basis_file: Path) -> None:
    basis = load_basis(basis_file)
    assert _revision(basis, np.ones(2), ()) == basis.revision
    assert (
        len({_revision(basis, np.ones(2), (1,)), _revision(basis, np.array([1.0, -1.0]), ()), basis.revision})
        == 3
    )


def test_without_directions_the_cure_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["pca", "describe", "--model", str(folder)])
    assert caught.value.code == 78
    assert "timbred pca fit" in capsys.readouterr().err


def test_a_map_of_too_few_points_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = load_model(folder)
    monkeypatch.setattr(
        "synth_engine.generator.model_folder.load_model",
        lambda _path: Model(bare.architecture, bare.weights, digest=bare.digest),
    )
    with pytest.raises(SystemExit) as caught:
        main(["pca", "map", "--model", str(folder), "--random", "3"])
    assert caught.value.code == 64
    assert "12 points or more" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["fit", "describe", "names", "map"])
def test_every_command_has_an_example(command: str) -> None:
    result = CliRunner().invoke(timbred, ["pca", command, "--help"])
    assert f"timbred pca {command}" in result.output
