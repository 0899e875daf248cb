"""Checkpoints of the original become models; whatever else is given is told in words that name the place."""

from __future__ import annotations

import json
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from synth_engine.gansynth.bundle import BundleReader, write_bundle
from synth_engine.gansynth.importing import Imported, ImportPlan, read_checkpoint
from synth_engine.gansynth.names import original_name
from synth_engine.gansynth.sources import CheckpointError
from synth_engine.generator.entry import Entry
from synth_engine.generator.model import Model
from synth_engine.generator.runtime import NoteRenderer
from synth_engine.generator.spectral import OFFSET, SCALE
from tests.synth_engine.gansynth.checkpoints import Small, Tensors, write, zipped
from tests.synth_engine.gansynth.golden import CHECKPOINTS, GOLDEN, needs_golden

LAST = original_name("block_3/conv1/kernel", averaged=True)


def _read(path: Path, **plan: object) -> Model:
    return read_checkpoint(path, ImportPlan(**plan)).model  # type: ignore[arg-type]


def _weights_are(model: Model, small: Small, averaged: bool = True) -> bool:
    tensors = small.tensors()
    return all(
        np.array_equal(weight, tensors[original_name(name, averaged)])
        for name, weight in model.weights.items()
    )


# -- what a checkpoint says


def test_a_finished_training_gives_its_averages_and_its_last_output(tmp_path: Path) -> None:
    imported: Imported = read_checkpoint(write(tmp_path / "mine"))
    model = imported.model
    assert _weights_are(model, Small())
    assert model.architecture.channels == (5, 4, 3)
    assert model.architecture.latent_size == 6
    assert model.pitches == tuple(range(24, 31))
    assert model.architecture.blend == ()
    assert model.representation.wave_frames == 320
    assert imported.notes == ()
    assert model.licence == "not stated by the checkpoint"


def test_the_provenance_tells_stage_and_step_and_no_ones_folders(tmp_path: Path) -> None:
    provenance = _read(write(tmp_path / "mine")).provenance
    assert (provenance["file"], provenance["stage"], provenance["step"]) == ("mine", 4, 5000)
    assert "someone" not in json.dumps(provenance)
    assert str(tmp_path) not in json.dumps(provenance)
    flags = provenance["flags"]
    assert isinstance(flags, dict)
    assert flags["some_fork_only_flag"] == [1, {"a": None}]


def test_the_step_counter_decides_how_outputs_are_blended(tmp_path: Path) -> None:
    model = _read(write(tmp_path / "mine", Small(step=2600, stage=3)))
    assert model.architecture.blend == (0, 0.75, 0.25)
    assert "block_2/to_rgb/kernel" in model.weights
    assert "block_1/to_rgb/kernel" not in model.weights


def test_a_network_of_fewer_blocks_keeps_the_finished_size(tmp_path: Path) -> None:
    model = _read(write(tmp_path / "mine", Small(channels=(5, 4), step=2300, stage=2)))
    assert (model.representation.frames, model.representation.bins) == (8, 64)
    assert model.architecture.blend == ()


def test_the_first_stage_alone_is_a_model(tmp_path: Path) -> None:
    model = _read(write(tmp_path / "mine", Small(channels=(5,), step=10, stage=0)))
    assert model.architecture.blocks == 1
    assert model.architecture.resolutions == 3


def test_without_growing_the_output_is_the_last_blocks(tmp_path: Path) -> None:
    small = Small(step=10, flags={"train_progressive": False})
    assert _read(write(tmp_path / "mine", small)).architecture.blend == ()


@pytest.mark.parametrize(
    ("labels", "flags", "lowest", "expected"),
    [
        (1, {}, None, (24, 24)),
        (61, {}, None, (24, 84)),
        (88, {"train_min_pitch": 21, "train_max_pitch": 108}, None, (21, 108)),
        (7, {"train_min_pitch": 21}, 60, (60, 66)),
        (12, {"train_min_pitch": 21, "train_max_pitch": 108}, 36, (36, 47)),
    ],
)
def test_any_count_of_pitches_from_any_lowest_one(
    tmp_path: Path, labels: int, flags: dict[str, int], lowest: int | None, expected: tuple[int, int]
) -> None:
    model = _read(write(tmp_path / "mine", Small(labels=labels, flags=flags)), lowest_pitch=lowest)
    assert (model.pitches[0], model.pitches[-1]) == expected
    assert len(model.pitches) == labels


