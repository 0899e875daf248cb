"""Which runtime is fastest on this class of machine: a table, every candidate in turns with the others.

    python -m tests.bench.bench_runtimes [--sizes full default] [--threads 1 2] [--batches 1 8] [--json]

The network alone, from the hook to the spectrogram (the Keras rows also compute the hook, 0.1 % of the work).
``error`` is the relative root-mean-square error of the level against OpenVINO in float32, of one note.
Candidates whose packages are not installed say so: onnx, ai-edge-litert and nncf belong to no extra.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

from synth_engine.generator.architecture import Architecture
from synth_engine.generator.model_folder import default_model_path, save_model
from synth_engine.generator.random_model import random_model
from synth_engine.measuring.contender import contender
from synth_engine.measuring.machine import describe_machine
from synth_engine.measuring.spread import spread
from synth_engine.measuring.turns import Contender, take_turns

KINDS = {
    "keras-original": "Keras, upsampling as in the original",
    "keras": "Keras, folded",
    "openvino-f32": "OpenVINO float32, folded (what plays)",
    "openvino-bf16": "OpenVINO bfloat16, folded",
    "openvino-int8": "OpenVINO int8 (NNCF), folded",
    "onnxruntime": "ONNX Runtime, folded",
    "litert": "LiteRT, folded",
}


def candidate(kind: str, model_path: Path, threads: int, batch: int, notes: int) -> Contender:
    environment = contender("reference", model_path, threads=threads).environment
    words = ("tests.bench.runtime_contender", kind, str(model_path), str(threads), str(batch), str(notes))
    return Contender(kind, words, environment)


def group(
    kinds: list[str], model_path: Path, size: tuple[int, int], options: argparse.Namespace
) -> list[dict[str, object]]:
    """All candidates with as many threads and notes a call, in turns."""
    threads, batch = size
    contenders = [candidate(kind, model_path, threads, batch, options.notes) for kind in kinds]
    rows = []
    for kind, outcome in take_turns(contenders, options.rounds).items():
        row: dict[str, object] = {"runtime": KINDS[kind], "threads": threads, "notes_per_call": batch}
        row |= dict(outcome.about)
        if outcome.error:
            row["error"] = outcome.error
        if outcome.turns:
            row["note"] = spread([1e3 * t["wall_s"] / t["notes"] for t in outcome.turns], "ms")
            row["processor"] = spread([1e3 * t["processor_s"] / t["notes"] for t in outcome.turns], "ms")
        row["name"] = KINDS[kind]
        rows.append(row)
    return rows


def print_row(size: str, row: dict[str, object]) -> None:
    head = f"| {size} | {row['name']} | {row['threads']} | {row['notes_per_call']} |"
    note, processor = row.get("note"), row.get("processor")
    if not isinstance(note, dict) or not isinstance(processor, dict):
        print(head, f"{row.get('error')} | | | | |", flush=True)
        return
    spread_ms = f"{note['p5_ms']:.1f} to {note['p95_ms']:.1f}"
    median_ms, busy_ms = note["median_ms"], processor["median_ms"]
    rate = f"{1e3 / median_ms:.1f} | {median_ms:.1f} | {spread_ms} | {busy_ms:.1f}"
    print(head, f"{rate} | {row['level_error']:.1e} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="A table of runtimes.")
    parser.add_argument("--sizes", nargs="+", default=["full", "default"], choices=["full", "default"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--notes", type=int, default=8, help="in a turn")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows: dict[str, list[dict[str, object]]] = {}
    before = os.getloadavg()[0]
    if not options.json:
        print(describe_machine())
        print(f"load average {before:.1f}; {options.rounds} turns of {options.notes} notes\n")
        print(
            "| network | runtime | threads | notes a call | notes/s | ms a note | p5 to p95"
            " | processor ms | error |"
        )
        print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        full = Path(name) / "full"
        save_model(random_model(Architecture()), full)
        for size in options.sizes:
            path = full if size == "full" else default_model_path()
            for threads in options.threads:
                for batch in options.batches:
                    found = group(options.kinds, path, (threads, batch), options)
                    rows.setdefault(size, []).extend(found)
                    for row in [] if options.json else found:
                        print_row(size, row)
    after = os.getloadavg()[0]
    if options.json:
        print(
            json.dumps(
                {"machine": describe_machine(), "load_average": [before, after], "rows": rows}, indent=1
            )
        )
    else:
        print(f"\nload average {after:.1f} at the end")


if __name__ == "__main__":
    main()
