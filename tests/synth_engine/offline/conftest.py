"""What the tests of offline sound share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mido
import pytest

from synth_engine.generator.random_model import make_random_model
from synth_engine.offline.note_source import NoteSource

MidiWriter = Callable[..., Path]


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> NoteSource:
    """A small model with harmonic maps: it sounds at its pitch."""
    folder = tmp_path_factory.mktemp("model")
    make_random_model(folder)
    return NoteSource(folder, threads=1)


@pytest.fixture
def write_midi(tmp_path: Path) -> MidiWriter:
    """Write tracks of messages (time in ticks, 480 a beat) as a MIDI file."""

    def write(*tracks: list[mido.Message | mido.MetaMessage], kind: int = 1, division: int = 480) -> Path:
        file = mido.MidiFile(type=kind, ticks_per_beat=division)
        file.tracks = [mido.MidiTrack(track) for track in tracks]
        path = tmp_path / "song.mid"
        file.save(path)
        return path

    return write
