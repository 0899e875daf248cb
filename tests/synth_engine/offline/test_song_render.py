"""Songs to sound: bends, volumes, places, loudness, whole files."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from synth_engine.offline.arrangement import arrange
from synth_engine.offline.casting import CastPlan, cast
from synth_engine.offline.levelled_file import Written
from synth_engine.offline.midi_song import read_song
from synth_engine.offline.note_source import NoteSource
from synth_engine.offline.song import Song, SongNote
from synth_engine.offline.song_render import SongFormat, render_song, shaped
from tests.synth_engine.offline.conftest import MidiWriter

RATE_HZ = 48_000
TONE_HZ = 1000.0
TONE = np.sin(2 * np.pi * TONE_HZ * np.arange(64_000) / 16_000).astype(np.float32)


def note(start_s: float = 0.0, end_s: float = 2.0, velocity: int = 127) -> SongNote:
    return SongNote(start_s, end_s, 60, velocity, 0, 0)


def frequency_hz(sound: np.ndarray, at_s: float) -> float:
    piece = sound[int(at_s * RATE_HZ) :][:8192] * np.hanning(8192)
    spectrum = np.abs(np.fft.rfft(piece, 1 << 19))
    return float(np.argmax(spectrum)) * RATE_HZ / (1 << 19)


def test_an_unbent_note_keeps_its_pitch_and_level() -> None:
    placed = shaped(note(), Song.idle_channels()[0], TONE, 16_000, RATE_HZ)
    assert frequency_hz(placed.wave, 1.0) == pytest.approx(TONE_HZ, rel=1e-4)
    assert np.abs(placed.wave * placed.gain).max() == pytest.approx(1.0, abs=1e-3)


def test_a_bend_moves_the_pitch_within_the_note() -> None:
    channel = Song.idle_channels()[0]
    channel.bend.set(0.5, 2.0)
    channel.bend.set(1.2, -12.0)
    placed = shaped(note(), channel, TONE, 16_000, RATE_HZ)
    sound = placed.wave * placed.gain
    assert frequency_hz(sound, 0.1) == pytest.approx(TONE_HZ, rel=1e-4)
    assert frequency_hz(sound, 0.7) == pytest.approx(TONE_HZ * 2 ** (2 / 12), rel=1e-4)
    assert frequency_hz(sound, 1.5) == pytest.approx(TONE_HZ / 2, rel=1e-4)
    # the phase runs through: no step is larger than the tone's own
    assert np.abs(np.diff(sound)).max() < 1.02 * 2 * np.pi * TONE_HZ * 2 ** (2 / 12) / RATE_HZ


def test_volumes_are_squared_and_smoothed() -> None:
    channel = Song.idle_channels()[0]
    channel.volume.set(0.0, 0.5)
    channel.expression.set(1.0, 0.5)
    placed = shaped(note(), channel, TONE, 16_000, RATE_HZ)
    gain = np.broadcast_to(placed.gain, placed.wave.shape)
    assert gain[RATE_HZ // 2] == pytest.approx(0.25, rel=1e-3)
    assert gain[int(1.5 * RATE_HZ)] == pytest.approx(0.0625, rel=1e-3)
    assert np.abs(np.diff(gain[RATE_HZ // 2 : 2 * RATE_HZ])).max() < 1e-3


def test_velocity_is_the_instruments_own_curve() -> None:
    gains = [
        shaped(note(velocity=v), Song.idle_channels()[0], TONE, 16_000, RATE_HZ).gain[RATE_HZ]
        for v in (127, 64)
    ]
    assert gains[1] / gains[0] == pytest.approx(64 / 127)


def test_a_cut_note_ends_without_a_step() -> None:
    placed = shaped(note(end_s=0.3), Song.idle_channels()[0], TONE, 16_000, RATE_HZ)
    sound = placed.wave * placed.gain
    assert len(sound) == pytest.approx((0.3 + 0.377) * RATE_HZ, abs=100)
    assert np.abs(sound[-10:]).max() < 1e-4


STEREO = SongFormat()


def play(source: NoteSource, path: Path, out: Path, how: SongFormat = STEREO) -> Written:
    arrangement = arrange(read_song(path), source.model.pitches)
    return render_song(source, arrangement, cast(source.model, CastPlan(), arrangement.notes), out, how)


def test_a_song_is_written_whole_at_minus_one_decibel(
    source: NoteSource, write_midi: MidiWriter, tmp_path: Path
) -> None:
    on, off = (
        mido.Message(kind, note=60, velocity=90, channel=1, time=time)
        for kind, time in (("note_on", 480), ("note_off", 240))
    )
    pan = mido.Message("control_change", control=10, value=0, channel=1)
    rendered = play(source, write_midi([pan, on, off]), tmp_path / "out.flac")
    sound, rate_hz = soundfile.read(tmp_path / "out.flac")
    assert rate_hz == RATE_HZ
    assert sound.shape[1] == 2
    assert len(sound) / rate_hz == pytest.approx(rendered.frames / RATE_HZ)
    assert 20 * np.log10(np.abs(sound).max()) == pytest.approx(-1.0, abs=0.01)
    assert not sound[: RATE_HZ // 2].any()
    assert np.abs(sound[RATE_HZ // 2 : RATE_HZ // 2 + 200, 0]).max() > 0
    assert np.abs(sound[:, 1]).max() < 1e-3  # all the way to the left
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.flac", "song.mid"]


def test_pieces_and_wholes_are_the_same_song(
    source: NoteSource, write_midi: MidiWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = []
    for key in (60, 64, 67, 72, 60, 64):
        track += [mido.Message("note_on", note=key, time=0), mido.Message("note_off", note=key, time=960)]
    path = write_midi(track)
    sounds = []
    for open_s in (0.1, 1000.0):
        monkeypatch.setattr("synth_engine.offline.song_render._OPEN_S", open_s)
        play(source, path, tmp_path / "out.wav", SongFormat(16_000, 1))
        sounds.append(soundfile.read(tmp_path / "out.wav")[0])
    np.testing.assert_allclose(*sounds, atol=1e-6)


def test_what_is_interrupted_leaves_nothing(
    source: NoteSource, write_midi: MidiWriter, tmp_path: Path
) -> None:
    path = write_midi([mido.Message("note_on", note=60), mido.Message("note_off", note=60, time=480)])
    arrangement = arrange(read_song(path), source.model.pitches)
    timbres = cast(source.model, CastPlan(), arrangement.notes)

    def interrupted(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_song(source, arrangement, timbres, tmp_path / "out.wav", SongFormat(), interrupted)
    assert [path.name for path in tmp_path.iterdir()] == ["song.mid"]


def test_a_note_bent_upwards_is_rendered_longer(
    source: NoteSource, write_midi: MidiWriter, tmp_path: Path
) -> None:
    """It is used up faster, and must not die before its key is let go."""
    track = [
        mido.Message("pitchwheel", pitch=8191), mido.Message("note_on", note=60),
        mido.Message("note_off", note=60, time=int(960 * 2.9)),
    ]  # fmt: skip
    play(source, write_midi(track), tmp_path / "out.wav", SongFormat(16_000, 1))
    sound, rate_hz = soundfile.read(tmp_path / "out.wav")
    late = sound[int(2.7 * rate_hz) : int(2.88 * rate_hz)]
    assert np.sqrt(np.mean(late**2)) > 0.3 * np.sqrt(np.mean(sound[rate_hz : 2 * rate_hz] ** 2))
