"""Against the original's own song renderer: the same where it was right, and not where it was wrong.

What the original does wrong is built here, in the test, and nowhere else.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from synth_engine.offline.arrangement import arrange
from synth_engine.offline.casting import CastPlan, cast
from synth_engine.offline.levelled_file import write_levelled
from synth_engine.offline.midi_song import read_song
from synth_engine.offline.mixdown import Placed, mix, trapezoid
from synth_engine.offline.note_source import NoteSource
from synth_engine.offline.song import Song, SongNote
from synth_engine.offline.song_render import SongFormat, mixed, shaped

GOLDEN = Path(__file__).parents[4] / "shared" / "golden" / "gansynth" / "generate_util.npz"
needs_golden = pytest.mark.skipif(
    not GOLDEN.is_file(), reason=f"golden data of the original is not at {GOLDEN}"
)
RATE_HZ = 16_000


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as file:
        return dict(file)


@pytest.fixture
def song(golden: dict[str, np.ndarray], tmp_path: Path) -> Song:
    path = tmp_path / "golden.mid"
    path.write_bytes(golden["midi_bytes"].tobytes())
    return read_song(path)


def kept_by_the_original(song: Song) -> list[SongNote]:
    """The original drops what lies outside 36..84, and keeps the file's order."""
    return [note for note in song.notes if 36 <= note.pitch <= 84]


def envelope_of_the_original(held_s: float) -> np.ndarray:
    """Ten milliseconds up, three seconds at most, 0.3 s down."""
    held_s = min(held_s, 3.0)
    return trapezoid(0.01, int(RATE_HZ * held_s) / RATE_HZ - 0.01, 0.3, RATE_HZ)


def waves_of_the_recipe(notes: list[SongNote]) -> list[np.ndarray]:
    time_s = np.arange(64_000) / RATE_HZ
    pitches_hz = [440.0 * 2 ** ((note.pitch - 69) / 12) for note in notes]
    return [
        np.float32((1 + i) * np.sin(2 * np.pi * hz * time_s) * np.exp(-0.7 * time_s))
        for i, hz in enumerate(pitches_hz)
    ]


@needs_golden
def test_notes_are_read_as_the_original_reads_them(golden: dict[str, np.ndarray], song: Song) -> None:
    notes = kept_by_the_original(song)
    assert [note.pitch for note in notes] == golden["midi:pitches"].tolist()
    assert [note.velocity for note in notes] == golden["midi:velocities"].tolist()
    np.testing.assert_allclose([note.start_s for note in notes], golden["midi:start_times"], atol=1e-9)
    np.testing.assert_allclose([note.end_s for note in notes], golden["midi:end_times"], atol=1e-9)


@needs_golden
@pytest.mark.parametrize("held_s", [0.02, 0.5, 3.0, 5.0])
def test_a_trapezoid_is_the_originals_envelope(golden: dict[str, np.ndarray], held_s: float) -> None:
    name = f"envelope_{held_s:g}"
    ours = envelope_of_the_original(held_s)
    assert len(ours) == golden[f"{name}_len"]
    np.testing.assert_allclose(ours[::10], golden[name], atol=1e-6)


@needs_golden
def test_places_and_sums_are_the_originals(golden: dict[str, np.ndarray], song: Song) -> None:
    notes = kept_by_the_original(song)
    placed = []
    for note, wave in zip(notes, waves_of_the_recipe(notes), strict=True):
        envelope = envelope_of_the_original(note.end_s - note.start_s)
        sound = wave[: len(envelope)] * envelope
        placed.append(Placed(note.start_s, sound / sound.max(), note.velocity / 127))  # its signed peak
    whole = mix(placed, RATE_HZ, 1)[:, 0]
    theirs_length = int(golden["combined_len"])
    combined = np.zeros(theirs_length)
    combined[: len(whole)] = whole[:theirs_length]
    combined /= 2 * combined.max()
    np.testing.assert_allclose(combined[: 5 * RATE_HZ : 4], golden["combined_first_5s"], atol=2e-6)
    figures = [combined.sum(), np.abs(combined).sum(), combined.max(), combined.min()]
    np.testing.assert_allclose(figures, golden["combined_sha_info"], rtol=1e-4, atol=2e-3)


