"""Endless sustain: what a minute of a held key sounds like, and what it costs.

    python -m tests.bench.bench_sustain [--seconds 60] [--json]

Holds a key on ten anchors through the whole instrument (network, parts, kernel) and measures the pitch of
every few seconds: how far it wanders, and how far it is from that of the note's own first seconds; the
sharpest edge where one part takes over from
the other, and how strongly the level returns at any lag from 0.3 to 8 s. Then: two anchors that die away,
and the processor time of a part, which lasts for 3.8 s.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from synth_engine.abi import KernelParameter
from synth_engine.generator.model_folder import default_model_path
from synth_engine.generator.spectral import DEFAULT
from synth_engine.instrument import OfflineInstrument
from synth_engine.render.part_times import PART_ENTER_S, PART_LEAVE_S, first_leave_s
from synth_engine.render.parts import PartMaker
from synth_engine.render.worker import open_maker
from synth_engine.shared_memory import EngineMemory
from tests.synth_engine.held_sound import RATE_HZ, cents_from, edge_db, level_db, strongest_return_db

HELD = (
    ("violin", 69), ("cello", 48), ("flute", 72), ("clarinet", 60), ("trumpet", 64),
    ("church_organ", 60), ("reed_organ", 52), ("string_ensemble", 60), ("choir_aahs", 57), ("oboe", 67),
)  # fmt: skip
DYING = (("grand_piano", 60), ("vibraphone", 65))
PARTS = 10
PIECE_S = 3.0  # longer than a few turns of vibrato


def held_sound(anchor: str, key: int, seconds: float) -> tuple[NDArray[np.float64], dict[str, object]]:
    """One key held, left channel; and the instrument's figures."""
    with tempfile.TemporaryDirectory() as folder:
        memory = EngineMemory.create(Path(folder))
        instrument = OfflineInstrument(memory, default_model_path(), rate_hz=RATE_HZ)
        instrument.set_kernel_parameter(KernelParameter.LIMITER_GAIN, 10.0)
        instrument.set_point(instrument.model.anchors[anchor].latent, None, anchor)
        instrument.note_on(key, 1.0)
        sound = instrument.render_block(int(seconds * RATE_HZ))[:, 0].astype(np.float64)
        status: dict[str, object] = dict(instrument.status())
        memory.close()
    return sound, status


def seams_s(seconds: float) -> list[float]:
    """When one part takes over from the other."""
    step_s = PART_LEAVE_S - PART_ENTER_S
    return list(np.arange(first_leave_s(DEFAULT), seconds - 0.3, step_s))


def measure_held(anchor: str, key: int, seconds: float) -> dict[str, object]:
    """The figures of one held key."""
    sound, status = held_sound(anchor, key, seconds)
    own_cents = cents_from(sound[RATE_HZ // 2 : int(2.5 * RATE_HZ)], key)
    held = sound[3 * RATE_HZ :]
    pieces = np.array_split(held, max(int((seconds - 3.0) / PIECE_S), 1))
    cents = np.array([cents_from(piece, key) for piece in pieces])
    return {
        "anchor": anchor,
        "key": key,
        "cents_of_note": round(own_cents, 2),
        "cents_from_note": round(float(np.abs(cents - own_cents).max()), 2),
        "cents_wander": round(float(np.ptp(cents)), 2),
        "edge_db": round(max(edge_db(sound, seam) for seam in seams_s(seconds)), 1),
        "return_db": round(strongest_return_db(held), 1),
        "level_range_db": round(float(np.ptp(level_db(held))), 1),
        "late": status["parts_late"],
    }


def measure_dying(anchor: str, key: int, seconds: float) -> dict[str, object]:
    """How a sound that dies by itself ends."""
    sound, _ = held_sound(anchor, key, seconds)
    levels = level_db(sound)
    audible = np.flatnonzero(levels > levels.max() - 60.0)
    return {"anchor": anchor, "key": key, "down_60_db_s": round(float(audible[-1]) * 0.032, 2)}


def measure_cost() -> dict[str, float]:
    """Processor milliseconds: of the first part of a note (with the network), and of every further one."""
    maker, _ = open_maker(default_model_path(), 1, None)
    model_latent = np.random.default_rng(0).standard_normal(maker.latent_size).astype(np.float32)
    nothing = np.zeros(0, np.float32)
    maker.note(model_latent, nothing, 60.0)
    first, further = [], []
    for key in (48, 60, 72):
        parts = PartMaker(maker.tracks)
        for number in range(1, PARTS + 1):
            began_s = time.thread_time()
            parts.part(model_latent, nothing, float(key), number)
            (first if number == 1 else further).append(1e3 * (time.thread_time() - began_s))
    part_ms = median(further)
    per_second_ms = part_ms / (PART_LEAVE_S - PART_ENTER_S)
    return {"first_part_ms": median(first), "part_ms": part_ms, "ms_a_held_second": per_second_ms}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = {
        "held": [measure_held(anchor, key, arguments.seconds) for anchor, key in HELD],
        "dying": [measure_dying(anchor, key, min(arguments.seconds, 20.0)) for anchor, key in DYING],
        "cost": measure_cost(),
        "load": os.getloadavg()[0],
    }
    if arguments.json:
        print(json.dumps(result, indent=1))
        return
    for rows in (result["held"], result["dying"], [result["cost"]]):
        for row in rows:  # type: ignore[attr-defined]
            print("  ".join(f"{name} {value}" for name, value in row.items()))


if __name__ == "__main__":
    main()
