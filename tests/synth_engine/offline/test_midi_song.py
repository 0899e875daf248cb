"""MIDI files of every kind, broken ones among them."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import mido
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth_engine.offline.midi_song import read_song
from synth_engine.offline.song import SongError
from tests.synth_engine.offline.conftest import MidiWriter

M, Meta = mido.Message, mido.MetaMessage


def on(key: int, time: int = 0, velocity: int = 100, channel: int = 0) -> mido.Message:
    return M("note_on", note=key, velocity=velocity, time=time, channel=channel)


def off(key: int, time: int = 0, channel: int = 0) -> mido.Message:
    return M("note_off", note=key, time=time, channel=channel)


def cc(control: int, value: int, time: int = 0, channel: int = 0) -> mido.Message:
    return M("control_change", control=control, value=value, time=time, channel=channel)


def test_tempi_of_one_track_hold_for_all(write_midi: MidiWriter) -> None:
    tempi = [Meta("set_tempo", tempo=1_000_000), Meta("set_tempo", tempo=250_000, time=960)]
    song = read_song(write_midi(tempi, [on(60, 480), off(60, 960)]))
    (note,) = song.notes
    assert note.start_s == pytest.approx(1.0)
    assert note.end_s == pytest.approx(2.0 + 0.25)
    assert song.end_s == pytest.approx(2.25)


def test_the_tracks_of_type_2_follow_each_other(write_midi: MidiWriter) -> None:
    first = [Meta("set_tempo", tempo=1_000_000), on(60), off(60, 480)]
    second = [on(62), off(62, 480)]  # with the tempo nobody set
    song = read_song(write_midi(first, second, kind=2))
    assert [(n.pitch, n.start_s, n.end_s) for n in song.notes] == [(60, 0.0, 1.0), (62, 1.0, 1.5)]


def test_type_0_has_all_channels_in_one_track(write_midi: MidiWriter) -> None:
    song = read_song(
        write_midi([on(60, channel=0), on(60, channel=5), off(60, 480, 0), off(60, 480, 5)], kind=0)
    )
    assert [(n.channel, n.end_s) for n in song.notes] == [(0, 0.5), (5, 1.0)]


def test_a_division_in_frames_a_second_needs_no_tempo(write_midi: MidiWriter) -> None:
    path = write_midi([Meta("set_tempo", tempo=1_000_000), on(60), off(60, 1000)])
    data = bytearray(path.read_bytes())
    data[12:14] = struct.pack(">bB", -25, 40)  # 25 frames of 40 ticks
    path.write_bytes(data)
    assert read_song(path).notes[0].end_s == pytest.approx(1.0)


def test_a_key_struck_again_ends_what_it_sounds(write_midi: MidiWriter) -> None:
    song = read_song(write_midi([on(60), on(60, 480, 80), off(60, 480)]))
    assert [(n.start_s, n.end_s, n.velocity) for n in song.notes] == [(0.0, 0.5, 100), (0.5, 1.0, 80)]


def test_note_on_without_velocity_is_note_off(write_midi: MidiWriter) -> None:
    song = read_song(write_midi([on(60), on(60, 480, 0)]))
    assert [(n.start_s, n.end_s) for n in song.notes] == [(0.0, 0.5)]


def test_hanging_notes_end_with_the_song(write_midi: MidiWriter) -> None:
    song = read_song(write_midi([on(60), on(64), off(64, 480), Meta("end_of_track", time=480)]))
    assert song.hanging == 1
    assert {n.pitch: n.end_s for n in song.notes} == {64: 0.5, 60: 1.0}


def test_all_notes_off_lets_go(write_midi: MidiWriter) -> None:
    song = read_song(write_midi([on(60), on(60, channel=1), cc(123, 0, 480), off(60, 480, 1)]))
    assert {n.channel: n.end_s for n in song.notes} == {0: 0.5, 1: 1.0}


def test_a_note_has_the_program_its_channel_has_then(write_midi: MidiWriter) -> None:
    programs = [
        M("program_change", program=40, channel=2),
        M("program_change", program=73, time=480, channel=2),
    ]
    notes = [on(60, channel=2), off(60, 480, 2), on(62, 0, channel=2), off(62, 480, 2)]
    song = read_song(write_midi(notes, programs))  # the programs come in a later track, at the same ticks
    assert [n.program for n in song.notes] == [40, 73]


def test_bends_reach_as_far_as_the_range_says(write_midi: MidiWriter) -> None:
    track = [
        M("pitchwheel", pitch=8191), cc(101, 0, 480), cc(100, 0), cc(6, 12), cc(38, 50),
        M("pitchwheel", pitch=-8192, time=480), cc(121, 0, 480), on(60), off(60, 1),
    ]  # fmt: skip
    bend = read_song(write_midi(track)).channels[0].bend
    assert bend.at(0.0) == pytest.approx(2.0)
    assert bend.at(0.6) == pytest.approx(12.5)  # a wheel that is held moves with its range
    assert bend.at(1.1) == pytest.approx(-12.5)
    assert bend.at(1.6) == 0.0


def test_data_entry_for_another_parameter_is_let_be(write_midi: MidiWriter) -> None:
    track = [cc(99, 0), cc(98, 0), cc(6, 24), M("pitchwheel", pitch=8191), on(60), off(60, 1)]
    assert read_song(write_midi(track)).channels[0].bend.at(1.0) == pytest.approx(2.0)


def test_controllers_are_kept_with_their_times(write_midi: MidiWriter) -> None:
    track = [cc(7, 127), cc(11, 0, 480), cc(10, 0), cc(10, 64, 480), cc(64, 64), cc(64, 63, 480)]
    channel = read_song(write_midi(track)).channels[0]
    assert (channel.volume.at(0.0), channel.expression.at(0.4), channel.expression.at(0.5)) == (1.0, 1.0, 0.0)
    assert (channel.pan.at(0.6), channel.pan.at(1.0)) == (-1.0, 0.0)
    assert (channel.pedal.at(1.2), channel.pedal.at(1.5)) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"RIFF....", "MThd"),
        (b"MThd", "damaged"),
        (b"MThd\0\0\0\6\0\1\0\1\0\0MTrk\0\0\0\4\0\xff\x2f\0", "0 ticks"),
        (b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\x0c\0\x90\x3c", "middle of a track"),
        (b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\4\0\x3c\x40\0", "running status"),
        (b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\4\0\x90\xf0\x40", "0..127"),
    ],
)
def test_broken_files_are_told_in_words(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "broken.mid"
    path.write_bytes(content)
    with pytest.raises(SongError, match=words) as error:
        read_song(path)
    assert str(path) in str(error.value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_anywhere_is_read_or_told(write_midi: MidiWriter, data: st.DataObject) -> None:
    track = [M("program_change", program=3), on(60), cc(64, 127), off(60, 480), Meta("set_tempo", tempo=9)]
    path = write_midi(track, track)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(SongError):  # anything else is a fault of ours
        assert all(0 <= n.pitch <= 127 and n.start_s <= n.end_s for n in read_song(path).notes)


def test_a_song_of_days_is_refused(write_midi: MidiWriter) -> None:
    with pytest.raises(SongError, match="hours"):
        read_song(write_midi([on(60), off(60, 100_000_000)]))
