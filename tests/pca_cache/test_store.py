"""Bases on disk: back as they were, or refused in words."""

from __future__ import annotations

import contextlib
import io
import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import synth_engine
from mappings.catalogue import PCA_COUNT
from pca_cache.basis import Basis, BasisError
from pca_cache.fit import FitPlan, fit
from pca_cache.labels import DirectionLabel
from pca_cache.store import basis_path, embedded_basis_path, find_or_none, load_basis, save_basis
from tests.pca_cache.conftest import LATENT_SIZE, PITCHES, Activate


@pytest.fixture(scope="module")
def basis(activate: Activate) -> Basis:
    return fit(activate, FitPlan("digest-1", LATENT_SIZE, PITCHES, components=3, samples=400))


def rewritten(path: Path, **changes: object) -> Path:
    """The file with arrays replaced, or left out for None."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files} | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


@pytest.fixture
def path(basis: Basis, tmp_path: Path) -> Path:
    save_basis(tmp_path / "b.npz", basis)
    return tmp_path / "b.npz"


def about(path: Path) -> dict[str, object]:
    with np.load(path) as file:
        return json.loads(str(file["about"]))


def test_a_basis_comes_back_with_a_thousandth_at_most_lost_to_half_precision(
    basis: Basis, path: Path
) -> None:
    read = load_basis(path, "digest-1", basis.hook_shape)
    assert np.abs(read.components - basis.components).max() < 2.0**-11
    assert np.linalg.norm((read.components - basis.components).reshape(3, -1), axis=1).max() < 1e-3
    assert np.linalg.norm(read.components.reshape(3, -1), axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    assert np.array_equal(read.sigmas, basis.sigmas)
    assert (read.pitches, read.samples, read.seed, read.layer) == (PITCHES, basis.samples, 0, "block_1/conv0")
    assert read.versions == basis.versions
    assert read.identity == basis.identity
    assert "3 directions" in str(read)


def test_the_same_basis_gives_the_same_bytes_and_leaves_nothing_else_behind(basis: Basis, path: Path) -> None:
    before = path.read_bytes()
    save_basis(path, basis)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["b.npz"]


def test_another_models_basis_is_refused(path: Path) -> None:
    with pytest.raises(BasisError, match="belongs to the model digest-1, expected one for digest-2"):
        load_basis(path, "digest-2")
    with pytest.raises(BasisError, match=r"the model wants \(2, 16, 256\)"):
        load_basis(path, "digest-1", (2, 16, 256))


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.9])
def test_a_truncated_file_is_refused(path: Path, kept: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(kept if kept >= 1 else kept * len(data))])
    with pytest.raises(BasisError, match=r"b\.npz"):
        load_basis(path)


@given(
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=5
    )
)
def test_no_damage_does_worse_than_a_basis_error(
    changes: list[tuple[float, int]], basis: Basis, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    save_basis(path, basis)
    damaged = bytearray(path.read_bytes())
    for place, value in changes:
        damaged[int(place * len(damaged))] = value
    path.write_bytes(damaged)
    with contextlib.suppress(BasisError):
        load_basis(path)


@pytest.mark.parametrize("place", [6, 8])  # flags and method of the first member
def test_a_file_that_claims_encryption_or_another_packing_is_refused(path: Path, place: int) -> None:
    damaged = bytearray(path.read_bytes())
    directory = damaged.index(b"PK\x01\x02")
    damaged[directory + 2 + place] = 99
    path.write_bytes(damaged)
    with pytest.raises(BasisError, match="is not a basis file, or is damaged"):
        load_basis(path)


def test_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    plain = io.BytesIO()
    np.save(plain, np.zeros(3))
    for data in (plain.getvalue(), b"PK\x03\x04rubbish", b"\x80\x04K\x01."):
        (tmp_path / "x.npz").write_bytes(data)
        with pytest.raises(BasisError, match="not a basis file"):
            load_basis(tmp_path / "x.npz")
    with pytest.raises(BasisError, match="cannot be read: No such file"):
        load_basis(tmp_path / "absent.npz")


def test_object_arrays_are_never_unpickled(path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (path.parent / "sprung",))  # type: ignore[return-value]

    rewritten(path, components=np.array([Trap()], dtype=object))
    with pytest.raises(BasisError, match="not a basis file"):
        load_basis(path)
    assert not (path.parent / "sprung").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"components": None}, "components"),
        ({"components": np.zeros((3, 2), np.float16)}, "have shape"),
        ({"components": np.zeros((0, 2, 16, 4), np.float16)}, "have shape"),
        ({"components": np.ones((3, 2, 16, 4), np.int32)}, "expected floating-point"),
        ({"components": np.ones((3, 2, 16, 4), np.float16)}, "have lengths 11.31..11.31, expected 1"),
        ({"components": np.full((3, 2, 16, 4), np.nan, np.float16)}, "components hold a NaN"),
        ({"sigmas": np.ones(2, np.float32)}, r"sigmas have shape \(2,\), expected \(3,\)"),
        ({"sigmas": np.array([1, np.inf, 1], np.float32)}, "sigmas hold a NaN or an infinity"),
        ({"sigmas": -np.ones(3, np.float32)}, "sigmas are negative"),
        ({"about": np.array("[]")}, "not format 1"),
        ({"about": np.array('{"format_version": 1}')}, "not a basis file"),
        ({"about": np.array("{" * 9)}, "not a basis file"),
        ({"extra": np.zeros(17_000_000, np.float32)}, "expected at most"),
    ],
)
def test_misshapen_contents_are_refused_in_words(path: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(BasisError, match=words):
        load_basis(rewritten(path, **changes))


def test_bases_are_found_by_the_models_digest(basis: Basis, tmp_path: Path) -> None:
    assert find_or_none(tmp_path, "digest-1") is None
    save_basis(basis_path(tmp_path, "digest-1"), basis)
    found = find_or_none(tmp_path, "digest-1", basis.hook_shape)
    assert found is not None
    assert found.identity == basis.identity
    assert find_or_none(tmp_path, "digest-2") is None


def test_a_broken_basis_in_the_cache_is_passed_over_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = basis_path(tmp_path, "sha256:../../ab")
    assert path.parent == tmp_path
    path.write_bytes(b"torn")
    with caplog.at_level(logging.WARNING):
        assert find_or_none(tmp_path, "sha256:../../ab") is None
    assert "not a basis file" in caplog.text


@pytest.mark.skipif(not embedded_basis_path().exists(), reason="no basis is embedded")
def test_the_embedded_basis_is_small_and_that_of_the_embedded_model() -> None:
    model = json.loads((Path(synth_engine.__file__).parent / "models" / "default" / "model.json").read_text())
    assert embedded_basis_path().stat().st_size < 1_000_000
    assert load_basis(embedded_basis_path(), model["digest"]).count >= PCA_COUNT


def test_names_and_revision_travel_with_the_basis_and_change_its_identity(
    basis: Basis, tmp_path: Path
) -> None:
    labels = tuple(DirectionLabel(f"timbre {n}", -2.0, 3.0, effects={"noise_db": 1.5}) for n in range(3))
    save_basis(tmp_path / "b.npz", replace(basis, labels=labels, revision="turned"))
    read = load_basis(tmp_path / "b.npz")
    assert read.labels == labels
    assert read.revision == "turned"
    assert read.identity != basis.identity  # coordinates mean something else now
    assert replace(basis, labels=labels).identity == basis.identity


def test_a_file_from_before_directions_had_names_is_still_read(path: Path) -> None:
    old = about(path)
    del old["labels"], old["revision"]
    read = load_basis(rewritten(path, about=np.array(json.dumps(old))))
    assert (read.labels, read.revision) == ((), "")


def test_too_few_or_impossible_names_are_refused(path: Path) -> None:
    one = {**about(path), "labels": [DirectionLabel("brighter").to_json()]}
    with pytest.raises(BasisError, match="1 names for 3 directions"):
        load_basis(rewritten(path, about=np.array(json.dumps(one))))
    bad = {**about(path), "labels": [{"name": ""}] * 3}
    with pytest.raises(BasisError, match=r"b\.npz"):
        load_basis(rewritten(path, about=np.array(json.dumps(bad))))
