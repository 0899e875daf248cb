"""Recordings and scores to write down. Without them tests are skipped, but in CI that is a failure."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import mido
import pytest

SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
RECORDINGS = Path("/usr/share/puredata/doc/sound")  # Debian's puredata-doc: a bell and two voices
ScoreNote = tuple[float, float, int, int]  # start and end in seconds, pitch, velocity


def require(found: object, what: str) -> None:
    if found:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI has to install {what}")
    pytest.skip(f"needs {what}")


@pytest.fixture
def bell() -> Path:
    """A real bell: C3, 3.5 s, dying away into noise."""
    require(RECORDINGS.exists(), "the Debian package puredata-doc")
    return RECORDINGS / "bell.aiff"


@pytest.fixture
def voice() -> Path:
    """A real voice speaking, 1.4 s."""
    require(RECORDINGS.exists(), "the Debian package puredata-doc")
    return RECORDINGS / "voice.wav"


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sequence[ScoreNote]], Path]:
    """Plays a score on FluidSynth's piano, dry, into a WAV file."""
    require(
        shutil.which("fluidsynth") and SOUNDFONT.exists(),
        "the Debian packages fluidsynth and fluid-soundfont-gm",
    )
    folder = tmp_path_factory.mktemp("played")

    def play(score: Sequence[ScoreNote]) -> Path:
        number = len(list(folder.iterdir()))
        midi, wave = folder / f"{number}.mid", folder / f"{number}.wav"
        events = [(start, 1, mido.Message("note_on", note=key, velocity=v)) for start, _, key, v in score]
        events += [(end, 0, mido.Message("note_off", note=key)) for _, end, key, _ in score]
        track, now = mido.MidiTrack(), 0
        for time_s, _, message in sorted(events, key=lambda event: event[:2]):
            tick = round(time_s * 960)
            track.append(message.copy(time=tick - now))
            now = tick
        mido.MidiFile(type=0, ticks_per_beat=480, tracks=[track]).save(midi)
        options = ["-n", "-i", "-q", "-R", "0", "-C", "0", "-g", "0.6", "-r", "44100"]
        subprocess.run(
            ["fluidsynth", *options, "-F", str(wave), str(SOUNDFONT), str(midi)],
            check=True, timeout=60, capture_output=True,
        )  # fmt: skip
        return wave

    return play