@pytest.mark.parametrize("kind", ["mel", "linear", "phase"])
def test_the_representation_is_taken_over(tmp_path: Path, kind: str) -> None:
    assert _read(write(tmp_path / "mine", Small(flags={"data_type": kind}))).representation.kind == kind


@pytest.mark.parametrize(
    ("flags", "scale", "offset"),
    [
        ({}, SCALE, OFFSET),
        ({"mag_normalizer_a": 0.1, "p_normalizer_b": 0.2}, (0.1, SCALE[1]), (OFFSET[0], 0.2)),
        ({"data_normalizer": "none"}, (1.0, 1.0), (0.0, 0.0)),
    ],
)
def test_the_normaliser_is_taken_over(
    tmp_path: Path, flags: dict[str, object], scale: tuple[float, float], offset: tuple[float, float]
) -> None:
    architecture = _read(write(tmp_path / "mine", Small(flags=flags))).architecture
    assert (architecture.scale, architecture.offset) == (scale, offset)


def test_raw_weights_are_taken_when_asked_for(tmp_path: Path) -> None:
    model = _read(write(tmp_path / "mine"), raw=True)
    assert _weights_are(model, Small(), averaged=False)
    assert model.provenance["weights"] == "raw"


def test_only_raw_weights_are_an_error_that_names_the_way_out(tmp_path: Path) -> None:
    def strip(tensors: Tensors) -> None:
        for name in [name for name in tensors if name.endswith("ExponentialMovingAverage")]:
            del tensors[name]

    folder = write(tmp_path / "mine", change=strip)
    with pytest.raises(CheckpointError, match="--raw"):
        _read(folder)
    assert _weights_are(_read(folder, raw=True), Small(), averaged=False)


# -- where a checkpoint lies


@pytest.mark.parametrize(
    "way",
    [
        "", "stage_00004", "experiment.json", "stage_00004/checkpoint", "stage_00004/model.ckpt-5000",
        "stage_00004/model.ckpt-5000.index", "stage_00004/model.ckpt-5000.data-00000-of-00001",
    ],
)  # fmt: skip
def test_every_way_to_name_a_checkpoint_leads_to_it(tmp_path: Path, way: str) -> None:
    model = _read(write(tmp_path / "mine") / way)
    assert _weights_are(model, Small())
    assert model.representation.wave_frames == 320  # the settings were found


@pytest.mark.parametrize("inside", ["", "acoustic_only/", "a/b/"])
def test_an_archive_is_read_as_it_is(tmp_path: Path, inside: str) -> None:
    archive = zipped(write(tmp_path / "mine"), tmp_path / "mine.zip", inside)
    before = sorted(tmp_path.rglob("*"))
    model = _read(archive)
    assert _weights_are(model, Small())
    assert model.provenance["stage"] == 4
    assert sorted(tmp_path.rglob("*")) == before


def test_what_macos_adds_to_archives_is_passed_over(tmp_path: Path) -> None:
    archive = zipped(write(tmp_path / "mine"), tmp_path / "mine.zip", "mine/")
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("__MACOSX/mine/stage_00099/._model.ckpt-5000.index", b"junk")
        file.writestr("mine/stage_00004/._model.ckpt-6000.index", b"junk")
    assert _weights_are(_read(archive), Small())


