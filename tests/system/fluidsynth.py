"""FluidSynth, the known-good synthesiser that measurements are held against."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from tests.system.children import start_child, stop_child
from tests.system.jack_server import JackServer
from tests.system.osc_client import free_udp_port
from tests.system.score import Score, save_midi_file

SOUNDFONTS = tuple(
    Path("/usr/share/sounds/sf2") / name for name in ("FluidR3_GM.sf2", "TimGM6mb.sf2", "default-GM.sf2")
)
PACKAGES = "the Debian packages fluidsynth and fluid-soundfont-gm (or timgm6mb-soundfont)"
MIDI_IN, AUDIO_OUT = r"^fluidsynth[^:]*:midi", (r"^fluidsynth[^:]*:left", r"^fluidsynth[^:]*:right")


def soundfont() -> Path | None:
    """A General MIDI soundfont, if both it and FluidSynth are installed."""
    if shutil.which("fluidsynth") is None:
        return None
    return next((path for path in SOUNDFONTS if path.exists()), None)


def render(score: Score, folder: Path, rate_hz: int, gain: float = 0.6) -> NDArray[np.float32]:
    """The score by FluidSynth's first program, a piano, dry and offline; float32 (channels, frames)."""
    font = soundfont()
    assert font is not None
    midi_path, wave_path = folder / "reference.mid", folder / "reference.wav"
    save_midi_file(score, midi_path)
    options = ["-n", "-i", "-q", "-R", "0", "-C", "0", "-g", str(gain), "-r", str(rate_hz), "-O", "float"]
    subprocess.run(
        ["fluidsynth", *options, "-F", str(wave_path), str(font), str(midi_path)],
        check=True, timeout=120, capture_output=True,
    )  # fmt: skip
    frames, _ = soundfile.read(wave_path, dtype="float32")
    return np.ascontiguousarray(frames.T)


@contextmanager
def live_fluidsynth(server: JackServer, folder: Path, period_frames: int = 64) -> Iterator[None]:
    """FluidSynth on JACK audio and JACK MIDI, connected to nothing."""
    font = soundfont()
    assert font is not None
    settings = {
        "audio.jack.id": "fluidsynth",
        "midi.jack.id": "fluidsynth",
        "audio.jack.autoconnect": "0",
        "audio.period-size": str(period_frames),
        "shell.port": str(free_udp_port()),
    }
    words = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    with (folder / "fluidsynth.log").open("wb") as log:
        process = start_child(
            ["fluidsynth", "-a", "jack", "-m", "jack", "-s", "-i", "-R", "0", "-C", "0",
             "-r", str(server.rate_hz), *words, str(font)],
            log, server.environment,
        )  # fmt: skip
    try:
        server.wait_for_port(AUDIO_OUT[0])
        server.wait_for_port(MIDI_IN, midi=True, inputs=True)
        yield
    finally:
        stop_child(process)
