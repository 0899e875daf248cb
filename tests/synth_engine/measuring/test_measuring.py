"""Figures: spread, arithmetic of a note, contenders taking turns, the cost of a voice."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_engine import abi
from synth_engine.generator.architecture import Architecture
from synth_engine.generator.random_model import make_random_model
from synth_engine.measuring.contender import contender, sample_notes
from synth_engine.measuring.machine import describe_machine, load_average, package_version
from synth_engine.measuring.spread import spread
from synth_engine.measuring.turns import Contender, take_turns
from synth_engine.measuring.voices import voice_figures
from synth_engine.measuring.work import note_work

TALKER = """
import sys
print('{"runtime": "talker"}', flush=True)
for turn, _ in enumerate(sys.stdin):
    if turn == int(sys.argv[1]):
        sys.exit("enough: " + sys.argv[1])
    print('{"turn": %d}' % turn, flush=True)
"""


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_a_spread_is_in_order(values: list[float]) -> None:
    figures = spread(values, "ms")
    in_order = [figures[f"{name}_ms"] for name in ("p5", "median", "p95", "max")]
    assert in_order == sorted(in_order)
    assert figures["count"] == len(values)
    assert figures["max_ms"] == pytest.approx(max(values), abs=1e-4)


def test_no_values_have_no_spread() -> None:
    with pytest.raises(ValueError, match="no values in ms"):
        spread([], "ms")


def test_the_originals_arithmetic_is_what_the_literature_of_its_graph_says() -> None:
    work = note_work(Architecture())
    assert work.unfolded_flop == pytest.approx(28.1e9, rel=0.01)
    assert work.folded_flop < 0.7 * work.unfolded_flop


def test_arithmetic_is_counted_layer_by_layer() -> None:
    size = Architecture(
        channels=(2, 3), latent_size=4, pitches=(60, 61), wave_frames=100, harmonic_maps=False
    )
    first = 2 * 16 * 9 * 2 * 2  # conv1 of block 1: positions, taps, channels
    second = 4 * 32 * (9 * 3 * 3 + 2 * 3)  # conv1 and the output of block 2
    assert note_work(size).unfolded_flop == 2 * (first + second + 4 * 32 * 9 * 2 * 3)
    assert note_work(size).folded_flop == 2 * (first + second + 4 * 32 * 4 * 2 * 3)


def test_the_machine_is_named() -> None:
    machine = describe_machine()
    assert machine["processor"]
    assert machine["cores"]
    versions = machine["versions"]
    assert isinstance(versions, Mapping)
    assert versions["openvino"]
    assert package_version("no-such-package-at-all") is None
    assert load_average() >= 0


def talker(folder: Path, name: str, turns: int) -> Contender:
    (folder / "talker.py").write_text(TALKER)
    return Contender(name, ("talker", str(turns)), {"PYTHONPATH": str(folder)})


def test_contenders_take_turns_and_one_that_fails_stops_no_other(tmp_path: Path) -> None:
    shown: list[tuple[int, int]] = []
    contenders = [talker(tmp_path, "steady", 99), talker(tmp_path, "weak", 1)]
    outcomes = take_turns(contenders, 3, lambda done, total: shown.append((done, total)))
    assert [turn["turn"] for turn in outcomes["steady"].turns] == [0, 1, 2]
    assert outcomes["steady"].error == ""
    assert outcomes["steady"].about == {"runtime": "talker"}
    assert [turn["turn"] for turn in outcomes["weak"].turns] == [0]
    assert outcomes["weak"].error == "enough: 1"
    assert shown[-1] == (8, 8)


def test_no_contender_outlives_its_turns(tmp_path: Path) -> None:
    one = talker(tmp_path, "one", 99)

    def interrupt(done: int, _total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_turns([one], 3, interrupt)
    assert not [entry for entry in Path("/proc").glob("[0-9]*") if runs(int(entry.name), tmp_path)]


def runs(pid: int, folder: Path) -> bool:
    try:
        return str(folder).encode() in Path(f"/proc/{pid}/environ").read_bytes() and pid != os.getpid()
    except OSError:
        return False


def test_the_worker_is_timed_step_by_step_on_its_own_way(tmp_path: Path) -> None:
    model = make_random_model(tmp_path / "model", seed=3)
    one = contender("worker", tmp_path / "model", threads=1, notes=2)
    outcome = take_turns([one], 1)[one.name]
    assert outcome.error == ""
    assert str(outcome.about["runtime"]).startswith("OpenVINO 20")
    (turn,) = outcome.turns
    steps = [turn[f"{name}_s"] for name in ("hook", "network", "synthesis", "upsampling", "slot")]
    assert min(steps) > 0
    assert sum(steps) == pytest.approx(turn["wall_s"], rel=1e-6)
    latents, pitches = sample_notes(model, 2)
    assert latents.shape == (2, model.latent_size)
    assert set(pitches) <= set(model.pitches)


def test_voices_cost_more_the_more_there_are() -> None:
    figures: Any = json.loads(json.dumps(voice_figures((0, 32), 20, 48_000, 128, lambda *_: None)))
    empty, full = figures["rows"]
    assert (empty["voices"], full["voices"]) == (0, 32)
    assert full["block"]["count"] == 20
    assert full["block"]["p5_us"] > empty["block"]["p5_us"]
    assert full["voice_frame"]["median_ns"] > 0
    assert figures["voices_that_fit"] >= 0
    assert figures["voices_limit"] == abi.VOICE_COUNT
    assert figures["block_period_us"] == pytest.approx(128 / 48_000 * 1e6, abs=0.01)


def test_time_in_a_contender_is_its_own(tmp_path: Path) -> None:
    began_s = time.perf_counter()
    make_random_model(tmp_path / "model")
    one = contender("peak", tmp_path / "model", threads=1)
    outcome = take_turns([one], 1)[one.name]
    assert outcome.turns[0]["wall_s"] < time.perf_counter() - began_s
    assert np.isfinite(outcome.turns[0]["flop_per_s"])
    assert outcome.turns[0]["flop_per_s"] > 1e6
