"""Keys pressed before there is any sound."""

from __future__ import annotations

from synth_engine.render.awaited import AwaitedNotes


def test_a_held_key_begins_once_when_its_sound_comes() -> None:
    awaited = AwaitedNotes()
    awaited.note_on(60, 0, 0.5, silent=True)
    awaited.note_on(60, 3, 0.7, silent=True)
    awaited.note_on(64, 0, 0.9, silent=False)
    assert awaited.begin(64) == []
    assert awaited.begin(60) == [(0, 0.5), (3, 0.7)]
    assert awaited.begin(60) == []


def test_a_key_let_go_meanwhile_stays_silent() -> None:
    awaited = AwaitedNotes()
    awaited.note_on(60, 0, 0.5, silent=True)
    assert not awaited.note_off(60, 0)
    assert awaited.begin(60) == []


def test_what_control_began_control_ends() -> None:
    awaited = AwaitedNotes()
    awaited.note_on(60, 0, 0.5, silent=True)
    awaited.begin(60)
    assert awaited.note_off(60, 0)
    assert not awaited.note_off(60, 0)


def test_a_key_played_again_is_the_doors_to_end() -> None:
    awaited = AwaitedNotes()
    awaited.note_on(60, 0, 0.5, silent=True)
    awaited.begin(60)
    awaited.note_on(60, 0, 0.5, silent=False)
    assert not awaited.note_off(60, 0)


def test_releasing_a_channel_leaves_the_others() -> None:
    awaited = AwaitedNotes()
    awaited.note_on(60, 0, 0.5, silent=True)
    awaited.note_on(61, 1, 0.5, silent=True)
    awaited.release(0)
    assert awaited.begin(60) == []
    assert awaited.begin(61) == [(1, 0.5)]
    awaited.release(-1)
    assert not awaited.note_off(61, 1)
