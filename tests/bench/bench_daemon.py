"""The whole daemon: starting, a knob inside a held note, notes a second, memory of its processes.

    python -m tests.bench.bench_daemon [--moves 60] [--threads 1] [--json]

Start: from the command to the audio process's first blocks with the kept bank mapped (twice: cold, with
nothing kept but the compiled kernel; warm). Knob: from sending ``/pca/1`` to the kernel taking the new note
for the key that is held; the cross-fade begins with that block. The null host keeps time, so that no
sound server is in the figures; key to sound through JACK is ``bench_latency``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

from daemon.status import memory_mib
from synth_engine.shared_memory import EngineMemory
from tests.system.daemon_process import AUDIO_MODULE, RENDER_MODULE, Daemon, Home, new_home, started_daemon

HELD_KEY = 60
SETTLE_S = 0.4  # between moves: longer than a cross-fade and the render of one note
GIVE_UP_S = 5.0


def runtime_dir(home: Home) -> Path:
    """Where this daemon's shared maps are."""
    return next(Path("/dev/shm").glob(f"timbred-*-{home.instance}"))


def knob_ms(daemon: Daemon, home: Home, moves: int) -> list[float]:
    """Milliseconds from each move of ``/pca/1`` to the kernel's new note for the held key."""
    memory = EngineMemory.open(runtime_dir(home))
    key = memory.record["keys"][HELD_KEY]
    daemon.osc.send("/note", HELD_KEY, 100)
    time.sleep(1.0)
    times: list[float] = []
    for move in range(moves):
        slot = int(key["slot"])
        value = -3.0 + 6.0 * (move + 0.5) / moves
        sent_s = time.perf_counter()
        daemon.osc.send("/pca/1", value)
        while int(key["slot"]) == slot and time.perf_counter() - sent_s < GIVE_UP_S:
            time.sleep(0.0002)
        times.append(1e3 * (time.perf_counter() - sent_s))
        time.sleep(SETTLE_S)
        if move % 6 == 5:  # a note ends after four seconds: play it again
            daemon.osc.send("/note", HELD_KEY, 0)
            daemon.osc.send("/note", HELD_KEY, 100)
    daemon.osc.send("/note", HELD_KEY, 0)
    memory.close()
    return times


def start_s(home: Home) -> tuple[float, dict[str, float]]:
    """Seconds until sound can come out, and the memory of the processes once all is quiet."""
    began_s = time.monotonic()
    with started_daemon(home, "--null") as daemon:
        daemon.wait_for("sounding", lambda s: s.get("audio_running") == 1 and bool(s.get("pool_notes")), 120)
        seconds = time.monotonic() - began_s
        daemon.wait_ready()
        daemon.wait_bank()
        pids = {
            "control": daemon.process.pid,
            "audio": daemon.child(AUDIO_MODULE) or 0,
            "render": daemon.child(RENDER_MODULE) or 0,
        }
        memory = {name: memory_mib(pid) for name, pid in pids.items()}
    return seconds, memory


def bank_rate(daemon: Daemon) -> float:
    """Notes a second while a whole new bank is rendered, from a new point to its last note."""
    before = daemon.count("rendered_notes")
    began_s = time.monotonic()
    daemon.osc.send("/latent/random", 4711)
    time.sleep(0.2)
    daemon.wait_bank()
    return (daemon.count("rendered_notes") - before) / (time.monotonic() - began_s)


def measure(moves: int, threads: int) -> dict[str, object]:
    """All figures."""
    with tempfile.TemporaryDirectory() as folder:
        home = new_home(Path(folder) / "home")
        cold_s, _ = start_s(home)
        warm_s, memory = start_s(home)
        with started_daemon(home, "--null", "--threads", str(threads)) as daemon:
            daemon.wait_ready()
            daemon.wait_bank()
            rate = bank_rate(daemon)
            times = sorted(knob_ms(daemon, home, moves))
            late = daemon.count("late_blocks")
    return {
        "cold_start_s": round(cold_s, 2),
        "warm_start_s": round(warm_s, 2),
        "private_memory_mib": {name: round(mib, 1) for name, mib in memory.items()},
        "bank_notes_per_s": round(rate, 1),
        "knob_ms": {
            "median": round(statistics.median(times), 1),
            "p95": round(times[int(0.95 * (len(times) - 1))], 1),
            "max": round(times[-1], 1),
            "moves": len(times),
        },
        "late_blocks": late,
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Figures of the whole daemon.")
    parser.add_argument("--moves", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1, help="of the render worker")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(arguments.moves, arguments.threads)
    if arguments.json:
        print(json.dumps(figures, indent=1))
        return
    for name, value in figures.items():
        print(f"{name:20} {value}")


if __name__ == "__main__":
    main()
