"""Parts that die and peers that rave while the instrument plays, heard from outside through JACK."""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.system.analysis.faults import count_bad_values, count_clipped
from tests.system.capture import Recording, read_recording, recording
from tests.system.daemon_process import (
    AUDIO_MODULE,
    AUDIO_OUT,
    MIDI_IN,
    RENDER_MODULE,
    Daemon,
    Home,
    started_daemon,
)
from tests.system.jack_server import JackServer
from tests.system.midi_player import start_player
from tests.system.score import Score, note_score

pytestmark = pytest.mark.system

QUIET_DB = -60.0
CHORD = (48, 55, 60, 64)


@dataclass
class Stage:
    """A ready daemon on JACK, and what was recorded of it when :meth:`listening` is over."""

    server: JackServer
    daemon: Daemon
    midi_in: str
    folder: Path
    heard: Recording | None = None

    @contextmanager
    def listening(self, score: Score, limit_s: float = 60) -> Iterator[None]:
        """Record and play the score; the block runs from the score's start, the player ends it."""
        path = self.folder / "heard.npy"
        with recording(self.server, AUDIO_OUT, path, limit_s=limit_s):
            player = start_player(self.server, score, self.midi_in, self.folder / "player.json")
            try:
                yield
                player.wait(timeout_s=score.seconds + 30)
            finally:
                player.stop()
            time.sleep(0.3)
        self.heard = read_recording(path)

    def holes_s(self) -> list[float]:
        """Lengths of quiet stretches between the first and the last sound, longest first."""
        assert self.heard is not None
        return quiet_stretches_s(self.heard.mono, self.heard.rate_hz)


