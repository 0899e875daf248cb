"""Timbres by name, by chance, by program; each part its own."""

from __future__ import annotations

import numpy as np
import pytest

from synth_engine.generator.model_folder import default_model_path, load_model
from synth_engine.offline.casting import CastPlan, cast
from synth_engine.offline.note_source import NoteSource
from synth_engine.offline.song import SongNote
from synth_engine.offline.timbres import TimbreError, draw_timbres, program_anchor


def note(start_s: float, channel: int = 0, program: int = 0, track: int = 0) -> SongNote:
    return SongNote(start_s, start_s + 1.0, 60, 100, channel, track, program)


NOTES = [note(0.0), note(4.0, 1), note(11.0, 1, track=2)]


def test_programs_are_played_by_their_own_anchors_or_the_nearest_relative() -> None:
    model = load_model(default_model_path())
    assert program_anchor(model, 40) == "violin"
    assert program_anchor(model, 1) == "grand_piano"  # bright piano
    assert program_anchor(model, 49) == "string_ensemble"  # slow strings
    names = {program_anchor(model, program) for program in range(128)}
    assert None not in names
    assert len(names) == len(model.anchors)


def test_without_a_word_programs_play(source: NoteSource) -> None:
    latents = [cast(source.model, CastPlan(), NOTES).latent_of(note(0.0, program=p)) for p in (40, 12)]
    np.testing.assert_array_equal(latents[0], source.model.anchors["violin"].latent)
    np.testing.assert_array_equal(latents[1], source.model.anchors["marimba"].latent)


def test_every_channel_has_the_timbre_it_is_given(source: NoteSource) -> None:
    plan = CastPlan(specs=("choir_aahs", "2 = violin,marimba"))
    timbres = cast(source.model, plan, NOTES)
    anchors = source.model.anchors
    np.testing.assert_array_equal(timbres.latent_of(note(3.0)), anchors["choir_aahs"].latent)
    np.testing.assert_allclose(timbres.latent_of(note(0.0, 1)), anchors["violin"].latent)
    np.testing.assert_allclose(timbres.latent_of(note(12.0, 1)), anchors["marimba"].latent)


def test_a_way_of_anchors_turns_every_so_many_seconds(source: NoteSource) -> None:
    plan = CastPlan(by="song", specs=("violin,marimba",), seconds_per_timbre=4.0)
    timbres = cast(source.model, plan, NOTES)
    anchors = source.model.anchors
    for start_s, name in ((0.0, "violin"), (4.0, "marimba"), (8.0, "violin")):
        np.testing.assert_allclose(timbres.latent_of(note(start_s)), anchors[name].latent, atol=1e-6)


def test_parts_walk_random_ways_of_their_own_and_the_same_each_time(source: NoteSource) -> None:
    plan = CastPlan(by="track", specs=("random",), seed=3)
    one, again = (cast(source.model, plan, NOTES) for _ in range(2))
    first, other = note(2.0), note(2.0, track=2)
    np.testing.assert_array_equal(one.latent_of(first), again.latent_of(first))
    assert np.abs(one.latent_of(first) - one.latent_of(other)).max() > 0.1


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("violn", "did you mean 'violin'"),
        ("1=violin,,marimba", "no anchor ''"),
        ("7=violin", "channel 7 has no notes; those with notes: 1, 2"),
        ("", "expected such as violin"),
    ],
)
def test_what_is_not_there_is_told(source: NoteSource, spec: str, words: str) -> None:
    with pytest.raises(TimbreError, match=words):
        cast(source.model, CastPlan(specs=(spec,)), NOTES)


def test_mixes_lie_between_two_anchors(source: NoteSource) -> None:
    for timbre in draw_timbres(source.model, "mix", 1, 10):
        weights = timbre.origin["weights"]
        assert len(weights) == 2
        assert sum(weights.values()) == pytest.approx(1.0)
        low, high = timbre.pitches
        assert low <= high


def test_the_first_of_many_drawn_timbres_are_those_of_few(source: NoteSource) -> None:
    few, many = (draw_timbres(source.model, "random", 9, count) for count in (2, 6))
    for one, other in zip(few, many, strict=False):
        np.testing.assert_array_equal(one.latent, other.latent)