def test_the_newest_stage_wins(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", Small(channels=(5, 4), stage=2, step=2000))
    write(folder, Small(seed=3))
    assert _weights_are(_read(folder), Small(seed=3))


def test_the_newest_checkpoint_is_the_one_that_is_named_even_by_a_stale_path(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", Small(seed=1, step=4000))
    write(folder, Small(seed=2))
    stage = folder / "stage_00004"
    state = stage / "checkpoint"
    state.write_text('model_checkpoint_path: "/scratch/gone/stage_00004/model.ckpt-4000"\n')
    assert _weights_are(_read(folder), Small(seed=1, step=4000))
    state.write_text(r'model_checkpoint_path: "C:\\gone\\model.ckpt-4000"')
    assert _weights_are(_read(folder), Small(seed=1, step=4000))
    state.write_text('model_checkpoint_path: "model.ckpt-9999"\n')
    imported = read_checkpoint(folder)
    assert _weights_are(imported.model, Small(seed=2))
    assert "model.ckpt-9999" in imported.notes[0]
    state.unlink()
    assert _weights_are(_read(folder), Small(seed=2))


def test_without_settings_the_kernels_tell_the_sizes(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine")
    (folder / "experiment.json").unlink()
    imported = read_checkpoint(folder / "stage_00004" / "model.ckpt-5000.index")
    assert imported.model.architecture.latent_size == 6
    assert len(imported.model.pitches) == 7
    assert "no experiment.json" in imported.notes[0]


def test_without_a_counter_the_files_name_is_taken(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", Small(step=2600, stage=3), lambda tensors: tensors.pop("global_step"))
    imported = read_checkpoint(folder)
    assert imported.model.architecture.blend == (0, 0.75, 0.25)
    assert "global_step" in imported.notes[0]


# -- what is wrong


def _set(name: str, value: np.ndarray) -> Callable[[Tensors], None]:
    def change(tensors: Tensors) -> None:
        tensors[name] = value

    return change


def _drop(name: str) -> Callable[[Tensors], object]:
    return lambda tensors: tensors.pop(name)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_drop(LAST), [LAST, "not in the checkpoint", "(3, 3, 3, 3)"]),
        (_set(LAST, np.zeros((3, 3, 4, 3), np.float32)), [LAST, "(3, 3, 3, 3)", "(3, 3, 4, 3)"]),
        (_set(LAST, np.zeros((3, 3, 3, 3))), [LAST, "float32", "float64"]),
        (_set(LAST, np.full((3, 3, 3, 3), np.nan, np.float32)), [LAST, "NaN"]),
        (_drop(original_name("block_2/conv0/bias", True)), ["block_2/conv0/bias", "not in the checkpoint"]),
        (_set("global_step", np.array(1.5, np.float32)), ["global_step", "float32"]),
        (lambda tensors: tensors.clear(), ["no GANSynth generator", "progressive_gan_block_1"]),
    ],
)
def test_a_wrong_variable_is_named_with_both_shapes_and_the_file(
    tmp_path: Path, change: Callable[[Tensors], object], words: list[str]
) -> None:
    folder = write(tmp_path / "mine", change=change)
    with pytest.raises(CheckpointError) as caught:
        _read(folder)
    for word in [*words, "model.ckpt-5000"]:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "flags",
    [
        {"simple_arch": True}, {"g_fn": "wave"}, {"to_rgb_activation": "linear"}, {"kernel_size": 5},
        {"scale_mode": "H"}, {"scale_base": 3}, {"sample_rate": 44100}, {"data_type": "wave"},
        {"data_normalizer": "specgrams_simple_normalizer"}, {"mag_normalizer_a": 0},
        {"latent_vector_size": "many"}, {"latent_vector_size": 900}, {"num_resolutions": 99},
        {"train_progressive": "yes"}, {"stable_stage_num_images": float("nan")}, {"audio_length": 353},
        {"train_min_pitch": 24, "train_max_pitch": 84}, {"train_min_pitch": 125},
    ],
    ids=lambda flags: "-".join(map(str, flags)),
)  # fmt: skip
def test_settings_of_another_network_are_refused_by_name(tmp_path: Path, flags: dict[str, object]) -> None:
    folder = write(tmp_path / "mine", Small(flags=flags))
    with pytest.raises(CheckpointError) as caught:
        _read(folder)
    told = str(caught.value)
    assert str(folder) in told
    names = {"audio_length": "wave_frames", "train_min_pitch": "--lowest-pitch"}
    assert any(names.get(flag, flag) in told for flag in flags), told


def test_a_block_let_in_by_the_clock_is_refused_but_not_a_stable_stage(tmp_path: Path) -> None:
    timed = {"train_time_limit": 3600}
    with pytest.raises(CheckpointError, match="train_time_limit"):
        _read(write(tmp_path / "odd", Small(step=2600, stage=3, flags=timed)))
    assert _read(write(tmp_path / "even", Small(step=10, stage=4, flags=timed))).architecture.blend == ()


