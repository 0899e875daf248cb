"""Rendering soundfonts into data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from synth_engine.datasets import rendering
from synth_engine.datasets.labels import FAMILIES
from synth_engine.datasets.programs import PROGRAMS, Program, default_programs, programs_named
from synth_engine.datasets.shards import read_dataset
from synth_engine.datasets.soundfont import RENDER_RATE_HZ, SoundfontError, SoundfontPlayer
from synth_engine.training.spectra import open_spectra

needs_soundfont = pytest.mark.skipif(
    not rendering.DEFAULT_SOUNDFONT.is_file(), reason=f"{rendering.DEFAULT_SOUNDFONT} is not installed"
)
TWO_PROGRAMS = (
    Program(40, "violin", "string", "acoustic", 60, 62),
    Program(12, "marimba", "mallet", "acoustic", 69, 69),
)


def test_the_table_names_every_program_once() -> None:
    assert len({program.name for program in PROGRAMS}) == len(PROGRAMS) == 104
    assert len({program.number for program in PROGRAMS}) == 104
    assert {program.family for program in PROGRAMS} == set(FAMILIES)
    assert all(24 <= p.lowest_pitch <= p.highest_pitch <= 84 for p in PROGRAMS)


def test_the_default_instruments_cover_every_family() -> None:
    assert {program.family for program in default_programs()} == set(FAMILIES)
    assert len(default_programs()) == 64


def test_an_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="kazoo"):
        programs_named(["kazoo"])


def test_a_silent_note_is_gated() -> None:
    assert rendering.finish_note(np.full(4 * RENDER_RATE_HZ, 1e-5, np.float32)) is None


def test_a_finished_note_has_the_house_peak_and_fades_to_nothing() -> None:
    rng = np.random.default_rng(0)
    note = rendering.finish_note(0.01 * rng.normal(size=4 * RENDER_RATE_HZ).astype(np.float32))
    assert note is not None
    assert note.shape == (64_000,)
    assert np.abs(note).max() == pytest.approx(0.95 * 32767, rel=0.01)
    assert note[-1] == 0


@needs_soundfont
def test_a_dataset_resumes_and_reads_back(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    font = rendering.DEFAULT_SOUNDFONT
    assert rendering.render_dataset(tmp_path, font, TWO_PROGRAMS[:1]) == 3
    before = (tmp_path / "notes_040.npy").stat().st_mtime_ns
    count = rendering.render_dataset(tmp_path, font, TWO_PROGRAMS, progress=lambda *c: calls.append(c))
    assert count == 4
    assert calls[-1] == (4, 4)
    assert (tmp_path / "notes_040.npy").stat().st_mtime_ns == before
    waves, labels = read_dataset(tmp_path)
    assert waves.shape == (4, 64_000)
    assert [(label.instrument, label.pitch) for label in labels] == [
        ("marimba", 69),
        ("violin", 60),
        ("violin", 61),
        ("violin", 62),
    ]
    peak_hz = np.argmax(np.abs(np.fft.rfft(waves[0].astype(float)))) * 16_000 / 64_000
    assert peak_hz == pytest.approx(440.0, abs=5.0)
    spectra, _ = open_spectra(tmp_path)
    assert spectra.shape == (4, 128, 1024, 2)
    assert np.abs(spectra).max() <= 1.0


@needs_soundfont
def test_a_note_does_not_depend_on_the_note_before() -> None:
    with SoundfontPlayer(rendering.DEFAULT_SOUNDFONT) as player:
        first = player.play(48, 60, 100, 0.3, 0.1)
        player.play(19, 36, 127, 0.3, 0.0)
        again = player.play(48, 60, 100, 0.3, 0.1)
    assert np.abs(first - again).max() < 0.02 * np.abs(first).max()


@needs_soundfont
def test_an_absent_program_is_a_soundfont_error() -> None:
    with (
        SoundfontPlayer(rendering.DEFAULT_SOUNDFONT) as player,
        pytest.raises(SoundfontError, match="program 200"),
    ):
        player.play(200, 60, 100, 0.1, 0.1)


def test_a_missing_soundfont_is_a_soundfont_error(tmp_path: Path) -> None:
    with pytest.raises(SoundfontError, match="no such soundfont"):
        rendering.render_dataset(tmp_path, tmp_path / "none.sf2", TWO_PROGRAMS)
