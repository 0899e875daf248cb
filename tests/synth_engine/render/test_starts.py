from __future__ import annotations

from synth_engine.abi import NO_SLOT
from synth_engine.render.starts import LATE_S, NoteStarts


def counts(starts: NoteStarts) -> tuple[int, int, int, int]:
    return starts.cached, starts.rendered, starts.late, starts.silent


def test_a_note_with_its_own_sound_is_cached_and_one_without_any_is_silent() -> None:
    starts = NoteStarts()
    starts.note_on(60, 3, True, 0.0)
    starts.note_on(61, NO_SLOT, False, 0.0)
    starts.arrived(61, 0.01)
    assert counts(starts) == (1, 0, 0, 1)


def test_a_stand_in_is_counted_by_how_long_it_lasted() -> None:
    starts = NoteStarts()
    for key in (60, 61):
        starts.note_on(key, 3, False, 0.0)
    starts.arrived(60, LATE_S / 2)
    starts.arrived(61, 2 * LATE_S)
    starts.arrived(61, 3 * LATE_S)
    assert counts(starts) == (0, 1, 1, 0)


def test_a_note_that_never_got_its_sound_is_late() -> None:
    starts = NoteStarts()
    starts.note_on(60, 3, False, 0.0)
    starts.note_on(60, 3, True, 5.0)
    assert counts(starts) == (1, 0, 1, 0)
