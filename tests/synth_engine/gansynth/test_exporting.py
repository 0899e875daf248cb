"""Models become checkpoints of the original, and come back as they were."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_engine.gansynth.bundle import BundleReader
from synth_engine.gansynth.exporting import write_checkpoint
from synth_engine.gansynth.importing import read_checkpoint
from synth_engine.gansynth.names import original_name
from synth_engine.gansynth.schedule import blend_of_progress
from synth_engine.gansynth.seeds import with_seeded_anchors
from synth_engine.generator.architecture import Architecture
from synth_engine.generator.conditions import Condition
from synth_engine.generator.model import Anchor, Model, ModelError
from synth_engine.generator.model_folder import load_model, save_model
from synth_engine.generator.random_model import random_model
from tests.synth_engine.gansynth.checkpoints import Small, write
from tests.synth_engine.gansynth.golden import CHECKPOINTS, needs_golden


def _round_trip(path: Path, folder: Path) -> tuple[Model, Model]:
    """A checkpoint's model on disk, and that of what it is exported to."""
    first = save_model(read_checkpoint(path).model, folder / "first")
    write_checkpoint(load_model(folder / "first"), folder / "export")
    second = save_model(read_checkpoint(folder / "export").model, folder / "second")
    return first, second


def _same_sound(first: Model, second: Model) -> bool:
    return (
        first.architecture == second.architecture
        and first.digest == second.digest
        and all(first.weights[name].tobytes() == weight.tobytes() for name, weight in second.weights.items())
    )


@needs_golden
@pytest.mark.parametrize("name", ["small_blend", "small_final", "tiny_hires"])
def test_the_originals_checkpoints_survive_the_round_trip_bit_by_bit(tmp_path: Path, name: str) -> None:
    first, second = _round_trip(CHECKPOINTS / name, tmp_path)
    assert _same_sound(first, second)
    for key in ("stage", "step", "checkpoint"):
        assert first.provenance[key] == second.provenance[key]


@pytest.mark.parametrize(
    "small",
    [
        Small(labels=88, flags={"train_min_pitch": 21}),
        Small(channels=(5, 4), step=2300, stage=2),
        Small(channels=(5,), step=10, stage=0),
        Small(step=1, stage=4, flags={"train_progressive": False}),
        Small(flags={"data_normalizer": "none", "data_type": "linear"}),
        Small(flags={"mag_normalizer_a": 0.1, "p_normalizer_b": 0.2, "data_type": "phase"}),
    ],
    ids=["pitches", "two-blocks", "one-block", "whole-at-once", "linear", "phase"],
)
def test_other_networks_survive_it_too(tmp_path: Path, small: Small) -> None:
    assert _same_sound(*_round_trip(write(tmp_path / "mine", small), tmp_path))


def test_a_model_of_our_own_becomes_a_finished_training(tmp_path: Path) -> None:
    architecture = Architecture((8, 8, 4), latent_size=16, wave_frames=320, pitches=tuple(range(36, 60)))
    model = save_model(random_model(architecture, seed=1), tmp_path / "first")
    notes = write_checkpoint(model, tmp_path / "export")
    again = save_model(read_checkpoint(tmp_path / "export").model, tmp_path / "second")
    assert _same_sound(model, again)
    flags = json.loads((tmp_path / "export" / "experiment.json").read_text())
    assert (flags["fmap_base"], flags["fmap_max"], flags["train_min_pitch"]) == (32, 8, 36)
    assert notes == ([] if not model.anchors else notes)


@given(st.integers(2, 7), st.integers(0, 800_000))
def test_any_moment_of_a_transition_finds_its_step(
    tmp_path_factory: pytest.TempPathFactory, blocks: int, image: int
) -> None:
    blend = blend_of_progress(blocks - 2 + image / 800_000, blocks)
    architecture = Architecture((2,) * blocks, latent_size=2, wave_frames=40, pitches=(60,), blend=blend)
    folder = tmp_path_factory.mktemp("blend")
    write_checkpoint(random_model(architecture, seed=0), folder)
    found = read_checkpoint(folder).model.architecture
    heard = {block: found.output_weights.get(block, 0.0) for block in range(1, blocks + 1)}
    assert list(heard.values()) == pytest.approx(blend, abs=1e-6)


def test_tensorflow_reads_both_sets_of_weights(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is the judge of its own format")
    model = random_model(Architecture((8, 4), latent_size=3, wave_frames=100), seed=0)
    write_checkpoint(model, tmp_path)
    newest = tf.train.latest_checkpoint(str(tmp_path / "stage_00002"))
    judge = tf.train.load_checkpoint(newest)
    assert judge.get_tensor("global_step") == 3 * 800_000
    for name, weight in model.weights.items():
        for averaged in (False, True):
            assert np.array_equal(judge.get_tensor(original_name(name, averaged)), weight)
    silent = judge.get_tensor(original_name("block_1/to_rgb/kernel", averaged=True))
    assert silent.shape == (1, 1, 8, 2)
    assert not silent.any()


def test_what_the_original_does_not_have_is_refused(tmp_path: Path) -> None:
    plain = Architecture((8, 4, 4), latent_size=3, wave_frames=320)
    condition = Condition("source", ("acoustic", "electronic"), exclusive=True)
    wrong = {
        "harmonic maps": replace(plain, harmonic_maps=True),
        "conditions": replace(plain, conditions=(condition,)),
        "pitches": replace(plain, pitches=(24, 36)),
        "blend": replace(plain, blend=(0.5, 0.0, 0.5)),
    }
    for words, architecture in wrong.items():
        with pytest.raises(ModelError, match=words):
            write_checkpoint(Model(architecture, {}), tmp_path / "export")
    assert not (tmp_path / "export" / "stage_00004").exists()


def test_what_is_left_behind_is_told(tmp_path: Path) -> None:
    model = random_model(Architecture((8, 3, 4), latent_size=3, wave_frames=320), seed=0)
    model = replace(with_seeded_anchors(model, 4), metrics={})
    (widths,) = write_checkpoint(model, tmp_path / "seeds")
    assert "fmap_base" in widths
    organ = Anchor(np.zeros(3, np.float32), "keys", 24, 84)
    notes = write_checkpoint(replace(model, anchors={"organ": organ}), tmp_path / "organ")
    assert "1 anchors" in notes[0]


def test_nothing_but_the_generator_and_its_counters_is_written(tmp_path: Path) -> None:
    model = random_model(Architecture((8, 4), latent_size=3, wave_frames=100), seed=0)
    write_checkpoint(model, tmp_path)
    names = BundleReader(tmp_path / "stage_00002" / "model.ckpt-2400000").variables
    assert {name.split("/")[0] for name in names} == {"Generator", "global_step", "Variable"}
    assert len(names) == 2 * 2 * 6 + 2
