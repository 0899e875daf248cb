"""Render soundfonts into a labelled set of 4 s notes at 16 kHz, on all cores, resumable instrument by
instrument.

Of each instrument there is a shard; a note that failed a gate is told in `rejected_<shard>.jsonl`, written
before the labels of the shard.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mappings.atomic_files import write_atomic
from mappings.documents import DocumentError
from synth_engine.datasets.finishing import finish_note, to_float
from synth_engine.datasets.font_file import FontFile, read_font_file
from synth_engine.datasets.instruments import Instrument, full_instruments, small_instruments
from synth_engine.datasets.labels import Label
from synth_engine.datasets.parallel import run_all
from synth_engine.datasets.pitch import PitchDetector
from synth_engine.datasets.programs import Program
from synth_engine.datasets.qualities import measure, qualities_of
from synth_engine.datasets.shards import write_shard
from synth_engine.datasets.soundfont import RENDER_RATE_HZ, SoundfontPlayer
from synth_engine.generator.spectral import SAMPLE_RATE_HZ

DEFAULT_SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
SECOND_SOUNDFONT = Path("/usr/share/sounds/sf3/MuseScore_General_Full.sf3")
HELD_S = 3.0
RELEASE_S = 1.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Rendering:
    """What is rendered, and how.

    Attributes
    ----------
    recipe : str
        "small" or "full".
    fonts : list of FontFile
        The soundfonts.
    instruments : list of Instrument
        In the order they are rendered.
    velocity : int
        MIDI velocity of every note, 1..127.
    detector : PitchDetector or None
        Gate for the pitch.
    missing : list of str
        Instruments of the recipe that the fonts lack.
    threads : int
        Instruments rendered at once.
    """

    recipe: str
    fonts: list[FontFile]
    instruments: list[Instrument]
    velocity: int = 100
    detector: PitchDetector | None = None
    missing: tuple[str, ...] = ()
    threads: int = 1

    def described(self) -> dict[str, Any]:
        """What dataset.json says, but for the counts."""
        fonts = [{"file": f.path.name, "sha256": f.digest(), **f.texts} for f in self.fonts]
        return {
            "recipe": self.recipe,
            "soundfont": fonts[0]["file"],
            "soundfont_sha256": fonts[0]["sha256"],
            "fonts": fonts,  # with the makers' own notices, which go with whatever is made of the notes
            "programs": [instrument.name for instrument in self.instruments],
            "instruments": {i.name: i.described() for i in self.instruments},
            "missing": list(self.missing),
            "velocity": self.velocity,
            "held_s": HELD_S,
            "release_s": RELEASE_S,
            "sample_rate_hz": SAMPLE_RATE_HZ,
            "pitch_gate": "SwiftF0" if self.detector else None,
        }


def small_rendering(soundfont: Path, programs: Iterable[Program], velocity: int = 100) -> Rendering:
    """Return the small recipe: bank-0 programs of one font, no pitch gate.

    Raises
    ------
    SoundfontError
        If the soundfont cannot be read.
    """
    font = read_font_file(soundfont)
    return Rendering("small", [font], small_instruments(soundfont, programs), velocity)


def full_rendering(soundfonts: Sequence[Path], seed: int, detector: PitchDetector | None) -> Rendering:
    """Return the full recipe of `synth_engine.datasets.instruments`.

    Raises
    ------
    SoundfontError
        If a soundfont cannot be read.
    """
    fonts = [read_font_file(path) for path in soundfonts]
    instruments, missing = full_instruments(fonts, seed)
    threads = os.cpu_count() or 1
    return Rendering("full", fonts, instruments, 100, detector, tuple(missing), threads)


def render_dataset(out_dir: Path, rendering: Rendering, progress: Progress | None = None) -> dict[str, Any]:
    """Render every playable pitch; instruments already in `out_dir` are not rendered again.

    Parameters
    ----------
    out_dir : Path
        Folder of the data set, made if missing.
    rendering : Rendering
        What to render.
    progress : callable or None
        Called with (notes done, notes in all) after every instrument.

    Returns
    -------
    dict
        dataset.json: with `notes` and `rejected` (how many of each reason).

    Raises
    ------
    SoundfontError
        If a soundfont lacks a program.
    DocumentError
        If the folder holds notes of another recipe.
    OSError
        If `out_dir` cannot be written.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    description = rendering.described()
    _refuse_other(out_dir / "dataset.json", description)
    _write_json(out_dir / "dataset.json", {**description, "complete": False})
    total = sum(len(instrument.program.pitches) for instrument in rendering.instruments)
    waiting = [i for i in rendering.instruments if not _labels_path(out_dir, i).exists()]
    done = total - sum(len(instrument.program.pitches) for instrument in waiting)
    with ExitStack() as stack:
        for font in (
            rendering.fonts if waiting else []
        ):  # held open, so that each instrument's player is quick
            stack.enter_context(SoundfontPlayer(font.path))
        work = partial(_render_instrument, out_dir, rendering)
        finished = stack.enter_context(closing(run_all(work, waiting, rendering.threads)))
        for instrument, _ in finished:
            done += len(instrument.program.pitches)
            if progress:
                progress(done, total)
    description.update(_counts(out_dir, rendering), complete=True)
    _write_json(out_dir / "dataset.json", description)
    return description


