"""The schedule agrees with the original's own numbers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_engine.gansynth.schedule import blend_of_progress, progress_of_step, stages
from tests.synth_engine.gansynth.golden import GOLDEN, needs_golden


@needs_golden
def test_progress_is_the_originals_to_the_last_bit() -> None:
    golden = json.loads((GOLDEN / "schedule.json").read_text())["progress_by_num_blocks_and_global_step"]
    found = {
        blocks: {step: progress_of_step(int(step), int(blocks)) for step in steps}
        for blocks, steps in golden.items()
    }
    assert found == golden


@needs_golden
def test_the_thirteen_stages_are_the_originals() -> None:
    found = [
        {
            "stage_id": stage.number,
            "num_blocks": stage.blocks,
            "cumulative_images_at_end": stage.end_image,
            "kind": stage.kind,
        }
        for stage in stages()
    ]
    assert found == json.loads((GOLDEN / "schedule.json").read_text())["stages"]


def test_the_middle_of_a_transition_mixes_two_images() -> None:
    progress = progress_of_step(2600, 3, 800, 800)
    assert progress == 1.25
    assert blend_of_progress(progress, 3) == (0.0, 0.75, 0.25)


def test_a_finished_network_is_its_last_block() -> None:
    assert blend_of_progress(progress_of_step(10_346_312, 7), 7) == (0, 0, 0, 0, 0, 0, 1)


@given(st.integers(0, 20_000_000), st.integers(1, 7))
def test_blends_always_sum_to_one(step: int, blocks: int) -> None:
    blend = blend_of_progress(progress_of_step(step, blocks), blocks)
    assert sum(blend) == pytest.approx(1)
    assert min(blend) >= 0
    assert sum(weight > 0 for weight in blend) <= 2
