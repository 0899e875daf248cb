"""A whole evaluation of a small random model against a small data set, and its parts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from daemon.cli import main, timbred
from synth_engine.datasets.labels import Label
from synth_engine.datasets.shards import write_shard
from synth_engine.evaluation import aims, examination, interpolation, note_sets, report
from synth_engine.evaluation.evaluation import EvaluationPlan, TooFewNotes, draw_sets, evaluate
from synth_engine.evaluation.examination import Examined, Panel
from synth_engine.evaluation.judges import Hearing
from synth_engine.evaluation.measures import measure
from synth_engine.evaluation.note_sets import Note
from synth_engine.evaluation.pictures import write_pictures
from synth_engine.generator.model import Model
from synth_engine.generator.random_model import make_random_model
from tests.synth_engine.evaluation.sounds import note

NO_JUDGES = Panel((), False, {"basic-pitch": "pip install --no-deps basic-pitch"})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return make_random_model(tmp_path_factory.mktemp("model"), seed=0)


def _labels(instruments: dict[str, str], pitches: range = range(48, 60)) -> list[Label]:
    return [
        Label(name, None, "string", "acoustic", pitch, 100, split=split)
        for name, split in instruments.items()
        for pitch in pitches
    ]


def _examined(group: str, pitch: int, wave: np.ndarray, heard: int | None) -> Examined:
    return Examined(
        Note(group, pitch), {"basic-pitch": Hearing(heard, 0.5)}, -20.0, measure(wave, pitch),
        examination.image_of(wave), None,
    )  # fmt: skip


def test_instruments_are_never_on_both_sides_of_the_split(model: Model) -> None:
    labels = _labels({"a": "train", "b": "test", "c": "valid", next(iter(model.anchors)): "test"})
    held, known = note_sets.split_instruments(labels, model)
    assert {labels[i].instrument for i in held} == {
        "b",
        "c",
    }  # an anchor was learned, whatever the label says
    assert not {labels[i].instrument for i in held} & {labels[i].instrument for i in known}
    assert len(held) + len(known) == len(labels)


def test_without_a_split_what_is_no_anchor_is_held_out(model: Model) -> None:
    labels = _labels({"a": "train", next(iter(model.anchors)): "train"})
    held, _ = note_sets.split_instruments(labels, model)
    assert {labels[i].instrument for i in held} == {"a"}
    halves = note_sets.split_instruments(_labels({"a": "train", "b": "train"}), replace(model, anchors={}))
    assert all(halves)


def test_real_notes_take_turns_and_none_comes_twice() -> None:
    labels = _labels({"a": "train"}, range(40, 80)) + _labels({"b": "train"}, range(40, 44))
    drawn = note_sets.real_notes(labels, range(len(labels)), 20, np.random.default_rng(0))
    assert len({n.real for n in drawn}) == 20
    assert sum(n.group == "b" for n in drawn) == 4
    assert len(note_sets.real_notes(labels, [0, 1], 20, np.random.default_rng(0))) == 2


def test_anchor_notes_stay_inside_their_ranges_and_follow_the_seed(model: Model) -> None:
    first, again = (note_sets.anchor_notes(model, 40, np.random.default_rng(1)) for _ in range(2))
    assert [(n.group, n.pitch) for n in first] == [(n.group, n.pitch) for n in again]
    assert len({(n.group, n.pitch) for n in first}) == 40
    for n in first:
        assert model.anchors[n.group].lowest_pitch <= n.pitch <= model.anchors[n.group].highest_pitch


def test_an_even_path_is_even_and_a_jump_is_seen() -> None:
    fades = [note(slope=s) for s in np.linspace(0.8, 2.0, interpolation.POINTS)]
    jumps = [note(slope=0.8 if n < 4 else 2.0) for n in range(interpolation.POINTS)]
    path = [
        _examined(name, 57, wave, 57) for name, waves in (("even", fades), ("jump", jumps)) for wave in waves
    ]
    figures = interpolation.path_figures(path, "basic-pitch")
    assert figures["right"] == 1.0
    assert figures["even"] == 0.5
    assert figures["worst"] == "jump"


def test_aims_without_their_figures_are_left_out_and_the_others_judged() -> None:
    sets = {
        "real, known": {"silent": 0, "to_held_out": {"frechet": 10.0}},
        "anchors": {"silent": 1, "to_held_out": {"frechet": 21.0}},
    }
    found = {aim["name"]: aim["reached"] for aim in aims.aims_of({"sets": sets})}
    assert found == {"Frechet distance over the floor, anchors": False, "silent notes": False}


@pytest.fixture(scope="module")
def data(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for name in ("held a", "held b", *list(model.anchors)[:2]):
        labels = _labels({name: "train"}, range(24, 85))
        waves = [note(110.0 * 2 ** (label.pitch / 24), slope=float(rng.uniform(0.5, 2))) for label in labels]
        write_shard(folder, name, [(wave * 32767 * 0.5).astype(np.int16) for wave in waves], labels)
    return folder


def test_a_whole_evaluation_gives_the_same_figures_again_and_its_pictures(
    model: Model, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two bins rather than fifty, so that a handful of notes are enough.
    monkeypatch.setattr("synth_engine.evaluation.figures.BINS", 2)
    plan = EvaluationPlan(notes=6, paths=1, workers=1)
    told: list[tuple[int, int]] = []
    first = evaluate(model, data, plan, lambda *done: told.append(done), NO_JUDGES)
    again = evaluate(model, data, replace(plan, workers=2), None, NO_JUDGES)
    assert json.dumps(first.figures) == json.dumps(again.figures)
    assert told[-1][0] == told[-1][1] == len(told)
    assert set(first.figures["sets"]) == {"real, held out", "real, known", "anchors", "mixes", "random"}
    text = report.render_report(first.figures)
    assert "pip install --no-deps basic-pitch" in text
    for path in write_pictures(first, tmp_path):
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 5_000


def test_generated_notes_are_judged_beside_the_real_ones_they_imitate(model: Model) -> None:
    labels = _labels({"other": "test", **dict.fromkeys(model.anchors, "train")}, range(24, 85))
    plan = EvaluationPlan(notes=100)
    sets = draw_sets(model, labels * 2, plan)
    twins = {note.real for note in sets["real, known"]}
    assert {n.real for n in sets["anchors"] if n.real is not None} == twins
    assert {n.pitch for n in sets["random"]} <= {n.pitch for n in sets["real, held out"]}


def test_too_small_a_data_set_is_refused_in_words(model: Model) -> None:
    labels = _labels({"a": "test", "b": "train"})
    with pytest.raises(TooFewNotes, match="12 notes of held-out and 12 of other instruments"):
        draw_sets(model, labels, EvaluationPlan())


def test_no_judge_at_all_is_status_69_with_the_cure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cures = {"basic-pitch": "pip install --no-deps basic-pitch", "musicnn": "pip install --no-deps musicnn"}
    monkeypatch.setattr(examination, "assemble_panel", lambda: Panel((), False, cures))
    with pytest.raises(SystemExit) as caught:
        main(["evaluate"])
    assert caught.value.code == 69
    assert "pip install --no-deps musicnn" in capsys.readouterr().err


def test_help_has_an_example() -> None:
    result = CliRunner().invoke(timbred, ["evaluate", "--help"])
    assert "timbred evaluate --data" in result.output
