"""What ``/status`` answers: the kernel's own counts beside those of every part."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from daemon.audio_process import AudioProcess
from daemon.surface import Argument
from synth_engine.abi import HostKind
from synth_engine.shared_memory import EngineMemory

_COUNTS = (
    "blocks", "frames", "late_blocks", "underflows", "late_events", "dropped_events", "stolen_voices",
    "silent_keys", "bad_frames", "limited_frames", "notes_started", "active_voices", "rate_hz",
    "block_frames",
)  # fmt: skip
_STALE_NS = 1_000_000_000


def telemetry_status(memory: EngineMemory) -> dict[str, Argument]:
    """The kernel's telemetry, as an unsynchronised picture."""
    row = np.atleast_1d(memory.record)["telemetry"][0]
    status: dict[str, Argument] = {name: int(row[name]) for name in _COUNTS}
    status["host"] = HostKind(int(row["host"])).name.lower()
    status["audio_running"] = int(time.monotonic_ns() - int(row["last_block_ns"]) < _STALE_NS)
    status["block_ms_max"] = int(row["render_ns_max"]) / 1e6
    blocks = max(int(row["blocks"]), 1)
    status["block_ms_mean"] = int(row["render_ns_total"]) / blocks / 1e6
    return status


def audio_status(audio: AudioProcess) -> dict[str, Argument]:
    """What the audio process opened."""
    return {
        "device": audio.report.device,
        "device_error": audio.device_error,
        "latency_ms": audio.report.latency_ms,
        "audio_pid": audio.pid,
        "audio_restarts": audio.restarts,
    }


def process_status(started_s: float) -> dict[str, Argument]:
    """Of the control process."""
    return {
        "seconds_up": time.monotonic() - started_s,
        "control_mib": memory_mib(os.getpid()),  # ru_maxrss would be the parent's, if that was larger
    }


def merge(*parts: Mapping[str, Argument]) -> dict[str, Argument]:
    """All parts as one."""
    return {name: value for part in parts for name, value in part.items()}


def memory_mib(pid: int) -> float:
    """Resident memory of a process without what it shares; 0 if it is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0.0
    private = (line.split()[1] for line in text.splitlines() if line.startswith("Private_"))
    return sum(map(int, private)) / 1024
