"""Cost of a voice: the kernel beside FluidSynth, rendering as many voices in the same run.

    python -m tests.bench.bench_voices [--json]

Processor time of the rendering thread, so that other programs disturb little; rounds are taken in turns
and the medians compared. FluidSynth interpolates with its default (4 points, cubic), the kernel with its
16-tap sinc; both render a stereo mix at 48 kHz in blocks of 128 frames, dry. A stereo note of a
soundfont is two voices of FluidSynth, one of ours is one.
"""

from __future__ import annotations

import argparse
import ctypes
import ctypes.util
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from synth_engine.measuring.voices import KernelVoices
from tests.system.fluidsynth import soundfont

RATE_HZ = 48_000
BLOCK_FRAMES = 128
ROUND_BLOCKS = 150  # 0.4 s
ROUND_FRAMES = ROUND_BLOCKS * BLOCK_FRAMES
ROUNDS = 5
VOICES = (8, 16, 32, 64)
SUSTAINED_PROGRAM = 48  # strings: they sound as long as the key is held


def _thread_s(work: Callable[[], object]) -> float:
    began_s = time.thread_time()
    work()
    return time.thread_time() - began_s


class FluidVoices:
    """libfluidsynth with about ``count`` voices sounding."""

    def __init__(self, count: int) -> None:
        name = ctypes.util.find_library("fluidsynth")
        if name is None or soundfont() is None:
            raise SystemExit("needs the Debian packages libfluidsynth3, fluidsynth and fluid-soundfont-gm")
        self._library = library = ctypes.CDLL(name)
        for function in ("new_fluid_settings", "new_fluid_synth"):
            getattr(library, function).restype = ctypes.c_void_p
        settings = ctypes.c_void_p(library.new_fluid_settings())
        library.fluid_settings_setnum(settings, b"synth.sample-rate", ctypes.c_double(RATE_HZ))
        for setting in (b"synth.reverb.active", b"synth.chorus.active"):
            library.fluid_settings_setint(settings, setting, 0)
        self._synth = ctypes.c_void_p(library.new_fluid_synth(settings))
        library.fluid_synth_sfload(self._synth, str(soundfont()).encode(), 1)
        library.fluid_synth_program_change(self._synth, 0, SUSTAINED_PROGRAM)
        self._left, self._right = (np.zeros(BLOCK_FRAMES, np.float32) for _ in range(2))
        key = 36
        while library.fluid_synth_get_active_voice_count(self._synth) < count and key < 108:
            library.fluid_synth_noteon(self._synth, 0, key, 80)
            key += 1
        self._render(ROUND_FRAMES // 4)
        self.voices = int(library.fluid_synth_get_active_voice_count(self._synth))

    def _render(self, frames: int) -> None:
        left, right = (channel.ctypes.data_as(ctypes.c_void_p) for channel in (self._left, self._right))
        for _ in range(frames // BLOCK_FRAMES):
            self._library.fluid_synth_write_float(self._synth, BLOCK_FRAMES, left, 0, 1, right, 0, 1)

    def round_s(self) -> float:
        """Processor seconds for :data:`ROUND_FRAMES`."""
        return _thread_s(lambda: self._render(ROUND_FRAMES))


def measure(count: int) -> dict[str, float]:
    """Nanoseconds a voice and frame of both, and their ratio."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        ours, theirs = KernelVoices(Path(folder), count, RATE_HZ, BLOCK_FRAMES), FluidVoices(count)
        rounds = [(_thread_s(lambda: ours.render(ROUND_BLOCKS)), theirs.round_s()) for _ in range(ROUNDS)]
    ours_ns = median(first for first, _ in rounds) * 1e9 / (ROUND_FRAMES * ours.voices)
    theirs_ns = median(second for _, second in rounds) * 1e9 / (ROUND_FRAMES * theirs.voices)
    return {
        "voices": ours.voices,
        "fluidsynth_voices": theirs.voices,
        "ns_per_voice_frame": ours_ns,
        "fluidsynth_ns_per_voice_frame": theirs_ns,
        "ratio": ours_ns / theirs_ns,
        "share_of_core": ours_ns * ours.voices * RATE_HZ / 1e9,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Cost of a voice beside FluidSynth's.")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = [measure(count) for count in VOICES]
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    print("voices  ns/voice/frame  FluidSynth (voices)   ratio   share of a core")
    for row in rows:
        print(
            f"{row['voices']:6.0f}  {row['ns_per_voice_frame']:14.1f}  "
            f"{row['fluidsynth_ns_per_voice_frame']:10.1f} ({row['fluidsynth_voices']:3.0f})  "
            f"{row['ratio']:9.2f}   {row['share_of_core']:12.3f}"
        )


if __name__ == "__main__":
    main()
