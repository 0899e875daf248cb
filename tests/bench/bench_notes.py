"""Notes a second of the full-size network (7.3 M weights), waves included.

    python -m tests.bench.bench_notes

OpenVINO (what plays) beside TensorFlow (the reference, compiled by `tf.function`), with one thread and two.
Every contender is a process of its own; they take turns, so that other work falls on all of them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module

import numpy as np

from synth_engine.generator.architecture import Architecture
from synth_engine.generator.entry import one_hots_of_pitches
from synth_engine.generator.random_model import random_model
from synth_engine.generator.runtime import Entry, NoteRenderer
from synth_engine.generator.spectral import spectrograms_to_waves

ROUNDS = 7
CONTENDERS = {
    # name: (kind, threads, notes a call)
    "OpenVINO, 1 thread": ("openvino", 1, 1),
    "OpenVINO, 2 threads": ("openvino", 2, 1),
    "TensorFlow, 1 thread, 1 note a call": ("tensorflow", 1, 1),
    "TensorFlow, 1 thread, 8 notes a call": ("tensorflow", 1, 8),
    "TensorFlow, 2 threads, 1 note a call": ("tensorflow", 2, 1),
    "TensorFlow, 2 threads, 8 notes a call": ("tensorflow", 2, 8),
}
NOTES = 8  # in a turn

Render = Callable[[np.ndarray, np.ndarray], np.ndarray]


def openvino_renderer(threads: int) -> Render:
    model = random_model(Architecture())
    entry, renderer = Entry(model), NoteRenderer(model, threads=threads)
    return lambda latents, pitches: renderer.waves(entry.activate(latents, pitches), pitches)


def tensorflow_renderer(threads: int) -> Render:
    tf = import_module("tensorflow")
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    network = import_module("synth_engine.generator.network").Generator(Architecture())
    network.assign_named_weights(random_model(Architecture()).weights)
    compiled = tf.function(network.call)

    def render(latents: np.ndarray, pitches: np.ndarray) -> np.ndarray:
        one_hots = one_hots_of_pitches(pitches, network.architecture.pitches)
        spectrograms = compiled({"latents": latents, "one_hots": one_hots})
        return spectrograms_to_waves(np.asarray(spectrograms))

    return render


def contend(kind: str, threads: int, batch: int) -> None:
    """Render a turn's notes for every line of input; answer with wall and processor seconds."""
    render = {"openvino": openvino_renderer, "tensorflow": tensorflow_renderer}[kind](threads)
    latents = np.random.default_rng(0).normal(size=(NOTES, 256)).astype(np.float32)
    pitches = np.arange(40.0, 40.0 + NOTES)
    render(latents[:batch], pitches[:batch])
    print("ready", flush=True)
    for _ in sys.stdin:
        wall_s, busy_s = time.perf_counter(), time.process_time()
        for first in range(0, NOTES, batch):
            render(latents[first : first + batch], pitches[first : first + batch])
        print(time.perf_counter() - wall_s, time.process_time() - busy_s, flush=True)


def start(contender: tuple[str, int, int]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", __spec__.name, *map(str, contender)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(contender[1]), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def main() -> None:
    if sys.argv[1:]:
        contend(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
        return
    children = {name: start(contender) for name, contender in CONTENDERS.items()}
    turns: dict[str, list[tuple[float, float]]] = {name: [] for name in children}
    for child in children.values():
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    before = os.getloadavg()[0]
    for _ in range(ROUNDS):
        for name, child in children.items():
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write("go\n")
            child.stdin.flush()
            wall_s, busy_s = map(float, child.stdout.readline().split())
            turns[name].append((wall_s / NOTES, busy_s / NOTES))
    for child in children.values():
        child.communicate()
    print(f"{ROUNDS} turns of {NOTES} notes each; load average {before:.1f} to {os.getloadavg()[0]:.1f}\n")
    print("| contender | notes/s, median | lowest to highest | ms a note | processor ms a note |")
    print("|---|---|---|---|---|")
    for name, times in turns.items():
        walls = [wall_s for wall_s, _ in times]
        busy_ms = 1e3 * statistics.median(busy_s for _, busy_s in times)
        median_s = statistics.median(walls)
        spread = f"{1 / max(walls):.1f} to {1 / min(walls):.1f}"
        print(f"| {name} | {1 / median_s:.1f} | {spread} | {1e3 * median_s:.0f} | {busy_ms:.0f} |")


if __name__ == "__main__":
    main()
