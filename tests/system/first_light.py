"""The evening at which everything plays together: played, recorded and asked once for all its tests."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.system.analysis.onsets import ExpectedNote
from tests.system.analysis.sweep import Take
from tests.system.capture import Recording, read_recording, recording
from tests.system.daemon_process import AUDIO_OUT, MIDI_IN, Daemon, new_home, started_daemon
from tests.system.jack_server import JackServer, jack_server
from tests.system.midi_player import Performance, start_player
from tests.system.osc_client import Argument, Sweep
from tests.system.probe import Latency, measure_latency, probe_score
from tests.system.score import PIECE, Score, read_midi_file
from tests.system.witness import Witness, witnessed

CONTROL_S = 36.0  # of the piece; the swept run plays all of it
SWEEP_REACH_SIGMA = 3.0
SWEEP_PERIOD_S = 12.0
ANCHOR = "grand_piano"  # a struck sound, as the piece repeats notes eight times a second
PATCH = (("/attack", 0.003), ("/release", 0.12), ("/crossfade", 0.03), ("/velocity/curve", 1.0))
TAIL_S = 3.0  # recorded after the last note's end
PROBE_NOTES = 24
AMID_SOUND = 0.001


@dataclass(frozen=True)
class Run:
    """One performance of a score, as recorded."""

    score: Score
    recording: Recording
    performance: Performance
    block_frames: int = 128

    @property
    def start(self) -> int:
        """Where the score starts in the recording."""
        return self.recording.place(self.performance.start_frame)

    @property
    def take(self) -> Take:
        """The recording from the score's start on."""
        return Take(self.recording.mono[self.start :], self.recording.rate_hz)

    def expected(self, delay_frames: float = 0) -> list[ExpectedNote]:
        """Where the notes should be in the recording, each ``delay_frames`` after it was placed."""
        rate_hz = self.recording.rate_hz
        return [
            ExpectedNote(
                round(self.recording.place(self.performance.frames[note.index]) + delay_frames),
                round(self.start + note.end_s * rate_hz + delay_frames),
                note.key,
            )
            for note in self.score.notes
        ]

    def disturbed_frames(self) -> list[int]:
        """Edges of what the recorder missed: the recording jumps there, the sound did not."""
        return [
            self.recording.place(hole + edge) for hole, size in self.recording.holes for edge in (0, size)
        ]

    def silenced_blocks(self) -> list[int]:
        """Edges of blocks that are all zero amid sound: JACK plays them when a client was held up."""
        block = self.block_frames
        sound = self.recording.frames[:, : self.recording.frames.shape[1] // block * block]
        peaks = np.abs(sound).reshape(sound.shape[0], -1, block).max(axis=(0, 2))
        loud = peaks > AMID_SOUND
        runs = [
            index for index in np.flatnonzero(peaks == 0) if loud[max(index - 8, 0) : index + 9].sum() > 8
        ]
        return [int(index + edge) * block for index in runs for edge in (0, 1)]


@dataclass(frozen=True)
class Evening:
    """Everything the tests judge. ``moves`` are (seconds from the swept run's start, value)."""

    probe: Latency
    control: Run
    swept: Run
    moves: Sequence[tuple[float, float]]
    before: dict[str, Argument]
    after: dict[str, Argument]
    witness: Witness

    def grown(self, name: str) -> int:
        """How much a counter of ``/status`` grew from before the first note to after the last."""
        return int(self.after[name]) - int(self.before[name])

    @property
    def sound(self) -> NDArray[np.float32]:
        """Both channels of the swept run."""
        return self.swept.recording.frames


@dataclass(frozen=True)
class _Stage:
    server: JackServer
    daemon: Daemon
    midi_in: str
    folder: Path

    def play(self, name: str, score: Score, tail_s: float = TAIL_S) -> Run:
        path = self.folder / f"{name}.npy"
        with recording(self.server, AUDIO_OUT, path, limit_s=score.seconds + tail_s + 15):
            player = start_player(self.server, score, self.midi_in, self.folder / f"{name}_player.json")
            try:
                performance = player.wait(timeout_s=score.seconds + 30)
            finally:
                player.stop()
            time.sleep(tail_s)
        return Run(score, read_recording(path), performance)


def spend_evening(folder: Path) -> Evening:
    """Start a server and a daemon, play the probe, the control run and the swept run."""
    score = read_midi_file(PIECE)
    home = new_home(folder / "home")
    with jack_server(folder) as server, started_daemon(home, environment=server.environment) as daemon:
        daemon.wait_ready()
        server.wait_for_port(AUDIO_OUT[0])
        midi_in = server.wait_for_port(MIDI_IN, midi=True, inputs=True)
        daemon.osc.ask("/latent/anchor", ANCHOR)
        for path, value in PATCH:
            daemon.osc.send(path, value)
        daemon.wait_bank()
        stage = _Stage(server, daemon, midi_in, folder)
        probe_notes = probe_score(PROBE_NOTES)
        rehearsal = stage.play("probe", probe_notes, tail_s=0.5)
        before = daemon.status()
        with witnessed(folder, stall_ms=500 * server.block_frames / server.rate_hz) as witness:
            control = stage.play("control", score.until(CONTROL_S), tail_s=0.5)
            sweep = Sweep(daemon.osc.port, "/pca/1", SWEEP_REACH_SIGMA, SWEEP_PERIOD_S)
            sweep.start()
            try:
                swept = stage.play("swept", score)
            finally:
                sweep.stop()
        after = daemon.status()
    start_s = swept.start / server.rate_hz
    moves = [(swept.recording.place_of_ns(at) / server.rate_hz - start_s, value) for at, value in sweep.moves]
    latency = measure_latency(rehearsal.recording, probe_notes, rehearsal.performance)
    return Evening(latency, control, swept, moves, before, after, witness)