def test_a_conditional_fork_is_refused_in_words(tmp_path: Path) -> None:
    small = Small(latent_size=6 + 11)  # eleven families beside the pitches
    with pytest.raises(CheckpointError, match="conditional forks"):
        _read(write(tmp_path / "mine", small))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_broken_settings_are_named(tmp_path: Path, content: bytes) -> None:
    folder = write(tmp_path / "mine")
    (folder / "experiment.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"experiment\.json"):
        _read(folder)


@pytest.mark.parametrize("ending", ["index", "data-00000-of-00001"])
@pytest.mark.parametrize("how", ["cut", "empty", "absent", "garbage"])
def test_broken_files_are_named(tmp_path: Path, ending: str, how: str) -> None:
    folder = write(tmp_path / "mine")
    path = folder / "stage_00004" / f"model.ckpt-5000.{ending}"
    content = {"cut": path.read_bytes()[:-100], "empty": b"", "garbage": bytes(range(256)) * 40}
    path.unlink()
    if how != "absent":
        path.write_bytes(content[how])
    for place in (folder, zipped(folder, tmp_path / "mine.zip")):
        with pytest.raises(CheckpointError) as caught:
            _read(place)
        assert path.name in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("model.pb", b"\x0a\x07graph", "a frozen graph"),
        ("model.onnx", b"\x08\x07", "an ONNX model"),
        ("song.wav", b"RIFF1234WAVE", "something else"),
        ("empty", b"", "something else"),
        ("model.ckpt-1", bytes(100) + struct.pack("<Q", 0xDB4775248B80FB57), "first format"),
        ("model.index", b"short", "no readable index"),
    ],
)
def test_other_files_are_told_for_what_they_are(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=words) as caught:
        _read(tmp_path / name)
    assert name in str(caught.value)


def test_empty_and_absent_folders_are_told(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CheckpointError, match=r"expected a folder with experiment\.json"):
            _read(place)


def test_several_models_in_one_place_have_to_be_told_apart(tmp_path: Path) -> None:
    write(tmp_path / "one")
    write(tmp_path / "two")
    with pytest.raises(CheckpointError, match=r"several models.*one, two"):
        _read(tmp_path)


# -- archives that are not what they seem


def test_an_archive_of_something_else_is_told(tmp_path: Path) -> None:
    (tmp_path / "things").mkdir()
    (tmp_path / "things" / "song.mid").write_bytes(b"MThd")
    with pytest.raises(CheckpointError, match=r"mine\.zip: holds no checkpoint"):
        _read(zipped(tmp_path / "things", tmp_path / "mine.zip"))


@pytest.mark.parametrize("name", ["../../outside.index", "/etc/outside.index", "a\\..\\b.index"])
def test_names_that_lead_out_of_an_archive_are_refused(tmp_path: Path, name: str) -> None:
    archive = zipped(write(tmp_path / "mine"), tmp_path / "mine.zip")
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(name, b"x")
    with pytest.raises(CheckpointError, match="leads out of the archive"):
        _read(archive)


def test_an_archive_that_claims_to_be_huge_is_refused_unread(tmp_path: Path) -> None:
    archive = zipped(write(tmp_path / "mine"), tmp_path / "mine.zip")
    content = bytearray(archive.read_bytes())
    at = content.index(b"PK\x01\x02")  # first entry of the directory: its size unpacked
    content[at + 24 : at + 28] = struct.pack("<I", 0xFFFFFFFE)
    archive.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"expected at most|cannot be unpacked"):
        _read(archive)


def test_a_small_file_that_unpacks_to_a_big_one_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine")
    (folder / "experiment.json").write_bytes(b" " * (8 << 20))
    archive = zipped(folder, tmp_path / "mine.zip")
    assert archive.stat().st_size < 200_000
    with pytest.raises(CheckpointError, match=r"experiment\.json: expected at most"):
        _read(archive)