@needs_golden
def test_low_notes_are_played_and_high_ones_folded(song: Song) -> None:
    assert sorted(set(song.notes) - set(kept_by_the_original(song)), key=lambda n: n.pitch)[0].pitch == 35
    arrangement = arrange(song, range(24, 85))
    assert len(arrangement.notes) == 10
    assert {note.pitch for note in arrangement.notes} >= {35, 73}
    assert any("85" in remark and "octaves" in remark for remark in arrangement.remarks)


@pytest.mark.parametrize("length_s", [0.05, 1.0, 5.9, 11.9])
@pytest.mark.parametrize("specs", [("random",), ("violin,marimba",), ()])
def test_short_songs_have_timbres(source: NoteSource, length_s: float, specs: tuple[str, ...]) -> None:
    """The original wants two timbres of six seconds, and divides by nothing where there are fewer."""
    note = SongNote(0.0, length_s, 60, 100, 0, 0)
    latent = cast(source.model, CastPlan(specs=specs), [note]).latent_of(note)
    assert latent.shape == (source.model.latent_size,)
    assert np.isfinite(latent).all()


def test_random_timbres_come_every_so_many_seconds(source: NoteSource) -> None:
    """The original spreads as many as fit evenly, so that each lasts longer than asked for."""
    notes = [SongNote(time_s, time_s + 1.0, 60, 100, 0, 0) for time_s in (0.0, 3.0, 6.0, 12.0, 20.0)]
    plan = CastPlan(by="song", specs=("random",), seconds_per_timbre=6.0, seed=5)
    timbres = cast(source.model, plan, notes)
    points = np.random.default_rng([5, 0]).standard_normal((5, source.model.latent_size), dtype=np.float32)
    for note, number in ((notes[0], 0), (notes[2], 1), (notes[3], 2)):
        np.testing.assert_allclose(timbres.latent_of(note), points[number], atol=1e-6)


def test_loudness_is_the_larger_of_both_signs(tmp_path: Path) -> None:
    """The original divides by the signed maximum: what swings below it clips."""
    swinging = np.array([[0.1], [-1.0]], np.float32)
    assert np.abs(swinging / swinging.max() / 2).max() > 1.0
    written = write_levelled(tmp_path / "song.wav", [swinging], 48_000, 1)
    assert written.gain_db == pytest.approx(-1.0)
    heard, _ = soundfile.read(tmp_path / "song.wav")
    assert np.abs(heard).max() == pytest.approx(10 ** (-1 / 20), abs=1e-4)


def test_the_mix_scales_no_note() -> None:
    """The original divides every cut note by its signed peak, so that its phase at the cut sets its level."""
    song = Song((), Song.idle_channels(), 0.0, 0)
    note = SongNote(0.0, 0.5, 60, 127, 0, 0)
    wave = np.sin(np.arange(16_000) * 0.3).astype(np.float32)
    loud, faint = (shaped(note, song.channels[0], wave * level, RATE_HZ, RATE_HZ) for level in (1.0, 0.1))
    np.testing.assert_allclose(faint.wave, 0.1 * loud.wave, atol=1e-6)


def test_silence_stays_silent_and_finite(tmp_path: Path) -> None:
    """The original divides by a silent note's peak."""
    note = SongNote(0.0, 0.5, 60, 127, 0, 0)
    channel = Song.idle_channels()[0]
    placed = shaped(note, channel, np.zeros(64_000, np.float32), RATE_HZ, 48_000)
    written = write_levelled(tmp_path / "song.wav", [mix([placed], 48_000)], 48_000, 2)
    assert written.silent
    assert written.gain_db == 0.0
    heard, _ = soundfile.read(tmp_path / "song.wav")
    assert not heard.any()


def test_the_last_note_is_heard_to_its_end(source: NoteSource) -> None:
    """The original cuts the end to whole seconds and every note at 3.3 s."""
    note = SongNote(0.25, 5.6, 60, 100, 0, 0)
    song = Song((note,), Song.idle_channels(), 5.6, 0)
    arrangement = arrange(song, source.model.pitches)
    blocks = list(
        mixed(source, arrangement, cast(source.model, CastPlan(), arrangement.notes), SongFormat(16_000, 1))
    )
    sound = np.concatenate(blocks)[:, 0]
    assert len(sound) == pytest.approx((5.6 + 0.375) * RATE_HZ, abs=600)
    level = np.abs(sound)
    assert level[int(5.4 * RATE_HZ) : int(5.55 * RATE_HZ)].max() > 0.05 * level.max()
    assert level[-20:].max() < 1e-3 * level.max()
