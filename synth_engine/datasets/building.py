"""Build a data set of recordings or of NSynth's packings, shard by shard, resumable.

`build.jsonl` in the data set is the journal: one line a shard, with the notes that could not be used.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from mappings.atomic_files import write_atomic
from synth_engine.datasets.audio_files import AudioFileError
from synth_engine.datasets.finishing import level_and_fade, to_int16
from synth_engine.datasets.journal import Journal
from synth_engine.datasets.labels import Label, to_row
from synth_engine.datasets.parallel import run_all
from synth_engine.datasets.qualities import measure, qualities_of
from synth_engine.datasets.shards import DatasetError, read_labels, write_shard
from synth_engine.datasets.sources import Note, Source
from synth_engine.generator.spectral import SAMPLE_RATE_HZ, WAVE_FRAMES

NOTES_PER_SHARD = 64
HELD_OUT_SHARE = 0.1  # of the instruments, each for validation and test
FEWEST_INSTRUMENTS = 10  # of fewer none is held out

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Wanted:
    """Which notes of the source are kept.

    Attributes
    ----------
    lowest_pitch, highest_pitch : int
        MIDI range, both ends included.
    sources : tuple of str
        Only these sources; all if empty.
    """

    lowest_pitch: int = 0
    highest_pitch: int = 127
    sources: tuple[str, ...] = ()

    def keeps(self, label: Label) -> bool:
        """Whether a note is kept."""
        in_range = self.lowest_pitch <= label.pitch <= self.highest_pitch
        return in_range and (not self.sources or label.source in self.sources)


@dataclass(frozen=True)
class Built:
    """What a build made.

    Attributes
    ----------
    notes, left_out : int
        Notes in the data set, and notes that were not wanted.
    rejected : list of (str, str)
        File or record and reason.
    """

    notes: int
    left_out: int
    rejected: list[tuple[str, str]]


def build_dataset(
    source: Source, out_dir: Path, wanted: Wanted, licence: str = "", progress: Progress | None = None
) -> Built:
    """Write all usable notes of a source as a data set.

    Parameters
    ----------
    source : Source
        What to build from.
    out_dir : Path
        Folder of the data set, made if missing.
    wanted : Wanted
        Which notes are kept.
    licence : str
        Terms of the recordings, kept in dataset.json.
    progress : callable or None
        Called with (notes done, notes in all) after every shard.

    Raises
    ------
    DatasetError
        If no note can be used, or `out_dir` holds a data set of something else.
    OSError
        If `out_dir` cannot be written.
    """
    journal = Journal(out_dir / "build.jsonl", _options(source, wanted))
    shards = range(-(-len(source.notes) // NOTES_PER_SHARD))
    known = {entry["shard"] for entry in journal.entries}
    waiting = [shard for shard in shards if shard not in known]
    done = len(source.notes) - sum(len(_slice(source, shard)) for shard in waiting)
    work = partial(_build_shard, source, out_dir, wanted)
    with closing(run_all(work, waiting, os.cpu_count() or 1)) as finished:
        for shard, entry in finished:
            journal.add(entry)
            done += len(_slice(source, shard))
            if progress:
                progress(done, len(source.notes))
    built = _built(journal, source)
    if not built.notes:
        _remove(out_dir, shards)
        name, reason = built.rejected[0] if built.rejected else ("", "none is wanted")
        raise DatasetError(f"none of {len(source.notes)} notes can be used; {name}: {reason}")
    _finish(source, out_dir, licence, built)
    return built


def _options(source: Source, wanted: Wanted) -> dict[str, Any]:
    names = hashlib.sha256("\n".join(note.name for note in source.notes).encode()).hexdigest()
    keep = [wanted.lowest_pitch, wanted.highest_pitch, *wanted.sources]
    return {"kind": source.kind, "files": len(source.notes), "names_sha256": names, "wanted": keep}


def _slice(source: Source, shard: int) -> list[Note]:
    return source.notes[shard * NOTES_PER_SHARD : (shard + 1) * NOTES_PER_SHARD]


def _build_shard(source: Source, out_dir: Path, wanted: Wanted, shard: int) -> dict[str, Any]:
    notes, labels, rejected, left_out = [], [], [], 0
    for number, note in enumerate(_slice(source, shard), start=shard * NOTES_PER_SHARD):
        try:
            wave, label, is_told = note.read()
        except AudioFileError as error:
            rejected.append([note.name, str(error)])
            continue
        finished = level_and_fade(wave, WAVE_FRAMES)
        if not wanted.keeps(label):
            left_out += 1
        elif finished is None:
            rejected.append([note.name, "silent"])
        else:
            if not is_told:
                qualities = qualities_of(measure(finished, label.pitch))
                label = replace(label, qualities=qualities, measured=True)
            notes.append(to_int16(finished))
            labels.append(replace(label, split=source.splits[number] or "train"))
    write_shard(out_dir, f"{shard:05d}", notes, labels)
    return {"shard": shard, "notes": len(notes), "left_out": left_out, "rejected": rejected}


def _built(journal: Journal, source: Source) -> Built:
    entries = sorted(journal.entries, key=lambda entry: int(entry["shard"]))
    rejected = [(str(name), str(reason)) for entry in entries for name, reason in entry["rejected"]]
    return Built(
        sum(entry["notes"] for entry in entries),
        sum(entry["left_out"] for entry in entries),
        source.damaged + rejected,
    )


def _finish(source: Source, out_dir: Path, licence: str, built: Built) -> None:
    """Split by instrument where the source does not, and write the report and dataset.json."""
    paths = sorted(out_dir.glob("notes_*.jsonl"))
    shards = [read_labels(path) for path in paths]
    if None in source.splits:
        splits = split_instruments({label.instrument for labels in shards for label in labels})
        shards = [[replace(label, split=splits[label.instrument]) for label in labels] for labels in shards]
        for path, labels in zip(paths, shards, strict=True):
            rows = "".join(to_row(label) + "\n" for label in labels)
            write_atomic(path, rows.encode(), generations=0)
    everything = [label for labels in shards for label in labels]
    rows = "".join(f"{name}: {reason}\n" for name, reason in built.rejected)
    write_atomic(out_dir / "rejected.txt", rows.encode(), generations=0)
    description = {
        "recipe": "build",
        "kind": source.kind,
        "programs": sorted({label.instrument for label in everything}),
        "splits": dict(sorted(Counter(label.split for label in everything).items())),
        "splits_by": "instrument" if None in source.splits else "source",
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "licence": licence or "not stated",
        "notes": built.notes,
        "left_out": built.left_out,
        "rejected": len(built.rejected),
        "complete": True,
    }
    write_atomic(out_dir / "dataset.json", (json.dumps(description, indent=1) + "\n").encode(), generations=0)


def split_instruments(names: Collection[str]) -> dict[str, str]:
    """Return a split for each instrument: a tenth to validate, a tenth to test, chosen by their digests."""
    ranked = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    held_out = round(HELD_OUT_SHARE * len(ranked)) if len(ranked) >= FEWEST_INSTRUMENTS else 0
    splits = dict.fromkeys(ranked, "train")
    splits.update(dict.fromkeys(ranked[:held_out], "test"))
    splits.update(dict.fromkeys(ranked[held_out : 2 * held_out], "valid"))
    return splits


def _remove(out_dir: Path, shards: range) -> None:
    """Take back what a build without a single note has written."""
    (out_dir / "build.jsonl").unlink(missing_ok=True)
    for shard in shards:
        for suffix in ("npy", "jsonl"):
            (out_dir / f"notes_{shard:05d}.{suffix}").unlink(missing_ok=True)
    if not any(out_dir.iterdir()):
        out_dir.rmdir()
