"""``timbred capture`` as a player types it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from synth_engine.generator.architecture import Architecture
from synth_engine.generator.model import Model
from synth_engine.generator.model_folder import load_model, save_model
from synth_engine.generator.random_model import random_model
from tests.daemon.conftest import Call

pytest.importorskip("keras", reason="capturing needs Keras")

SIZE = Architecture((8, 8, 4, 4), latent_size=4, harmonic_maps=True, wave_frames=1000)


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return save_model(random_model(SIZE, seed=2), tmp_path / "model")


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    time_s = np.arange(24_000) / 48_000
    sound = 0.4 * np.sign(np.sin(2 * np.pi * 440.0 * time_s)) * np.exp(-3.0 * time_s)
    soundfile.write(tmp_path / "tone.wav", np.stack([sound, 0.1 * sound], axis=1), 48_000)
    return tmp_path / "tone.wav"


def test_a_sound_becomes_an_anchor_of_a_copy_and_a_second_one_joins_it(
    call: Call, model: Model, tone: Path, tmp_path: Path
) -> None:
    words = ("capture", str(tone), "--model", str(tmp_path / "model"), "--pitch", "69", "--steps", "2")
    first, second = (call(*words, "--name", name) for name in ("beep", "boop"))
    assert first.status == second.status == 0, first.stderr + second.stderr
    assert "dB from the recording" in first.stdout
    (folder,) = (tmp_path / "home").rglob("models/captured")
    copy = load_model(folder)
    assert copy.digest == model.digest
    assert set(copy.anchors) == {*model.anchors, "beep", "boop"}
    assert (copy.anchors["beep"].lowest_pitch, copy.anchors["beep"].highest_pitch) == (57, 81)
    again = call(*words, "--name", "beep")
    assert again.status == 64
    assert "--replace" in again.stderr
    assert call(*words, "--name", "beep", "--replace").status == 0


def test_what_cannot_work_is_told_before_the_work(
    call: Call, tone: Path, tmp_path: Path, model: Model
) -> None:
    other = save_model(random_model(SIZE, seed=3), tmp_path / "other")
    assert other.digest != model.digest
    words = ("--pitch", "69", "--steps", "1", "--name", "beep")
    assert call("capture", str(tone), "--model", str(tmp_path / "model"), *words).status == 0
    refused = call("capture", str(tone), "--model", str(tmp_path / "other"), *words)
    assert refused.status == 64
    assert "no copy of" in refused.stderr
    for into in ("../up", "default", ""):
        assert call("capture", str(tone), *words, "--into", into).status == 64
    missing = call("capture", str(tmp_path / "nothing.wav"), *words, "--into", "new")
    assert missing.status == 74
    assert "nothing.wav" in missing.stderr
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(8000), 16_000)
    assert "no sound in it" in call("capture", str(silent), *words, "--into", "new").stderr
