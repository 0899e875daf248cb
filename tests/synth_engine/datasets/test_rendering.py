"""Rendering soundfonts into data sets."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mappings.documents import DocumentError
from synth_engine.datasets import rendering
from synth_engine.datasets.finishing import finish_note
from synth_engine.datasets.font_file import read_font_file
from synth_engine.datasets.instruments import full_instruments
from synth_engine.datasets.labels import FAMILIES
from synth_engine.datasets.programs import PROGRAMS, Program, default_programs, programs_named
from synth_engine.datasets.rendering import Rendering, render_dataset, small_rendering
from synth_engine.datasets.shards import read_dataset
from synth_engine.datasets.soundfont import RENDER_RATE_HZ, SoundfontError, SoundfontPlayer, Variation
from synth_engine.training.spectra import open_spectra
from tests.synth_engine.datasets.toy_font import write_font

FONT = rendering.DEFAULT_SOUNDFONT
needs_soundfont = pytest.mark.skipif(not FONT.is_file(), reason=f"{FONT} is not installed")
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
    assert finish_note(np.full(4 * RENDER_RATE_HZ, 1e-5, np.float32), RENDER_RATE_HZ) is None


def test_a_finished_note_has_the_house_peak_and_fades_to_nothing() -> None:
    rng = np.random.default_rng(0)
    note = finish_note(0.01 * rng.normal(size=4 * RENDER_RATE_HZ).astype(np.float32), RENDER_RATE_HZ)
    assert note is not None
    assert note.shape == (64_000,)
    assert np.abs(note).max() == pytest.approx(0.95 * 32767, rel=0.01)
    assert note[-1] == 0


@needs_soundfont
def test_a_dataset_resumes_and_reads_back(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    first = render_dataset(tmp_path, small_rendering(FONT, TWO_PROGRAMS[:1]))
    assert first["notes"] == 3
    assert "Frank Wen" in first["fonts"][0]["copyright"]
    before = (tmp_path / "notes_040.npy").stat().st_mtime_ns
    whole = render_dataset(tmp_path, small_rendering(FONT, TWO_PROGRAMS), progress=lambda *c: calls.append(c))
    assert whole["notes"] == 4
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
    assert "fast_decay" in labels[0].qualities
    assert all(label.measured for label in labels)
    peak_hz = np.argmax(np.abs(np.fft.rfft(waves[0].astype(float)))) * 16_000 / 64_000
    assert peak_hz == pytest.approx(440.0, abs=5.0)
    spectra, _ = open_spectra(tmp_path)
    assert spectra.shape == (4, 128, 1024, 2)
    assert np.abs(spectra).max() <= 1.0


@needs_soundfont
def test_notes_of_another_velocity_do_not_get_into_a_data_set(tmp_path: Path) -> None:
    render_dataset(tmp_path, small_rendering(FONT, TWO_PROGRAMS[1:]))
    with pytest.raises(DocumentError, match="velocity 100, not 30"):
        render_dataset(tmp_path, small_rendering(FONT, TWO_PROGRAMS[1:], velocity=30))


@needs_soundfont
def test_a_note_does_not_depend_on_the_note_before() -> None:
    with SoundfontPlayer(FONT) as player:
        player.select(0, 48)
        first = player.play(60, 100, 0.3, 0.1)
        player.select(0, 19)
        player.play(36, 127, 0.3, 0.0)
        player.select(0, 48)
        again = player.play(60, 100, 0.3, 0.1)
    assert np.abs(first - again).max() < 0.02 * np.abs(first).max()


@needs_soundfont
def test_threads_and_a_kill_in_the_middle_change_nothing(tmp_path: Path) -> None:
    font = read_font_file(FONT)
    wanted = {"violin", "violin_v1", "violin_v2", "violin_v3"}
    instruments = [i for i in full_instruments([font], seed=3)[0] if i.name in wanted]
    short = [replace(i, program=replace(i.program, lowest_pitch=60, highest_pitch=62)) for i in instruments]
    plan = Rendering("full", [font], short, threads=1)
    render_dataset(tmp_path / "whole", plan)

    class Killed(Exception):
        pass

    def kill(done: int, total: int) -> None:
        if done >= 6:
            raise Killed

    with pytest.raises(Killed):
        render_dataset(tmp_path / "killed", replace(plan, threads=2), kill)
    assert json.loads((tmp_path / "killed" / "dataset.json").read_text())["complete"] is False
    render_dataset(tmp_path / "killed", replace(plan, threads=2))
    assert threading.active_count() < 10
    files = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "killed").iterdir())
    for name in files:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes()
    waves, _ = read_dataset(tmp_path / "whole")
    plain, *others = [waves[3 * i].astype(float) for i in range(4)]
    for other in others:  # each variation is an instrument of its own
        assert np.corrcoef(plain, other)[0, 1] < 0.98


@needs_soundfont
def test_a_shifted_sample_keeps_its_pitch() -> None:
    with SoundfontPlayer(FONT) as player:
        for shift in (-5, 0, 4):
            player.select(0, 73, Variation(shift_semitones=shift))
            spectrum = np.abs(np.fft.rfft(player.play(69, 100, 1.0, 0.0)))
            assert np.argmax(spectrum[:1000]) == pytest.approx(440.0, abs=8.0)


@needs_soundfont
def test_an_absent_program_is_a_soundfont_error() -> None:
    with SoundfontPlayer(FONT) as player, pytest.raises(SoundfontError, match="program 126 in bank 77"):
        player.select(77, 126)


def test_a_missing_soundfont_is_a_soundfont_error(tmp_path: Path) -> None:
    with pytest.raises(SoundfontError, match="no such soundfont"):
        small_rendering(tmp_path / "none.sf2", TWO_PROGRAMS)


@pytest.mark.parametrize("pad", [b"\0", b""])  # some fonts leave out the byte after an odd chunk
def test_a_font_tells_its_terms_and_presets(tmp_path: Path, pad: bytes) -> None:
    path = write_font(tmp_path / "toy.sf2", {(0, 40): "Violin", (8, 40): "Slow Violin"}, pad)
    font = read_font_file(path)
    assert font.texts == {"name": "Toy font", "copyright": "Nobody 2020"}
    assert font.presets == {(0, 40): "Violin", (8, 40): "Slow Violin"}


@pytest.mark.parametrize("size", [0, 4, 12, 30, 80])
def test_a_font_cut_short_is_a_soundfont_error(tmp_path: Path, size: int) -> None:
    path = write_font(tmp_path / "toy.sf2", {(0, 40): "Violin"})
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(SoundfontError, match=r"not a soundfont|without presets"):
        read_font_file(path)


def test_presets_a_compact_font_lacks_are_told(tmp_path: Path) -> None:
    first = read_font_file(write_font(tmp_path / "a.sf2", {(0, 40): "Violin", (8, 40): "Slow Violin"}))
    second = read_font_file(write_font(tmp_path / "b.sf2", {(0, 0): "Piano", (40, 48): "Celli"}))
    instruments, missing = full_instruments([first, second], seed=0)
    plain = [i.name for i in instruments if not i.name.rpartition("_v")[2].isdigit()]
    assert plain == ["violin", "slow_violin", "musescore_grand_piano", "musescore_celli_fast"]
    assert len(instruments) == 4 * len(plain)
    assert "marimba" in missing
    assert full_instruments([first, second], seed=0) == (instruments, missing)
    assert full_instruments([first, second], seed=1)[0] != instruments


def test_the_full_recipe_holds_out_whole_instruments(tmp_path: Path) -> None:
    every = {(bank, number): "x" for bank in (0, 8, 16, 20, 25, 30, 40, 50) for number in range(128)}
    first, second = (read_font_file(write_font(tmp_path / f"{name}.sf2", every)) for name in "ab")
    instruments, missing = full_instruments([first, second], seed=0)
    assert missing == []
    assert len({i.name for i in instruments}) == len(instruments)
    by_program: dict[int, set[str]] = {}
    for i in instruments:
        if i.bank < 20 and not i.name.startswith("funk_guitar"):  # which plays another program's samples
            by_program.setdefault(i.program.number, set()).add(i.split)
    assert all(len(splits) == 1 for splits in by_program.values())
    assert {i.split for i in instruments if i.bank >= 20} == {"train"}
    for split in ("train", "test"):
        assert {i.program.family for i in instruments if i.split == split} == set(FAMILIES)
    notes = sum(len(i.program.pitches) for i in instruments)
    assert 20_000 < notes < 33_000
