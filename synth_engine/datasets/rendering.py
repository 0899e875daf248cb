"""Render a soundfont into a labelled set of 4 s notes at 16 kHz, resumable program by program."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from mappings.atomic_files import write_atomic
from synth_engine.datasets.labels import Label
from synth_engine.datasets.programs import Program
from synth_engine.datasets.shards import write_shard
from synth_engine.datasets.soundfont import RENDER_RATE_HZ, SoundfontPlayer
from synth_engine.generator.spectral import SAMPLE_RATE_HZ, WAVE_FRAMES

DEFAULT_SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
HELD_S = 3.0
RELEASE_S = 1.0
PEAK = 0.95  # every note is brought to this peak, as in NSynth: loudness is the player's, not the model's
FADE_FRAMES = 240  # 15 ms at 16 kHz, so that pads that still sound at 4 s do not click
GATE_PEAK = 10.0 ** (-60.0 / 20.0)  # some programs play nothing at the ends of their range

Progress = Callable[[int, int], None]


def finish_note(rendered: NDArray[np.float32]) -> NDArray[np.int16] | None:
    """Decimate, normalise and fade one rendered note.

    Parameters
    ----------
    rendered : NDArray[np.float32], shape (frames,)
        At `RENDER_RATE_HZ`.

    Returns
    -------
    NDArray[np.int16], shape (64000,), or None
        None if the note's peak is below -60 dBFS.
    """
    wave = soxr.resample(rendered, RENDER_RATE_HZ, SAMPLE_RATE_HZ, quality="VHQ")[:WAVE_FRAMES]
    peak = float(np.abs(wave).max(initial=0.0))
    if peak < GATE_PEAK:
        return None
    note = np.zeros(WAVE_FRAMES, np.float32)
    note[: len(wave)] = wave * (PEAK / peak)
    note[-FADE_FRAMES:] *= np.linspace(1.0, 0.0, FADE_FRAMES, dtype=np.float32)
    return np.round(note * 32767.0).astype(np.int16)


def render_dataset(
    out_dir: Path,
    soundfont: Path,
    programs: Sequence[Program],
    velocity: int = 100,
    progress: Progress | None = None,
) -> int:
    """Render every playable pitch of `programs`; programs already in `out_dir` are not rendered again.

    Parameters
    ----------
    out_dir : Path
        Folder of the data set, made if missing.
    soundfont : Path
        The .sf2 or .sf3 file.
    programs : Sequence[Program]
        What to render.
    velocity : int
        MIDI velocity of every note, 1..127.
    progress : callable or None
        Called with (notes done, notes in all) after every note.

    Returns
    -------
    int
        Notes in the data set (of these programs).

    Raises
    ------
    SoundfontError
        If the soundfont cannot be read or lacks a program.
    OSError
        If `out_dir` cannot be written.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    total = sum(len(program.pitches) for program in programs)
    done = kept = 0
    with SoundfontPlayer(soundfont) as player:
        for program in programs:
            labels_path = out_dir / f"notes_{program.number:03d}.jsonl"
            if labels_path.exists():  # written last, so it stands for the whole program
                kept += len(labels_path.read_text().splitlines())
            else:
                kept += _render_program(player, program, velocity, labels_path)
            done += len(program.pitches)
            if progress:
                progress(done, total)
    description = json.dumps(_description(soundfont, programs, velocity), indent=1) + "\n"
    write_atomic(out_dir / "dataset.json", description.encode(), generations=0)
    return kept


def _render_program(player: SoundfontPlayer, program: Program, velocity: int, labels_path: Path) -> int:
    notes, labels = [], []
    for pitch in program.pitches:
        note = finish_note(player.play(program.number, pitch, velocity, HELD_S, RELEASE_S))
        if note is not None:
            notes.append(note)
            labels.append(
                Label(program.name, program.number, program.family, program.source, pitch, velocity)
            )
    write_shard(labels_path.parent, labels_path.stem.removeprefix("notes_"), notes, labels)
    return len(labels)


def _description(soundfont: Path, programs: Sequence[Program], velocity: int) -> dict[str, object]:
    with soundfont.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "soundfont": soundfont.name,
        "soundfont_sha256": digest,
        "programs": [program.name for program in programs],
        "velocity": velocity,
        "held_s": HELD_S,
        "release_s": RELEASE_S,
        "sample_rate_hz": SAMPLE_RATE_HZ,
    }