def quiet_stretches_s(mono: NDArray[np.float32], rate_hz: int, piece_s: float = 0.01) -> list[float]:
    """Stretches under :data:`QUIET_DB` between the first and the last sound, longest first."""
    size = round(piece_s * rate_hz)
    peaks = np.abs(mono[: mono.size // size * size]).reshape(-1, size).max(axis=1)
    loud = np.flatnonzero(peaks > 10 ** (QUIET_DB / 20))
    assert loud.size, "nothing was heard at all"
    return sorted(((np.diff(loud) - 1) * piece_s).tolist(), reverse=True)


@pytest.fixture
def stage(server: JackServer, home: Home, tmp_path: Path) -> Iterator[Stage]:
    with started_daemon(home, environment=server.environment) as daemon:
        daemon.wait_ready()
        daemon.wait_bank()
        server.wait_for_port(AUDIO_OUT[0])
        yield Stage(server, daemon, server.wait_for_port(MIDI_IN, midi=True, inputs=True), tmp_path)


def repeated_chord(seconds: float) -> Score:
    """A chord struck twice a second and held until it is struck again: there is always sound."""
    return note_score(
        [(at, at + 0.49, key, 90) for at in np.arange(0.0, seconds, 0.5).tolist() for key in CHORD]
    )


def test_the_sound_goes_on_when_the_worker_is_killed_and_the_worker_returns(stage: Stage) -> None:
    with stage.listening(repeated_chord(6.0)):
        time.sleep(2)
        former = stage.daemon.kill_child(RENDER_MODULE)
    assert stage.holes_s()[0] < 0.05
    status = stage.daemon.wait_ready()
    assert int(status["worker_restarts"]) == 1
    assert stage.daemon.child(RENDER_MODULE) not in (None, former)
    stage.daemon.osc.send("/pca/1", 1.0)  # only a worker can answer this
    stage.daemon.wait_bank()


def test_sound_returns_within_three_seconds_when_the_audio_process_is_killed(stage: Stage) -> None:
    stage.daemon.osc.send("/attack", 0.02)
    with stage.listening(repeated_chord(8.0)):
        time.sleep(2)
        former = stage.daemon.kill_child(AUDIO_MODULE)
    hole_s = stage.holes_s()[0]
    print(f"silent for {hole_s:.2f} s")
    assert hole_s < 3.0
    assert stage.daemon.child(AUDIO_MODULE) not in (None, former)
    assert stage.daemon.osc.value("/attack") == pytest.approx(0.02)


def test_state_and_sound_return_after_kill_9(server: JackServer, home: Home, tmp_path: Path) -> None:
    with started_daemon(home, environment=server.environment) as daemon:
        daemon.wait_ready()
        daemon.osc.ask("/latent/random", 4711)
        daemon.osc.send("/pca/1", 1.5)
        daemon.osc.send("/attack", 0.2)
        daemon.osc.send("/note", 60, 0.8)
        time.sleep(2.5)  # the state is saved within a second of every change
        point = daemon.osc.ask("/latent")
        assert point
        daemon.kill()
    with started_daemon(home, environment=server.environment) as daemon:
        started_s = time.monotonic()
        daemon.wait_ready()
        print(f"back after {time.monotonic() - started_s:.1f} s")
        assert daemon.osc.value("/pca/1") == pytest.approx(1.5)
        assert daemon.osc.value("/attack") == pytest.approx(0.2)
        assert daemon.osc.ask("/latent") == point
        assert len(server.port_names(AUDIO_OUT[0])) == 1, "the former audio process still plays"
        midi_in = server.wait_for_port(MIDI_IN, midi=True, inputs=True)
        again = Stage(server, daemon, midi_in, tmp_path)
        with again.listening(repeated_chord(2.0)):
            pass
        assert again.holes_s()[0] < 0.3


def hostile_datagrams(count: int, seed: int) -> Iterator[bytes]:
    """Noise, cut messages, lying sizes, deep and recursive bundles, absurd numbers."""
    generator = random.Random(seed)
    good = b"/pca/1\0\0,f\0\0" + struct.pack(">f", 0.5)
    deep = good
    for _ in range(40):
        deep = b"#bundle\0" + bytes(8) + struct.pack(">i", len(deep)) + deep
    fixed = [
        deep,
        b"#bundle\0" + bytes(8) + struct.pack(">i", 2**31 - 1) + good,
        b"#bundle\0" + bytes(8) + struct.pack(">i", -4) + good,
        b"#bundle\0" + bytes(8) + struct.pack(">i", 0) * 300,
        b"#bundle\0" + b"\xff" * 8 + struct.pack(">i", len(good)) + good,
        b"/pca/1\0\0,f\0\0" + struct.pack(">f", float("nan")),
        b"/attack\0,f\0\0" + struct.pack(">f", float("inf")),
        b"/note\0\0\0,if\0" + struct.pack(">if", 2**31 - 1, -1.0),
        b"/" + b"a" * 1400,
        b"/{a,b" * 200,
        b"/pca/*\0\0," + b"f" * 1000 + b"\0" * 3,
        b"/*\0\0,s\0\0" + b"x" * 500,
        b"",
    ]
    for index in range(count):
        kind = generator.randrange(4)
        if kind == 0:
            yield generator.randbytes(generator.randrange(1, 600))
        elif kind == 1:
            yield good[: generator.randrange(len(good))]
        elif kind == 2:
            yield fixed[index % len(fixed)]
        else:
            spoilt = bytearray(good)
            spoilt[generator.randrange(len(spoilt))] = generator.randrange(256)
            yield bytes(spoilt)


def test_hostile_osc_is_neither_heard_nor_fatal(stage: Stage) -> None:
    with stage.listening(repeated_chord(6.0)):
        for index, datagram in enumerate(hostile_datagrams(6000, seed=1)):
            stage.daemon.osc.send_bytes(datagram)
            if index % 100 == 99:
                time.sleep(0.05)
    assert stage.holes_s()[0] < 0.05
    assert ("/pong", [7]) in stage.daemon.osc.ask("/ping", 7)
    assert_sound(stage)


def midi_garbage(seconds: float, seed: int) -> list[tuple[float, bytes]]:
    """Random bytes of random lengths: broken SysEx, running status, data without a status."""
    generator = random.Random(seed)
    count = round(seconds * 200)
    return [(index / 200, generator.randbytes(generator.randrange(1, 24))) for index in range(count)]


def set_right(daemon: Daemon) -> None:
    """What garbage may rightly have moved, as volume 0 is a fine message, put back by the other door."""
    daemon.osc.send("/panic")
    daemon.osc.send("/preset/load", "First Light")
    for path, value in (("/volume", 1.0), ("/expression", 1.0), ("/gain", -6.0), ("/pedal", 0.0)):
        daemon.osc.send(path, value)
    for channel in range(16):
        daemon.osc.send("/bend", 0.0, channel)


def test_midi_garbage_is_not_fatal_and_leaves_nothing_hanging(stage: Stage) -> None:
    with stage.listening(Score(midi_garbage(5.0, seed=2))):
        pass
    assert_sound(stage)
    set_right(stage.daemon)
    stage.daemon.wait_for("silent", lambda status: int(status["active_voices"]) == 0, 15)
    stage.daemon.wait_bank()
    with stage.listening(repeated_chord(2.0)):
        pass
    assert stage.holes_s()[0] < 0.3
    assert_sound(stage)


def assert_sound(stage: Stage) -> None:
    """What was heard is numbers within range, and the daemon counted no bad ones."""
    assert stage.heard is not None
    assert count_bad_values(stage.heard.frames) == 0
    assert count_clipped(stage.heard.frames) == 0
    assert int(stage.daemon.status()["bad_frames"]) == 0


def test_it_ends_cleanly_while_it_plays(stage: Stage) -> None:
    stage.daemon.osc.send("/note", 60, 0.8)
    time.sleep(0.3)
    started_s = time.monotonic()
    assert stage.daemon.stop() == 0
    assert time.monotonic() - started_s < 5
    assert stage.server.port_names(AUDIO_OUT[0]) == []
