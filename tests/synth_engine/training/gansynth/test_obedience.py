"""The judge of conditions, on sounds whose class anyone can hear."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from synth_engine.training.gansynth import obedience
from synth_engine.training.gansynth.config import load_config
from synth_engine.training.gansynth.devices import OneDevice
from synth_engine.training.gansynth.run import Plan, train
from tests.synth_engine.training.gansynth.tiny import write_config, write_data


def noises_and_tones(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    classes = np.arange(count) % 2
    times_s = np.arange(2000) / 16_000
    tones = np.sin(2 * np.pi * rng.uniform(200, 400, (count, 1)) * times_s)
    noises = rng.normal(size=(count, 2000))
    waves = np.where(classes[:, None] == 0, tones, noises) * rng.uniform(0.01, 0.5, (count, 1))
    return waves.astype(np.float32), classes


def test_the_judge_tells_tones_from_noises_at_any_level() -> None:
    waves, classes = noises_and_tones(200, 0)
    judge = obedience.fit_judge(obedience.log_mel_features(waves), classes)
    others, wanted = noises_and_tones(40, 1)
    found = judge.predict(obedience.log_mel_features(others))
    assert obedience.balanced_accuracy(found, wanted) == 1.0


def test_balanced_accuracy_counts_rare_classes_as_much() -> None:
    wanted = np.array([0] * 9 + [1])
    assert obedience.balanced_accuracy(np.zeros(10, np.int64), wanted) == 0.5


def test_a_run_is_asked_for_every_value_that_occurs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(obedience, "_WINDOW_FRAMES", 32)
    monkeypatch.setattr(obedience, "_PARTS", 4)
    data = write_data(tmp_path / "data")
    config = load_config(write_config(tmp_path, total_images="24", curve_images="8", progressive="false"))
    train(Plan(data, tmp_path / "run"), config, OneDevice())
    obedience.main(["--run", str(tmp_path / "run"), "--data", str(data), "--notes", "12"])
    family, source = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (family["condition"], source["condition"]) == ("family", "source")
    assert list(family["by_value"]) == ["brass", "string"]
    assert (family["notes"], family["chance"], family["images"]) == (12, 0.5, 24)
    assert all(0.0 <= family[key] <= 1.0 for key in ("real", "judged", "named", "agreed"))