def _labels_path(out_dir: Path, instrument: Instrument) -> Path:
    return out_dir / f"notes_{instrument.shard}.jsonl"


def _render_instrument(out_dir: Path, rendering: Rendering, instrument: Instrument) -> None:
    program, notes, labels, rejected = instrument.program, [], [], []
    with SoundfontPlayer(instrument.font) as player:
        player.select(instrument.bank, program.number, instrument.variation)
        for pitch in program.pitches:
            note = finish_note(player.play(pitch, rendering.velocity, HELD_S, RELEASE_S), RENDER_RATE_HZ)
            wave = None if note is None else to_float(note)
            if note is None or wave is None:
                rejected.append({"instrument": instrument.name, "pitch": pitch, "reason": "silent"})
            elif rendering.detector and not rendering.detector.agrees(wave, pitch):
                rejected.append({"instrument": instrument.name, "pitch": pitch, "reason": "pitch"})
            else:
                qualities = qualities_of(measure(wave, pitch), program.number)
                notes.append(note)
                labels.append(
                    Label(
                        instrument.name, program.number, program.family, program.source, pitch,
                        rendering.velocity, qualities, instrument.split, measured=True,
                    )
                )  # fmt: skip
    if rejected:
        rows = "".join(json.dumps(row) + "\n" for row in rejected)
        write_atomic(out_dir / f"rejected_{instrument.shard}.jsonl", rows.encode(), generations=0)
    write_shard(out_dir, instrument.shard, notes, labels)


def _counts(out_dir: Path, rendering: Rendering) -> dict[str, Any]:
    notes, reasons = 0, Counter[str]()
    for instrument in rendering.instruments:
        notes += len(_labels_path(out_dir, instrument).read_text(encoding="utf-8").splitlines())
        rejected = out_dir / f"rejected_{instrument.shard}.jsonl"
        if rejected.exists():
            reasons.update(
                json.loads(row)["reason"] for row in rejected.read_text(encoding="utf-8").splitlines()
            )
    return {"notes": notes, "rejected": dict(sorted(reasons.items()))}


def _refuse_other(path: Path, description: dict[str, Any]) -> None:
    if not path.exists():
        return
    there = json.loads(path.read_text(encoding="utf-8"))
    for key in ("recipe", "soundfont_sha256", "velocity", "pitch_gate"):
        if key in there and there[key] != description[key]:
            raise DocumentError(
                f"{path.parent} holds notes with {key} {there[key]}, not {description[key]}: "
                "choose another folder"
            )


def _write_json(path: Path, document: dict[str, Any]) -> None:
    write_atomic(path, (json.dumps(document, indent=1) + "\n").encode(), generations=0)
