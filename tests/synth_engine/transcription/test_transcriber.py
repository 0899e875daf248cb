"""Both engines on real recordings, and on melodies whose notes are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from synth_engine.transcription import monophonic, polyphonic
from synth_engine.transcription.heard_notes import HeardNote, Thresholds, velocities
from synth_engine.transcription.transcriber import Engine, transcribe
from tests.synth_engine.transcription.conftest import ScoreNote, require

TOLERANCE_S = 0.05  # the usual one of note transcription
MELODY = (60, 62, 64, 65, 67, 69, 71, 72, 67, 64, 60, 55, 57, 59, 48, 60)
CHORDS = ((48, 55, 64), (50, 57, 65), (43, 59, 67), (48, 60, 76))
Player = Callable[[Sequence[ScoreNote]], Path]


@pytest.fixture(autouse=True)
def engines() -> None:
    require(polyphonic.is_installed(), "basic-pitch and onnxruntime")
    require(monophonic.is_installed(), "swift-f0")


def f_measure(notes: Sequence[HeardNote], score: Sequence[ScoreNote]) -> float:
    """Of notes of the same pitch that begin within 50 ms, every note matched at most once."""
    free = [(start_s, key) for start_s, _, key, _ in score]
    for note in notes:
        near = [at for at in free if at[1] == note.pitch and abs(at[0] - note.start_s) <= TOLERANCE_S]
        if near:
            free.remove(min(near, key=lambda at: abs(at[0] - note.start_s)))
    matched = len(score) - len(free)
    return 2 * matched / (len(score) + len(notes))


def melody(keys: Sequence[int], step_s: float = 0.4) -> list[ScoreNote]:
    return [(0.2 + n * step_s, 0.2 + (n + 0.9) * step_s, key, 100) for n, key in enumerate(keys)]


def kept_s(notes: Sequence[HeardNote]) -> float:
    return sum(note.end_s - note.start_s for note in notes)


@pytest.mark.parametrize("engine", Engine)
@pytest.mark.parametrize("recording", ["bell", "voice"])
def test_the_three_thresholds_on_a_real_recording(
    engine: Engine, recording: str, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(recording)
    heard = [transcribe(path, engine, Thresholds(confidence=threshold)) for threshold in (0.0, 0.5, 0.8)]
    everything, usual, sure = (kept_s(notes) for notes in heard)
    assert everything > usual > sure
    assert len(heard[0]) >= len(heard[1]) >= len(heard[2])
    for notes, threshold in zip(heard, (0.0, 0.5, 0.8), strict=True):
        assert all(note.confidence >= threshold for note in notes)


def test_at_0_unvoiced_frames_are_notes_too(voice: Path) -> None:
    everything = transcribe(voice, Engine.SWIFT_F0, Thresholds(confidence=0.0, min_note_s=0.0))
    assert kept_s(everything) == pytest.approx(1.408, abs=0.04)  # all of the recording
    usual = transcribe(voice, Engine.SWIFT_F0, Thresholds(min_note_s=0.0))
    assert kept_s(usual) < 0.8 * kept_s(everything)


@pytest.mark.parametrize("engine", Engine)
def test_a_real_bell_is_a_c(engine: Engine, bell: Path) -> None:
    longest = max(transcribe(bell, engine, Thresholds()), key=lambda note: note.end_s - note.start_s)
    assert longest.pitch == 48


@pytest.mark.parametrize(("engine", "least"), [(Engine.BASIC_PITCH, 0.93), (Engine.SWIFT_F0, 0.9)])
def test_a_known_melody_is_recovered(engine: Engine, least: float, played: Player) -> None:
    score = melody(MELODY)
    assert f_measure(transcribe(played(score), engine, Thresholds()), score) >= least


def test_known_chords_are_recovered(played: Player) -> None:
    score = [(0.2 + 0.8 * n, 0.9 + 0.8 * n, key, 90) for n, chord in enumerate(CHORDS) for key in chord]
    notes = transcribe(played(score), Engine.BASIC_PITCH, Thresholds())
    assert f_measure(notes, score) >= 0.8


def test_struck_harder_is_written_with_more_velocity(played: Player) -> None:
    struck = (30, 60, 90, 127, 90, 60, 30)
    score = [(0.2 + 0.6 * n, 0.7 + 0.6 * n, 60, velocity) for n, velocity in enumerate(struck)]
    notes = transcribe(played(score), Engine.BASIC_PITCH, Thresholds())
    assert [round(note.start_s / 0.6) for note in notes] == list(range(7))
    written = velocities(notes)
    assert written[0] < written[1] < written[2] < written[3] == 127
    assert written[3] > written[4] > written[5] > written[6]


def test_what_is_out_of_range_or_too_short_is_left_out(played: Player) -> None:
    wave = played(melody((48, 60, 72)))
    limits = Thresholds(lowest=50, highest=70)
    assert {note.pitch for note in transcribe(wave, Engine.BASIC_PITCH, limits)} == {60}
    assert not transcribe(wave, Engine.BASIC_PITCH, Thresholds(min_note_s=5.0))


def test_a_quiet_recording_has_the_same_notes(played: Player, tmp_path: Path) -> None:
    import soundfile  # noqa: PLC0415

    wave = played(melody((60, 64, 67)))
    sound, rate_hz = soundfile.read(wave)
    quiet = tmp_path / "quiet.flac"
    soundfile.write(quiet, sound * 0.01, rate_hz, subtype="PCM_24")
    loud_notes, quiet_notes = (
        [(note.pitch, round(note.start_s, 2)) for note in transcribe(path, Engine.BASIC_PITCH, Thresholds())]
        for path in (wave, quiet)
    )
    assert loud_notes == quiet_notes


@pytest.mark.parametrize("engine", Engine)
def test_silence_has_no_notes(engine: Engine, tmp_path: Path) -> None:
    import soundfile  # noqa: PLC0415

    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros((30_000, 2)), 44_100)
    assert transcribe(path, engine, Thresholds()) == []


def test_rows_do_not_depend_on_how_the_sound_is_cut_into_blocks() -> None:
    rng = np.random.default_rng(1)
    sound = (0.1 * rng.normal(size=100_000)).astype(np.float32)
    session = polyphonic.open_session()
    whole = list(polyphonic.hear([sound], 0.5, session))
    cut = list(polyphonic.hear(np.split(sound, [1, 300, 44_000, 44_001, 90_000]), 0.5, session))
    assert len(whole) == len(cut)
    for one, other in zip(whole, cut, strict=True):
        np.testing.assert_array_equal(one.note, other.note)
        np.testing.assert_array_equal(one.strength, other.strength)
    assert sum(len(rows.note) for rows in whole) == -(-sound.size // polyphonic.HOP_FRAMES)


def test_progress_ends_at_the_sounds_length(bell: Path) -> None:
    told: list[tuple[int, int]] = []
    transcribe(bell, Engine.SWIFT_F0, Thresholds(), lambda *at: told.append(at))
    assert told[-1] == (4, 4)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
