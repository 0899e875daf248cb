"""Labels from names of files and folders."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_engine.datasets.labels import FAMILIES, SOURCES
from synth_engine.datasets.naming import Named, pitch_of_note_name, read_name, read_names

LETTERS = {
    0: "C",
    1: "C#",
    2: "D",
    3: "D#",
    4: "E",
    5: "F",
    6: "F#",
    7: "G",
    8: "G#",
    9: "A",
    10: "A#",
    11: "B",
}


@pytest.mark.parametrize(
    ("name", "pitch"),
    [
        ("name_60.wav", 60),
        ("name-C4.wav", 60),
        ("A#3.flac", 58),
        ("piano Bb2 soft.ogg", 46),
        ("violin_As4_1_forte_normal.mp3", 70),
        ("C-1.wav", 0),
        ("oboe.b3.aif", 59),
        ("take_7.wav", None),
        ("piano01.wav", None),
        ("flute.wav", None),
        ("song_2021.wav", None),
        ("kick808.wav", None),
        ("C12.wav", None),
    ],
)
def test_a_pitch_is_found_where_there_is_one(name: str, pitch: int | None) -> None:
    assert read_name(PurePosixPath(name)).pitch == pitch


@given(st.integers(0, 119))
def test_every_note_name_is_read(pitch: int) -> None:
    name = f"{LETTERS[pitch % 12]}{pitch // 12 - 1}"
    assert pitch_of_note_name(name) == pitch
    assert read_name(PurePosixPath(f"my oboe-{name}.wav")) == Named("my oboe", pitch=pitch)


@given(st.sampled_from(FAMILIES), st.sampled_from(SOURCES), st.integers(0, 127), st.integers(0, 127))
def test_nsynths_names_tell_all(family: str, source: str, pitch: int, velocity: int) -> None:
    instrument = f"{family}_{source}_010"
    path = PurePosixPath("audio", f"{instrument}-{pitch:03d}-{velocity:03d}.wav")
    assert read_name(path) == Named(instrument, family, source, pitch, velocity)


@given(st.text(alphabet="abcCG#b0123456789_-. ", min_size=1, max_size=20))
def test_no_name_is_an_error(stem: str) -> None:
    named = read_name(PurePosixPath("x", f"{stem}.wav"))
    assert named.pitch is None or 0 <= named.pitch < 128
    assert named.instrument


def test_folders_are_labels_where_they_look_like_it() -> None:
    path = PurePosixPath("acoustic/String/My violin/pizz_62.wav")
    assert read_name(path) == Named("My violin", "string", "acoustic", 62)
    assert read_name(PurePosixPath("saw_62.wav")) == Named("saw", pitch=62)


def test_a_folder_of_different_things_is_no_instrument() -> None:
    paths = [
        PurePosixPath(p) for p in ("a/C4.wav", "a/D4.wav", "b/piano01.wav", "b/piano02.wav", "b/flute01.wav")
    ]
    assert [read_names(paths)[path].instrument for path in paths] == [
        "a", "a", "b_piano01", "b_piano02", "b_flute01",
    ]  # fmt: skip


def test_cut_notes_keep_their_recordings_instrument() -> None:
    paths = [PurePosixPath(f"viola/take{n}.{k:03d}-060-100.wav") for n in (1, 2) for k in (0, 1)]
    assert {named.instrument for named in read_names(paths).values()} == {"viola"}
    assert read_name(PurePosixPath("scale_G3.004-055-100.wav")).instrument == "scale"


@pytest.mark.parametrize("name", ["", "H4", "C", "60", "C#", "c4 "])
def test_other_texts_are_no_note_names(name: str) -> None:
    with pytest.raises(ValueError, match="no note name"):
        pitch_of_note_name(name)
