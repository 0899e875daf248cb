"""From the key to the sound through JACK, in frames: the daemon beside FluidSynth.

    python -m tests.bench.bench_latency [--notes 300] [--block 128] [--json]

A note-on is placed at a known frame of JACK's clock, at a random phase against the block; the output is
recorded in the same graph. The figure is the distance from that frame to the first audible one.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.system import daemon_process, fluidsynth
from tests.system.capture import read_recording, recording
from tests.system.daemon_process import new_home, started_daemon
from tests.system.jack_server import JackServer, jack_server
from tests.system.midi_player import start_player
from tests.system.probe import Latency, describe, measure_latency, probe_score


@contextmanager
def _daemon(server: JackServer, folder: Path) -> Iterator[None]:
    with started_daemon(new_home(folder / "home"), environment=server.environment) as daemon:
        daemon.wait_ready()
        daemon.wait_bank()
        daemon.osc.send("/release", 0.02)
        daemon.osc.send("/attack", 0.001)
        yield


def probe(
    server: JackServer, folder: Path, name: str, ports: tuple[str, Sequence[str]], notes: int
) -> Latency:
    """Play the probe into whatever has these MIDI and audio ports."""
    midi_in, audio_out = ports
    score, path = probe_score(notes), folder / f"{name}.npy"
    port = server.wait_for_port(midi_in, midi=True, inputs=True)
    with recording(server, audio_out, path, limit_s=score.seconds + 20):
        performance = start_player(server, score, port, folder / f"{name}_player.json").wait(
            score.seconds + 20
        )
        time.sleep(0.5)
    return measure_latency(read_recording(path), score, performance)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Frames from a JACK MIDI note-on to its sound.")
    parser.add_argument("--notes", type=int, default=300)
    parser.add_argument("--block", type=int, default=128)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results: list[tuple[str, Latency]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with jack_server(folder, block_frames=arguments.block) as server:
            with _daemon(server, folder):
                ports = (daemon_process.MIDI_IN, daemon_process.AUDIO_OUT)
                results.append(("timbred", probe(server, folder, "timbred", ports, arguments.notes)))
            if fluidsynth.soundfont() is not None:
                with fluidsynth.live_fluidsynth(server, folder):
                    ports = (fluidsynth.MIDI_IN, fluidsynth.AUDIO_OUT)
                    results.append(
                        ("FluidSynth", probe(server, folder, "fluidsynth", ports, arguments.notes))
                    )
    if arguments.json:
        print(json.dumps({name: latency.summary() for name, latency in results}, indent=1))
    else:
        print(describe(results))


if __name__ == "__main__":
    main()
