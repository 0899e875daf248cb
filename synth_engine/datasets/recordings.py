"""Your own recordings as single notes: long ones cut, short ones brought to the note length.

Notes are written as `FOLDER/NAME.NUMBER-PITCH-VELOCITY.wav`, in the folders of the recordings they come from,
which is what `read_name` and NSynth's tools understand. In the output folder, `cut.jsonl` is the journal and
`rejected.txt` lists what could not be used.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from mappings.atomic_files import write_atomic
from synth_engine.datasets import cutting
from synth_engine.datasets.audio_files import AudioFileError, find_recordings, read_recording
from synth_engine.datasets.finishing import PEAK
from synth_engine.datasets.journal import Journal
from synth_engine.datasets.naming import Named, read_name
from synth_engine.datasets.parallel import run_all
from synth_engine.datasets.pitch_choice import PitchChoice
from synth_engine.datasets.shards import DatasetError
from synth_engine.generator.spectral import SAMPLE_RATE_HZ

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Cut:
    """How recordings become notes.

    Attributes
    ----------
    how : str
        "onsets", "step", or "pad" (a recording is one note).
    seconds : float
        Length of a note.
    step_s : float
        From one note to the next, for "step".
    shortest_s : float
        What sounds shorter is left out.
    fade_ms : float
        Fade at the end of a note that is cut off.
    mix : bool
        See `read_recording`.
    """

    how: str = "onsets"
    seconds: float = 4.0
    step_s: float = 4.0
    shortest_s: float = 0.2
    fade_ms: float = 50.0
    mix: bool = False

    def notes(self, wave: NDArray[np.float32]) -> list[tuple[float, NDArray[np.float32]]]:
        """Return (start in seconds, note) of every note in a recording at 16 kHz."""
        frames = round(self.seconds * SAMPLE_RATE_HZ)
        shortest = round(self.shortest_s * SAMPLE_RATE_HZ)
        if self.how == "pad":
            note = cutting.trimmed(wave)
            return [(0.0, self._finish(note, frames))] if len(note) >= shortest else []
        if self.how == "step":
            spans = cutting.spans_by_step(wave, frames, round(self.step_s * SAMPLE_RATE_HZ))
        else:
            spans = cutting.spans_at_onsets(wave, frames, shortest)
        return [(start / SAMPLE_RATE_HZ, self._finish(wave[start:end], frames)) for start, end in spans]

    def _finish(self, wave: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
        """Length, fade and peak of one note."""
        wave = wave[:frames]
        note = np.zeros(frames, np.float32)
        note[: len(wave)] = wave * (PEAK / max(float(np.abs(wave).max(initial=0.0)), 1e-9))
        fade = min(round(self.fade_ms * SAMPLE_RATE_HZ / 1000.0), len(wave))
        note[len(wave) - fade : len(wave)] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
        return note


@dataclass(frozen=True)
class CutReport:
    """What became of the recordings.

    Attributes
    ----------
    notes : int
        Notes written.
    files : int
        Recordings looked at.
    rejected : list of (str, str)
        Recording (with the place in it, if only a part is meant) and reason.
    """

    notes: int
    files: int
    rejected: list[tuple[str, str]]


def cut_recordings(
    source: Path, out: Path, cut: Cut, pitches: PitchChoice, progress: Progress | None = None
) -> CutReport:
    """Make single notes of all recordings under a folder (or of one file); resumes recording by recording.

    Parameters
    ----------
    source : Path
        Folder, searched to any depth, or file.
    out : Path
        Folder for the notes, made if missing; not inside `source`.
    cut : Cut
        Where notes begin and end.
    pitches : PitchChoice
        How their pitches are found.
    progress : callable or None
        Called with (recordings done, recordings in all).

    Raises
    ------
    DatasetError
        If there are no recordings, none can be used, or `out` holds notes made otherwise.
    OSError
        If `out` cannot be written.
    """
    root, files = _recordings(source, out)
    targets = _targets(root, files)
    options = {**asdict(cut), "pitch": pitches.given, "way": pitches.way, "confidence": pitches.confidence}
    is_new = not (out / "cut.jsonl").exists()
    journal = Journal(out / "cut.jsonl", options)
    known = {entry["source"] for entry in journal.entries}
    waiting = [path for path in files if str(path.relative_to(root)) not in known]

    def work(path: Path) -> dict[str, Any]:
        return _cut_one(path, root, out / targets[path], cut, pitches)

    for done, (_, entry) in enumerate(run_all(work, waiting, os.cpu_count() or 1), start=1):
        journal.add(entry)
        if progress:
            progress(len(files) - len(waiting) + done, len(files))
    report = _report(journal, len(files))
    if not report.notes:
        if is_new:
            (out / "cut.jsonl").unlink()
        name, reason = report.rejected[0]
        raise DatasetError(f"{source}: none of {len(files)} recordings gave a note; {name}: {reason}")
    rows = "".join(f"{name}: {reason}\n" for name, reason in report.rejected)
    write_atomic(out / "rejected.txt", rows.encode(), generations=0)
    return report


def _recordings(source: Path, out: Path) -> tuple[Path, list[Path]]:
    if source.is_file():
        return source.parent, [source]
    if not source.is_dir():
        raise DatasetError(f"{source}: no such file or folder")
    if out.resolve() == source.resolve() or source.resolve() in out.resolve().parents:
        raise DatasetError(f"{out} lies in {source}: the notes would be taken for recordings")
    files = find_recordings(source)
    if not files:
        raise DatasetError(f"{source}: no recordings in it (wav, flac, ogg, opus, mp3, aiff, au, caf ...)")
    return source, files


def _targets(root: Path, files: list[Path]) -> dict[Path, Path]:
    """Name of each recording's notes, without number and pitch; its suffix is added where two are alike."""
    bases = {path: path.relative_to(root).with_suffix("") for path in files}
    counts = Counter(bases.values())
    return {
        path: base if counts[base] == 1 else base.with_name(f"{base.name}_{path.suffix[1:].lower()}")
        for path, base in bases.items()
    }


