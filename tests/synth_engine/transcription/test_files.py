"""Sound files in, MIDI files out."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from synth_engine.transcription.heard_notes import HeardNote, hz_to_pitch, pitch_to_hz, without_overlaps
from synth_engine.transcription.midi_file import midi_bytes
from synth_engine.transcription.sound_blocks import SoundError, examine, mono_blocks

_notes = st.builds(
    lambda start, length, pitch, strength: HeardNote(start, start + length, pitch, 0.5, strength),
    st.floats(0, 100), st.floats(0.001, 10), st.integers(0, 127), st.floats(0, 1),
)  # fmt: skip


@given(st.lists(_notes, max_size=30))
def test_every_note_comes_back_from_the_file_within_half_a_tick(notes: list[HeardNote]) -> None:
    notes = without_overlaps(notes)
    file = mido.MidiFile(file=io.BytesIO(midi_bytes(notes)))
    assert (file.type, file.ticks_per_beat) == (0, 480)
    now_s, sounding, found = 0.0, {}, []
    for message in file:
        now_s += message.time
        if message.type == "note_on":
            assert message.note not in sounding
            assert 1 <= message.velocity <= 127
            sounding[message.note] = now_s
        elif message.type == "note_off":
            found.append((sounding.pop(message.note), now_s, message.note))
    assert not sounding
    found.sort()
    expected = sorted((note.start_s, note.end_s, note.pitch) for note in notes)
    assert len(found) == len(expected)
    for pitch in {note.pitch for note in notes}:
        starts = [start for start, _, key in found if key == pitch]
        np.testing.assert_allclose(starts, [s for s, _, key in expected if key == pitch], atol=0.6 / 960)


@given(st.lists(_notes, max_size=30))
def test_notes_of_one_pitch_never_overlap(notes: list[HeardNote]) -> None:
    kept = without_overlaps(notes)
    for pitch in range(128):
        of_pitch = [note for note in kept if note.pitch == pitch]
        assert all(a.end_s <= b.start_s for a, b in itertools.pairwise(of_pitch))
        assert all(note.start_s < note.end_s for note in of_pitch)


@given(st.floats(0, 127))
def test_pitch_and_frequency_are_each_others_inverse(pitch: float) -> None:
    assert hz_to_pitch(pitch_to_hz(pitch)) == pytest.approx(pitch, abs=1e-9)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "aiff", "mp3"])
@pytest.mark.parametrize(("rate_hz", "channels"), [(44_100, 2), (22_050, 1), (8_000, 2), (48_000, 1)])
def test_any_format_rate_and_channel_count_is_read(
    tmp_path: Path, suffix: str, rate_hz: int, channels: int
) -> None:
    time_s = np.arange(rate_hz) / rate_hz
    sound = np.repeat(0.5 * np.sin(2 * np.pi * 440 * time_s)[:, None], channels, axis=1)
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, sound, rate_hz)
    info = examine(path)
    assert info.rate_hz == rate_hz
    assert info.peak == pytest.approx(0.5, rel=0.1)
    heard = np.concatenate(list(mono_blocks(path, 22_050)))
    assert len(heard) / 22_050 == pytest.approx(info.seconds, abs=0.01)
    spectrum = np.abs(np.fft.rfft(heard[2000:20_000]))
    assert spectrum.argmax() * 22_050 / 18_000 == pytest.approx(440, abs=2)


def test_what_is_no_sound_is_told_with_its_name(tmp_path: Path) -> None:
    text = tmp_path / "notes.wav"
    text.write_text("these are words")
    with pytest.raises(SoundError, match=r"notes\.wav: no sound file"):
        examine(text)
    empty = tmp_path / "empty.wav"
    soundfile.write(empty, np.zeros((0, 1)), 44_100)
    with pytest.raises(SoundError, match="no sound at all"):
        examine(empty)
    spoilt = tmp_path / "spoilt.wav"
    soundfile.write(spoilt, np.array([0.0, np.nan]), 44_100, subtype="FLOAT")
    with pytest.raises(SoundError, match="NaN"):
        examine(spoilt)
    with pytest.raises(FileNotFoundError):
        examine(tmp_path / "absent.wav")


def test_bends_come_before_their_note_and_begin_every_note_anew() -> None:
    notes = [
        HeardNote(0.0, 0.5, 60, 0.9, 1.0, (0.5, 0.5, 1.0, 3.0), 0.016),
        HeardNote(0.5, 1.0, 62, 0.9, 1.0, (0.0,), 0.016),
    ]
    file = mido.MidiFile(file=io.BytesIO(midi_bytes(notes, bends=True)))
    told = [(m.type, getattr(m, "pitch", None)) for m in file if not m.is_meta]
    assert told == [
        ("pitchwheel", 2048), ("note_on", None), ("pitchwheel", 4096), ("pitchwheel", 8191),
        ("note_off", None), ("pitchwheel", 0), ("note_on", None), ("note_off", None),
    ]  # fmt: skip
    plain = mido.MidiFile(file=io.BytesIO(midi_bytes(notes)))
    assert not [message for message in plain if message.type == "pitchwheel"]
