"""The post-processing of both engines on rows and frames made by hand, without any network."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_engine.transcription.heard_notes import HeardNote
from synth_engine.transcription.monophonic import FRAME_S, Frame, track
from synth_engine.transcription.polyphonic import KEYS, LOWEST_KEY, Rows
from synth_engine.transcription.tracking import GAP_ROWS, ROW_S, SOFT_ROWS, NoteTracker


class Page:
    """Rows to write on."""

    def __init__(self, rows: int = 110) -> None:
        self.onset, self.note, self.strength = (np.zeros((rows, KEYS), np.float32) for _ in range(3))

    def strike(self, key: int, row: int, end: int, onset: float = 0.9, note: float = 0.8) -> Page:
        self.onset[row, key - LOWEST_KEY] = onset
        self.note[row + 1 : end, key - LOWEST_KEY] = note
        self.strength[row:end, key - LOWEST_KEY] = 1.0
        return self

    def read(self, threshold: float = 0.5, cuts: Iterable[int] = ()) -> list[HeardNote]:
        tracker = NoteTracker(threshold)
        edges = [0, *sorted(cuts), len(self.note)]
        notes: list[HeardNote] = []
        for start, end in itertools.pairwise(edges):
            part = slice(start, end)
            notes += tracker.feed(Rows(self.onset[part], self.note[part], self.strength[part]))
        notes += tracker.finish()
        return sorted(notes, key=lambda note: (note.start_s, note.pitch))


def rows_of(note: HeardNote) -> tuple[int, int, int]:
    return note.pitch, round(note.start_s / ROW_S), round(note.end_s / ROW_S)


def test_a_struck_note_lasts_from_its_onset_to_the_last_row_that_sounds() -> None:
    assert [rows_of(note) for note in Page().strike(60, 10, 50).read()] == [(60, 10, 50)]


def test_a_short_gap_is_bridged_and_a_long_one_is_not() -> None:
    page = Page().strike(60, 10, 40)
    page.note[45:80, 60 - LOWEST_KEY] = 0.8
    assert [rows_of(note) for note in page.read()] == [(60, 10, 80)]
    page = Page().strike(60, 10, 40)
    page.note[40 + GAP_ROWS + 2 : 90, 60 - LOWEST_KEY] = 0.8
    assert [rows_of(note)[:2] for note in page.read()] == [(60, 10), (60, 40 + GAP_ROWS + 2)]


def test_a_new_onset_splits_a_sounding_note() -> None:
    page = Page().strike(60, 10, 90).strike(60, 50, 90)
    assert [rows_of(note) for note in page.read()] == [(60, 10, 50), (60, 50, 90)]


def test_an_onset_without_a_note_is_none_and_under_the_threshold_neither() -> None:
    assert not Page().strike(60, 10, 50, note=0.2).read()
    assert not Page().strike(60, 10, 15, onset=0.4).read(threshold=0.5)
    assert Page().strike(60, 10, 15, onset=0.4).read(threshold=0.3)


def test_a_note_may_swell_without_an_onset_but_not_beside_a_sounding_one() -> None:
    page = Page()
    page.note[20:60, 60 - LOWEST_KEY] = 0.7
    assert [rows_of(note) for note in page.read()] == [(60, 20, 60)]
    page.strike(61, 15, 60)
    assert [rows_of(note)[0] for note in page.read()] == [61]
    page = Page()
    page.note[20 : 20 + SOFT_ROWS - 1, 60 - LOWEST_KEY] = 0.7
    assert not page.read()


def test_what_still_sounds_at_the_end_is_a_note() -> None:
    assert [rows_of(note) for note in Page(60).strike(60, 10, 60).read()] == [(60, 10, 60)]


@settings(max_examples=20)
@given(onset=st.floats(0.5, 1.0), more=st.floats(0.01, 0.3), note=st.floats(0.35, 0.7))
def test_confidence_grows_with_both_heads(onset: float, more: float, note: float) -> None:
    (plain,) = Page().strike(60, 10, 50, onset=onset, note=note).read(0.3)
    (louder,) = Page().strike(60, 10, 50, onset=onset, note=note + more).read(0.3)
    (sharper,) = Page().strike(60, 10, 50, onset=onset + more, note=note).read(0.3)
    assert 0.0 <= plain.confidence < min(louder.confidence, sharper.confidence) <= 1.0


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), cuts=st.sets(st.integers(1, 119), max_size=6))
def test_notes_do_not_depend_on_how_the_rows_arrive(seed: int, cuts: set[int]) -> None:
    page = Page(120)
    rng = np.random.default_rng(seed)
    page.onset[:] = rng.uniform(size=page.onset.shape) ** 4
    page.note[:] = np.clip(rng.normal(0.3, 0.2, page.note.shape).cumsum(axis=0) % 1.0, 0, 1)
    assert page.read(0.3, cuts) == page.read(0.3)


def frames(*parts: tuple[int, float, float, float]) -> list[Frame]:
    """(count, pitch, confidence, level) after one another."""
    return [(pitch, sure, level) for count, pitch, sure, level in parts for _ in range(count)]


def read(track_of: list[Frame], confidence: float = 0.5, onset: float = 0.5) -> list[tuple[int, int, int]]:
    notes = track(track_of, confidence, onset)
    return [(note.pitch, round(note.start_s / FRAME_S), round(note.end_s / FRAME_S)) for note in notes]


def test_a_voiced_run_is_a_note_and_begins_a_frame_early() -> None:
    assert read(frames((10, 50, 0.1, -60), (30, 60.2, 0.9, -20), (10, 50, 0.1, -60))) == [(60, 9, 39)]


def test_a_step_in_pitch_is_another_note_and_vibrato_is_not() -> None:
    assert read(frames((20, 60, 0.9, -20), (20, 62, 0.9, -20))) == [(60, 0, 20), (62, 20, 40)]
    vibrato: list[Frame] = [(60 + 0.5 * np.sin(n), 0.9, -20.0) for n in range(60)]
    assert read(vibrato) == [(60, 0, 60)]


def test_a_dip_and_an_attack_on_the_same_pitch_are_two_notes() -> None:
    struck_twice = frames((20, 60, 0.9, -20), (4, 60, 0.9, -34), (20, 60, 0.9, -18))
    assert [start for _, start, _ in read(struck_twice)] == [0, 24]
    assert len(read(struck_twice, onset=1.0)) == 2
    shallow = frames((20, 60, 0.9, -20), (4, 60, 0.9, -24), (20, 60, 0.9, -20))
    assert len(read(shallow)) == 1


def test_short_gaps_are_bridged() -> None:
    assert read(frames((20, 60, 0.9, -20), (3, 45, 0.1, -40), (20, 60, 0.9, -20))) == [(60, 0, 43)]
    assert len(read(frames((20, 60, 0.9, -20), (4, 45, 0.1, -20), (20, 60, 0.9, -20)))) == 2


@given(
    st.lists(st.tuples(st.floats(30, 96), st.floats(0, 1), st.floats(-80, 0)), min_size=1, max_size=80),
    st.floats(0, 1),
)
def test_notes_lie_in_order_inside_the_sound(track_of: list[Frame], confidence: float) -> None:
    notes = list(track(track_of, confidence, 0.5))
    for one, following in itertools.pairwise(notes):
        assert one.start_s < one.end_s <= following.start_s + FRAME_S + 1e-9
    assert all(30 <= note.pitch <= 96 for note in notes)
    assert all(note.start_s >= 0 and note.end_s <= len(track_of) * FRAME_S + 1e-9 for note in notes)
    everything = sum(note.end_s - note.start_s for note in track(track_of, 0.0, 0.5))
    assert everything == pytest.approx(len(track_of) * FRAME_S)