def _cut_one(path: Path, root: Path, target: Path, cut: Cut, pitches: PitchChoice) -> dict[str, Any]:
    relative = path.relative_to(root)
    entry: dict[str, Any] = {"source": str(relative), "notes": [], "rejected": []}
    try:
        notes = cut.notes(read_recording(path, cut.mix))
    except AudioFileError as error:
        return {**entry, "rejected": [[str(relative), str(error)]]}
    if not notes:
        return {**entry, "rejected": [[str(relative), "silent, or shorter than a note"]]}
    named = read_name(relative)
    for number, (start_s, note) in enumerate(notes):
        try:
            pitch = pitches.choose(note, named.pitch)
        except AudioFileError as error:
            where = str(relative) if len(notes) == 1 else f"{relative} at {start_s:.2f} s"
            entry["rejected"].append([where, str(error)])
            continue
        name = _note_path(target, number, pitch, named)
        write_atomic(name, _wav(note), generations=0)
        entry["notes"].append(name.name)
    return entry


def _note_path(target: Path, number: int, pitch: int, named: Named) -> Path:
    return target.with_name(f"{target.name}.{number:03d}-{pitch:03d}-{named.velocity:03d}.wav")


def _wav(note: NDArray[np.float32]) -> bytes:
    """A note as NSynth keeps it: 16 bits, one channel."""
    buffer = io.BytesIO()
    soundfile.write(buffer, note, SAMPLE_RATE_HZ, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def _report(journal: Journal, files: int) -> CutReport:
    entries = sorted(journal.entries, key=lambda entry: str(entry["source"]))
    rejected = [(str(name), str(reason)) for entry in entries for name, reason in entry["rejected"]]
    return CutReport(sum(len(entry["notes"]) for entry in entries), files, rejected)
