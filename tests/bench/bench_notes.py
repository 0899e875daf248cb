"""Notes a second of the full-size network (7.3 M weights), waves included, as one table.

    python -m tests.bench.bench_notes

What `timbred measure render --full-size` says of rendering: OpenVINO (what plays) beside TensorFlow (the
reference), with one thread and two, each a process of its own, in turns.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from daemon.measuring.rendering import RenderingPlan, rendering_figures
from daemon.progress import Progress
from synth_engine.generator.architecture import Architecture
from synth_engine.generator.model_folder import save_model
from synth_engine.generator.random_model import random_model

ROUNDS = 7
NOTES = 8  # in a turn


def main() -> None:
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "full"
        save_model(random_model(Architecture()), path)
        figures: Any = rendering_figures(
            RenderingPlan(path, ROUNDS, NOTES), Architecture(), Progress("rendering").show
        )
    print(f"{ROUNDS} turns of {NOTES} notes each; load average {before:.1f} to {os.getloadavg()[0]:.1f}\n")
    print(
        "| runtime | threads | notes a call | notes/s, median | p5 to p95 | ms a note | processor ms a note |"
    )
    print("|---|---|---|---|---|---|---|")
    references = figures["reference"] if isinstance(figures["reference"], list) else []
    for row in [*figures["worker"], *references]:
        rate, note, busy = row["rate"], row["note"], row["processor"]
        spread = f"{rate['p5_notes_per_s']:.1f} to {rate['p95_notes_per_s']:.1f}"
        head = f"| {row['runtime']} | {row['threads']} | {row['notes_per_call']} |"
        print(
            f"{head} {rate['median_notes_per_s']:.1f}"
            f" | {spread} | {note['median_ms']:.0f} | {busy['median_ms']:.0f} |"
        )


if __name__ == "__main__":
    main()
