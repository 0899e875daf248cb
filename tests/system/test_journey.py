"""A journey heard through JACK: a held note's timbre moves without a gap until a player chooses."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.system.analysis.faults import count_bad_values
from tests.system.capture import read_recording, recording
from tests.system.children import REPOSITORY
from tests.system.daemon_process import AUDIO_OUT, Daemon, Home, started_daemon
from tests.system.jack_server import JackServer
from tests.system.test_survival import quiet_stretches_s
from tests.system.witness import witnessed

pytestmark = pytest.mark.system

LEG_S = 1.2


def journey_of(daemon: Daemon) -> list[object]:
    """What ``/journey`` answers."""
    return next(list(arguments) for address, arguments in daemon.osc.ask("/journey") if address == "/journey")


def wait_for_leg(daemon: Daemon, name: str) -> list[object]:
    """The first answer that names the leg's end."""
    deadline_s = time.monotonic() + 3 * LEG_S
    while (state := journey_of(daemon))[1:2] != [name] and time.monotonic() < deadline_s:
        time.sleep(0.02)
    return state


def test_a_held_note_moves_along_the_journey_without_a_gap_and_a_player_takes_over(
    server: JackServer, home: Home, tmp_path: Path
) -> None:
    with started_daemon(home, environment=server.environment) as daemon:
        daemon.wait_ready()
        server.wait_for_port(AUDIO_OUT[0])
        names = [str(name) for _, arguments in daemon.osc.ask("/latent/anchors") for name in arguments]
        daemon.osc.ask("/latent/anchor", names[0])
        daemon.osc.send("/journey/seconds", LEG_S)
        daemon.wait_bank()
        path = tmp_path / "heard.npy"
        before = daemon.status()
        with (
            witnessed(tmp_path, stall_ms=500 * server.block_frames / server.rate_hz) as witness,
            recording(server, AUDIO_OUT, path, limit_s=30),
        ):
            daemon.osc.send("/note", 60, 0.8)
            started = daemon.osc.ask("/journey/start", names[1], names[2])
            amid = journey_of(daemon)
            second = wait_for_leg(daemon, names[2])
            taken_over = daemon.osc.ask("/latent/anchor", names[0])
            time.sleep(0.5)
            stopped = journey_of(daemon)
            daemon.osc.send("/note/off", 60)
            time.sleep(1.0)
        after = daemon.status()
        asked = subprocess.run(
            [sys.executable, "-m", "daemon.cli", "hallucinate", "--live", "--point", names[3],
             "--spacing", "0.5", "--between", "3", "--osc-port", str(daemon.osc.port)],
            env={**os.environ, **home.environment}, cwd=REPOSITORY, check=True,
            capture_output=True, text=True,
        )  # fmt: skip
        asked_for = journey_of(daemon)
        leg_s = daemon.osc.value("/journey/seconds")
    heard = read_recording(path)
    print({key: int(after[key]) - int(before[key]) for key in ("late_blocks", "rendered_notes", "blocks")})
    assert [address for address, _ in started] == ["/journey"]
    assert amid[:2] == ["moving", names[1]]
    assert second[0] == "moving"
    assert ("/journey", ["stopped"]) in taken_over
    assert stopped == ["stopped"]
    assert f"{names[3]} " in asked.stdout
    assert asked_for[1] == names[3]
    assert leg_s == 2.0
    assert quiet_stretches_s(heard.mono, heard.rate_hz)[0] < 0.02
    assert count_bad_values(heard.frames) == 0
    assert int(after["late_blocks"]) - int(before["late_blocks"]) <= len(witness.stalls_ms)
    assert int(after["rendered_notes"]) - int(before["rendered_notes"]) > 5