def test_any_damage_to_an_archive_is_told_or_harmless(tmp_path: Path) -> None:
    archive = zipped(write(tmp_path / "mine"), tmp_path / "mine.zip")
    content = archive.read_bytes()
    right = _read(archive).weights
    rng = np.random.default_rng(0)
    for _ in range(150):
        spoilt = bytearray(content)
        for place in rng.integers(0, len(spoilt), 3):
            spoilt[place] = int(rng.integers(256))
        archive.write_bytes(spoilt)
        try:
            found = _read(archive).weights
        except CheckpointError:
            continue
        assert all(np.array_equal(found[name], right[name]) for name in found)


# -- the original itself


@needs_golden
@pytest.mark.parametrize("name", ["small_blend", "small_final", "tiny_hires"])
def test_golden_checkpoints_are_read_as_tensorflow_reads_them(name: str) -> None:
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is the judge of its own format")
    model = _read(CHECKPOINTS / name)
    (index,) = (CHECKPOINTS / name).glob("stage_*/*.index")
    judge = tf.train.load_checkpoint(str(index.with_suffix("")))
    for ours, weight in model.weights.items():
        assert np.array_equal(weight, judge.get_tensor(original_name(ours, averaged=True))), ours
    assert model.provenance["step"] == judge.get_tensor("global_step")


@needs_golden
def test_the_golden_checkpoint_in_transition_sounds_like_the_original() -> None:
    model = _read(CHECKPOINTS / "small_blend")
    with np.load(GOLDEN / "small_blend.npz") as golden:
        latents, pitches = golden["z"].astype(np.float32), golden["pitches"].reshape(-1)
        expected = golden["waves"][..., 0]
    activations = Entry(model).activate(latents, pitches.astype(np.float64))
    waves = NoteRenderer(model, threads=1).waves(activations, pitches)
    np.testing.assert_allclose(waves, expected, atol=1e-3)


@needs_golden
def test_the_full_size_network_sounds_like_the_original(tmp_path: Path) -> None:
    """7.3 million weights by the golden recipe, through a checkpoint file, the import and the runtime."""
    rng = np.random.RandomState(777)
    listed = json.loads((GOLDEN / "hires_variables.json").read_text())["generator_ema"]
    tensors = {
        row["name"]: (rng.randn(*row["shape"]) * (1.0 if "/kernel" in row["name"] else 0.1)).astype(
            np.float32
        )
        for row in listed
    }
    tensors["global_step"] = np.array(11_000_000)
    write_bundle(tmp_path / "stage_00012" / "model.ckpt-11000000", tensors)
    flags = json.loads((GOLDEN / "hires_flags.json").read_text())["mel_prog_hires"]
    (tmp_path / "experiment.json").write_text(json.dumps(flags))
    model = _read(tmp_path)
    with np.load(GOLDEN / "hires_seeded.npz") as golden:
        latents, pitches = golden["z"].astype(np.float32), golden["pitches"].reshape(-1)
        hook, expected = golden["act:block_1/conv0"], golden["waves"]
    activations = Entry(model).activate(latents, pitches.astype(np.float64))
    np.testing.assert_allclose(activations, hook, atol=1e-4)
    waves = NoteRenderer(model, threads=1).waves(activations, pitches)
    error = np.sqrt(np.mean((waves - expected.reshape(waves.shape)) ** 2) / np.mean(expected**2))
    assert error < 2e-3


@needs_golden
def test_only_the_tensors_needed_are_read(tmp_path: Path) -> None:
    """All other bytes of the data are overwritten; the model is the same."""
    folder = tmp_path / "mine"
    shutil.copytree(CHECKPOINTS / "small_final", folder)
    right = _read(folder).weights
    prefix = folder / "stage_00004" / "model.ckpt-5000"
    reader = BundleReader(prefix)
    data = prefix.with_name(f"{prefix.name}.data-00000-of-00001")
    data.chmod(0o644)
    content = bytearray(len(data.read_bytes()))
    for name in [original_name(name, averaged=True) for name in right] + ["global_step"]:
        entry = reader._entries[name]
        content[entry.offset : entry.offset + entry.size] = data.read_bytes()[
            entry.offset : entry.offset + entry.size
        ]
    data.write_bytes(content)
    found = _read(folder).weights
    assert all(np.array_equal(found[name], right[name]) for name in right)
