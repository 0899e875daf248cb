"""Render a soundfont into a labelled set of 4 s notes at 16 kHz, resumable program by program.

A data set is a folder: `notes_<program>.npy` (int16, shape (notes, 64000)) with `notes_<program>.jsonl`
beside it (one label a row, in the same order), and `dataset.json` (what made it). Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from synth_engine.generator.spectral import SAMPLE_RATE_HZ, WAVE_FRAMES
from synth_engine.training.programs import Program
from synth_engine.training.soundfont import RENDER_RATE_HZ, SoundfontPlayer

DEFAULT_SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
HELD_S = 3.0
RELEASE_S = 1.0
PEAK = 0.95  # every note is brought to this peak, as in NSynth: loudness is the player's, not the model's
FADE_FRAMES = 240  # 15 ms at 16 kHz, so that pads that still sound at 4 s do not click
GATE_PEAK = 10.0 ** (-60.0 / 20.0)  # some programs play nothing at the ends of their range

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Label:
    """What one note of a data set is.

    Attributes
    ----------
    instrument : str
        Name of the instrument, as in `synth_engine.training.programs`.
    program : int
        General MIDI program, 0..127.
    family, source : str
        Family (eleven of them) and source (acoustic, electronic, synthetic).
    pitch, velocity : int
        MIDI pitch and velocity.
    """

    instrument: str
    program: int
    family: str
    source: str
    pitch: int
    velocity: int


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
    _write_text(out_dir / "dataset.json", json.dumps(_description(soundfont, programs, velocity), indent=1))
    return kept


def _render_program(player: SoundfontPlayer, program: Program, velocity: int, labels_path: Path) -> int:
    notes, labels = [], []
    for pitch in program.pitches:
        note = finish_note(player.play(program.number, pitch, velocity, HELD_S, RELEASE_S))
        if note is not None:
            notes.append(note)
            label = Label(program.name, program.number, program.family, program.source, pitch, velocity)
            labels.append(json.dumps(asdict(label)))
    shard = labels_path.with_suffix(".npy")
    temporary = shard.with_suffix(".part.npy")
    np.save(temporary, np.array(notes, np.int16).reshape(-1, WAVE_FRAMES), allow_pickle=False)
    temporary.replace(shard)
    _write_text(labels_path, "\n".join(labels))
    return len(labels)


def _write_text(path: Path, text: str) -> None:
    temporary = path.with_suffix(path.suffix + ".part")
    temporary.write_text(text + "\n" if text else "")
    temporary.replace(path)


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


def read_dataset(folder: Path) -> tuple[NDArray[np.int16], list[Label]]:
    """Read a whole data set.

    Returns
    -------
    waves : NDArray[np.int16], shape (notes, 64000)
        Sample values times 32767.
    labels : list of Label
        One a note.

    Raises
    ------
    FileNotFoundError
        If the folder holds no notes.
    """
    waves, labels = [], []
    for path in sorted(folder.glob("notes_*.jsonl")):
        waves.append(np.load(path.with_suffix(".npy"), allow_pickle=False))
        labels += [Label(**json.loads(row)) for row in path.read_text().splitlines()]
    if not waves:
        raise FileNotFoundError(f"{folder} holds no notes_*.jsonl")
    return np.concatenate(waves), labels
