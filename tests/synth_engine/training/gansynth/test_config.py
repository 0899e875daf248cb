"""The configuration file: presets, defaults, and every mistake in words."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("keras")

from synth_engine.training.gansynth.config import PRESETS, TrainingConfig, load_config
from synth_engine.training.gansynth.config_file import ConfigError, parse
from tests.synth_engine.training.gansynth.tiny import write_config

FLAGS = Path(__file__).parents[5] / "shared" / "golden" / "gansynth" / "hires_flags.json"


@pytest.mark.parametrize("path", sorted(PRESETS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_preset_reads_and_reaches_its_last_stage(path: Path) -> None:
    config = load_config(path)
    assert config.stages[-1].blocks == len(config.network.channels)
    assert config.stages[-1].end_image == config.schedule.total_images


def test_the_full_preset_says_every_default() -> None:
    full = load_config(PRESETS / "full.toml")
    assert full.decisive() == TrainingConfig().decisive()


@pytest.mark.skipif(not FLAGS.exists(), reason="the golden data is not there")
def test_the_full_preset_is_the_original_configuration() -> None:
    flags = json.loads(FLAGS.read_text())["mel_prog_hires"]
    full = load_config(PRESETS / "full.toml")
    optimiser, losses, plan = full.optimiser, full.losses, full.schedule
    assert optimiser.generator_rate == flags["generator_learning_rate"]
    assert optimiser.discriminator_rate == flags["discriminator_learning_rate"]
    assert (optimiser.first_decay, optimiser.second_decay) == (flags["adam_beta1"], flags["adam_beta2"])
    assert losses.gradient_penalty == flags["gradient_penalty_weight"]
    assert losses.score_drift == flags["real_score_penalty_weight"]
    assert losses.pitch == flags["generator_ac_loss_weight"] == flags["discriminator_ac_loss_weight"]
    assert [plan.batch] == flags["batch_size_schedule"]
    assert plan.stable_images == flags["stable_stage_num_images"]
    assert plan.transition_images == flags["transition_stage_num_images"]
    assert plan.total_images == flags["total_num_images"]
    assert full.network.noise_size == flags["latent_vector_size"]
    widths = tuple(int(min(flags["fmap_base"] / 2**b, flags["fmap_max"])) for b in range(1, 8))
    assert full.network.channels == widths


def test_an_empty_file_is_the_original(tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_text("")
    assert load_config(tmp_path / "empty.toml") == TrainingConfig()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[schedule]\nbach = 8", r"line 2: \[schedule\] bach: no such entry, did you mean 'batch'"),
        ("[shedule]\nbatch = 8", r"line 1: shedule: no such entry, did you mean 'schedule'"),
        ("[schedule]\nbatch = 8.5", r"line 2: \[schedule\] batch: expected a whole number"),
        ("[schedule]\nbatch = -1", r"line 2: \[schedule\] batch: expected a whole number, 0 or more"),
        ("[schedule]\nbatch = 0", "batch, stable_images.*expected 1 or more"),
        ("[optimiser]\ngenerator_rate = nan", "generator_rate: expected a number"),
        ("schedule = 3", "schedule: expected a table"),
        ('[run]\nconvolutions = "float8"', "convolutions: expected any of float32, bfloat16, float16"),
        ('[conditions]\nqualities = ["loud"]', "qualities: expected any of bright"),
        ('[conditions]\nqualities = ["dark", "dark"]', "qualities: expected each once"),
        ("[network]\nlowest_pitch = 90", "lowest_pitch, highest_pitch: expected 0..127"),
        ("[network]\nwave_frames = 100_000", r"\[network\] wave_frames: expected 1..67072"),
        ('[network]\nkind = "wave"', r"\[network\] kind: expected one of mel, linear, phase"),
        ("[schedule]\ntotal_images = 100", "total_images: expected 9600000 or more"),
        ("[schedule", "not TOML"),
    ],
)
def test_a_mistake_is_told_with_file_table_and_key(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(path)
    assert str(caught.value).startswith(str(path))


def test_conditions_are_the_last_numbers_of_the_latent(tmp_path: Path) -> None:
    config = load_config(write_config(tmp_path))
    assert config.architecture.noise_size == 4
    assert config.architecture.latent_size == 4 + 11 + 3 + 1
    assert [(head.name, head.size, head.exclusive) for head in config.heads] == [
        ("pitch", 4, True), ("family", 11, True), ("source", 3, True), ("qualities", 1, False),
    ]  # fmt: skip


def test_without_growing_there_is_the_last_stage_only(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text("[schedule]\nprogressive = false\ntotal_images = 4_000_000\n")
    (stage,) = load_config(path).stages
    assert (stage.blocks, stage.first_image, stage.end_image, stage.kind) == (7, 0, 4_000_000, "stable")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
tables = st.dictionaries(
    st.sampled_from([*asdict(TrainingConfig()), "else"]),
    st.dictionaries(st.sampled_from(["channels", "batch", "seed", "kind", "qualities", "pitch"]), values)
    | values,
    max_size=3,
)


@given(tables)
def test_whatever_a_file_says_is_a_config_or_an_error_in_words(table: dict[str, object]) -> None:
    try:
        config = parse(TrainingConfig, table)
    except ConfigError:
        return
    assert config.architecture.latent_size >= 1
