"""What becomes of the notes of a song before they are played."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_engine.offline.arrangement import arrange
from synth_engine.offline.song import Song, SongError, SongNote

RANGE = range(24, 85)


def note(start_s: float, end_s: float, pitch: int = 60, channel: int = 0) -> SongNote:
    return SongNote(start_s, end_s, pitch, 100, channel, 0)


def song(*notes: SongNote, end_s: float = 10.0, hanging: int = 0) -> Song:
    return Song(notes, Song.idle_channels(), end_s, hanging)


def test_drums_are_left_out_and_said_so() -> None:
    arrangement = arrange(song(note(0, 1), note(0, 1, 36, 9)), RANGE)
    assert [n.channel for n in arrangement.notes] == [0]
    assert arrangement.remarks == ("1 drum notes (channel 10): left out; --drums plays them",)
    assert len(arrange(song(note(0, 1), note(0, 1, 36, 9)), RANGE, drums=True).notes) == 2


def test_nothing_to_play_is_told_with_the_reason() -> None:
    with pytest.raises(SongError, match="no notes to play; 1 drum notes"):
        arrange(song(note(0, 1, 36, 9)), RANGE)
    with pytest.raises(SongError, match="no notes to play"):
        arrange(song(), RANGE)


@given(st.integers(0, 127), st.integers(0, 100), st.integers(12, 60))
def test_folding_keeps_the_name_of_the_note(pitch: int, low: int, width: int) -> None:
    high = min(low + width, 127)
    if high - low < 11:
        return
    (played,) = arrange(song(note(0, 1, pitch)), range(low, high + 1)).notes
    assert low <= played.pitch <= high
    assert (played.pitch - pitch) % 12 == 0


def test_a_range_under_an_octave_cannot_hold_all() -> None:
    arrangement = arrange(song(note(0, 1, 60), note(0, 1, 66)), range(60, 64))
    assert len(arrangement.notes) == 1
    assert "1 fit in no octave" in arrangement.remarks[0]


def test_outside_pitches_are_dropped_or_refused_as_asked() -> None:
    strange = song(note(0, 1), note(0, 1, 20), note(0, 1, 100))
    dropped = arrange(strange, RANGE, outside="drop")
    assert [n.pitch for n in dropped.notes] == [60]
    assert dropped.remarks == ("2 notes outside the model's range 24..84 (from 20 to 100): left out",)
    with pytest.raises(SongError, match=r"2 notes outside .* 24\.\.84"):
        arrange(strange, RANGE, outside="refuse")


def test_the_pedal_holds_until_it_is_lifted() -> None:
    pedalled = song(note(0, 1), note(2, 4.5), note(0, 1, 60, 1))
    pedalled.channels[0].pedal.set(0.5, 1.0)
    pedalled.channels[0].pedal.set(4.0, 0.0)
    arrangement = arrange(pedalled, RANGE)
    ends = {(n.start_s, n.channel): n.end_s for n in arrangement.notes}
    # the first is struck again at 2 s, the second outlasts the pedal, the third is another channel's
    assert ends == {(0, 0): 2, (2, 0): 4.5, (0, 1): 1}
    assert arrangement.remarks == ("1 notes held on by the pedal",)


def test_a_pedal_never_lifted_holds_to_the_end_of_the_song() -> None:
    pedalled = song(note(0, 1), end_s=7.0)
    pedalled.channels[0].pedal.set(0.0, 1.0)
    assert arrange(pedalled, RANGE).notes[0].end_s == 7.0


def test_a_pedal_lifted_with_the_key_holds_nothing() -> None:
    pedalled = song(note(0, 1))
    pedalled.channels[0].pedal.set(0.0, 1.0)
    pedalled.channels[0].pedal.set(1.0, 0.0)
    assert arrange(pedalled, RANGE).notes[0].end_s == 1


def test_hanging_and_empty_notes_are_told() -> None:
    arrangement = arrange(song(note(0, 10), note(3, 3), hanging=1), RANGE)
    assert len(arrangement.notes) == 1
    assert arrangement.remarks[0].startswith("1 hanging notes")
    assert arrangement.remarks[1].startswith("1 notes without length")


def test_notes_are_played_in_order_of_their_start() -> None:
    arrangement = arrange(song(note(5, 6), note(1, 9), note(0, 1, 62)), RANGE)
    assert [n.start_s for n in arrangement.notes] == [0, 1, 5]
