"""The harness against a synthesiser that is known to work: FluidSynth on JACK."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.system import fluidsynth
from tests.system.capture import read_recording, recording
from tests.system.conftest import require
from tests.system.jack_server import JackServer, jack_server
from tests.system.midi_player import start_player
from tests.system.probe import measure_latency, probe_score
from tests.system.score import PIECE, PIECE_PACKAGE, load_score, read_midi_file

pytestmark = pytest.mark.system


def test_a_server_leaves_nothing_behind(jack_tools: None, tmp_path: Path) -> None:
    with jack_server(tmp_path) as server:
        name = server.name
        assert server.port_names() == ["system:capture_1", "system:capture_2"]
    assert server.process.poll() is not None
    assert not list(Path("/dev/shm").glob(f"*{name}*"))


def test_the_piece_has_chords_within_the_range_of_the_instrument(tmp_path: Path) -> None:
    require(PIECE.exists(), f"the Debian package {PIECE_PACKAGE}")
    score = read_midi_file(PIECE)
    notes = score.notes
    assert score.seconds > 60
    assert len(notes) > 900
    assert all(24 <= note.key <= 84 for note in notes)
    starts = [round(note.start_s, 3) for note in notes]
    assert len(set(starts)) < 0.6 * len(starts)
    score.save(tmp_path / "score")
    assert load_score(tmp_path / "score") == score
    beginning = score.until(10.0)
    assert beginning.seconds <= 10.0
    assert all(note.end_s <= 10.0 for note in beginning.notes)


def test_notes_of_fluidsynth_are_heard_a_constant_time_after_they_were_placed(
    server: JackServer, tmp_path: Path
) -> None:
    require(fluidsynth.soundfont(), fluidsynth.PACKAGES)
    score, path = probe_score(12), tmp_path / "probe.npy"
    with fluidsynth.live_fluidsynth(server, tmp_path):
        midi_in = server.wait_for_port(fluidsynth.MIDI_IN, midi=True, inputs=True)
        with recording(server, fluidsynth.AUDIO_OUT, path):
            performance = start_player(server, score, midi_in, tmp_path / "player.json").wait(timeout_s=30)
            time.sleep(0.5)
    latency = measure_latency(read_recording(path), score, performance)
    assert latency.missed == 0
    assert -64 <= latency.percentile(50) <= 3 * server.block_frames
    assert latency.percentile(90) - latency.percentile(10) <= 2 * server.block_frames
