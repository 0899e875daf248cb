"""``timbred dataset``: notes to train on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daemon.exits import Unavailable
from daemon.progress import Progress

if TYPE_CHECKING:
    from synth_engine.datasets.pitch_choice import PitchChoice
    from synth_engine.datasets.recordings import Cut

_PATH = click.Path(path_type=Path)
_SHOWN_REJECTS = 10


def _pitch_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command ``--pitch`` and ``--confidence`` as one argument, `pitches`."""

    @click.option(
        "--pitch", default="auto", show_default=True,
        help="auto: from the name (name_60, name-C4), else heard. names: only so. detect: always heard. "
        "Or the pitch of all: 60, C4.",
    )  # fmt: skip
    @click.option(
        "--confidence", default=0.5, show_default=True, type=click.FloatRange(0, 1),
        help="A pitch that SwiftF0 hears less surely is refused; so is one that basic-pitch hears otherwise.",
    )  # fmt: skip
    @functools.wraps(command)
    def with_pitches(pitch: str, confidence: float, **others: object) -> None:
        command(pitches=_pitch_choice(pitch, confidence), **others)

    return with_pitches


_mix_option = click.option(
    "--mix", is_flag=True, help="The mean of all channels; otherwise the loudest one, for a mean combs."
)
_seconds_option = click.option(
    "--seconds", default=4.0, show_default=True, type=click.FloatRange(0.1, 60), help="Length of a note."
)


@click.group()
def dataset() -> None:
    """Notes to train on: rendered from soundfonts or made of your own recordings.

    \b
    Example:
      timbred dataset chop recordings notes
      timbred dataset build notes data
      timbred dataset inspect data
    """


@dataset.command("chop")
@click.argument("source", type=_PATH)
@click.argument("out_dir", type=_PATH)
@_seconds_option
@click.option(
    "--step", "step_s", type=click.FloatRange(0.01),
    help="A note every so many seconds; otherwise one at every onset.",
)  # fmt: skip
@click.option(
    "--shortest", "shortest_s", default=0.2, show_default=True, help="Leave out what is shorter (s)."
)
@_pitch_options
@_mix_option
def dataset_chop(
    source: Path,
    out_dir: Path,
    seconds: float,
    step_s: float | None,
    shortest_s: float,
    pitches: PitchChoice,
    mix: bool,
) -> None:
    """Cut long recordings of any format into single notes, at onsets or by a step. Silence is skipped.

    Resumes where it stopped. Folders are searched to any depth and kept.

    \b
    Example:
      timbred dataset chop recordings notes
      timbred dataset chop drone.flac notes --step 1 --pitch C2
    """
    from synth_engine.datasets.recordings import Cut

    how = "onsets" if step_s is None else "step"
    cut = Cut(how, seconds, step_s or seconds, shortest_s, mix=mix)
    _cut(source, out_dir, cut, pitches)


@dataset.command("pad")
@click.argument("source", type=_PATH)
@click.argument("out_dir", type=_PATH)
@_seconds_option
@_pitch_options
@_mix_option
def dataset_pad(source: Path, out_dir: Path, seconds: float, pitches: PitchChoice, mix: bool) -> None:
    """Bring recordings of one note each to the note length: trimmed, padded or faded, peak 0.95.

    Resumes where it stopped. Folders are searched to any depth and kept.

    \b
    Example:
      timbred dataset pad samples notes
    """
    from synth_engine.datasets.recordings import Cut

    _cut(source, out_dir, Cut("pad", seconds, seconds, mix=mix), pitches)


@dataset.command("build")
@click.argument("source", type=_PATH)
@click.argument("out_dir", type=_PATH)
@_pitch_options
@_mix_option
@click.option(
    "--range", "pitch_range", type=(click.IntRange(0, 127), click.IntRange(0, 127)), default=(0, 127),
    show_default=True, help="Lowest and highest MIDI pitch that is kept.",
)  # fmt: skip
@click.option(
    "--only", multiple=True, type=click.Choice(["acoustic", "electronic", "synthetic"]),
    help="Keep only these sources (may be given again).",
)  # fmt: skip
@click.option("--licence", default="", help="Terms of the recordings, kept with the data.")
def dataset_build(
    source: Path,
    out_dir: Path,
    pitches: PitchChoice,
    mix: bool,
    pitch_range: tuple[int, int],
    only: tuple[str, ...],
    licence: str,
) -> None:
    """Make a data set of single notes, of NSynth's folders (examples.json) or of its tfrecords.

    Resumes where it stopped. Notes that cannot be used are listed in OUT_DIR/rejected.txt.

    \b
    Example:
      timbred dataset build notes data
      timbred dataset build nsynth-train data --only acoustic --range 24 84
    """
    from synth_engine.datasets.building import Wanted, build_dataset
    from synth_engine.datasets.sources import open_source

    if pitch_range[0] > pitch_range[1]:
        raise click.UsageError(f"--range: {pitch_range[0]} is above {pitch_range[1]}")
    opened = open_source(source, pitches, mix)
    progress = Progress("building")
    built = build_dataset(opened, out_dir, Wanted(*pitch_range, only), licence, progress.show)
    progress.end()
    _tell_rejected(built.rejected)
    left_out = f", {built.left_out} not wanted" if built.left_out else ""
    click.echo(f"wrote {out_dir}: {built.notes} notes, {len(built.rejected)} rejected{left_out}")


@dataset.command("inspect")
@click.argument("data", type=_PATH)
@click.option("--out", type=_PATH, help="Folder of the report; DATA/inspection if left out.")
@click.option("--notes", type=click.IntRange(1), help="Look at so many only, drawn at random.")
@click.option("--seed", default=0, show_default=True, help="Seed of the drawing, and of the examples.")
def dataset_inspect(data: Path, out: Path | None, notes: int | None, seed: int) -> None:
    """Tell what is in a data set: counts, levels, decays, duplicates; text, JSON and pictures.

    \b
    Example:
      timbred dataset inspect data
    """
    import json

    import numpy as np

    from mappings.atomic_files import write_atomic
    from synth_engine.datasets import inspection, inspection_pictures
    from synth_engine.datasets.shards import read_dataset

    waves, labels = read_dataset(data)
    chosen = np.arange(len(labels))
    if notes is not None and notes < len(labels):
        chosen = np.sort(np.random.default_rng(seed).choice(len(labels), notes, replace=False))
    progress = Progress("inspecting")
    found = inspection.inspect_notes(waves, labels, chosen.tolist(), progress.show)
    progress.end()
    figures = inspection.report(labels, found)
    folder = out or data / "inspection"
    text = inspection.to_text(figures)
    write_atomic(folder / "report.txt", text.encode(), generations=0)
    write_atomic(folder / "report.json", (json.dumps(figures, indent=1) + "\n").encode(), generations=0)
    inspection_pictures.draw_measures(found, folder / "measures.png")
    inspection_pictures.draw_coverage(labels, folder / "pitches.png")
    inspection_pictures.draw_families(found, folder / "families.png")
    inspection_pictures.draw_examples(waves, labels, folder / "examples.png", seed)
    click.echo(text)
    click.echo(f"wrote {folder}")


@dataset.command("render")
@click.argument("out_dir", type=_PATH)
@click.option(
    "--recipe", type=click.Choice(["small", "full"]), default="small", show_default=True,
    help="small: 104 General MIDI programs of one font. full: two fonts, bent variants of every preset, "
    "pitch check, splits; about 31,000 notes, 4 GB.",
)  # fmt: skip
@click.option("--soundfont", type=_PATH, help="Default: Debian's FluidR3_GM.sf2.")
@click.option(
    "--fonts", type=(_PATH, _PATH),
    help="Two fonts for the full recipe, laid out like FluidR3 and MuseScore General (also compact ones).",
)  # fmt: skip
@click.option("--velocity", default=100, show_default=True, type=click.IntRange(1, 127), help="Small recipe.")
@click.option("--seed", default=0, show_default=True, help="Seed of the full recipe's variants.")
@click.option("--pitch-check/--no-pitch-check", default=True, show_default=True, help="Full recipe: SwiftF0.")
def dataset_render(
    out_dir: Path,
    recipe: str,
    soundfont: Path | None,
    fonts: tuple[Path, Path] | None,
    velocity: int,
    seed: int,
    pitch_check: bool,
) -> None:
    """Render soundfonts into labelled 4-second notes (16 kHz, one channel). Resumes where it stopped.

    \b
    Example:
      timbred dataset render ~/notes
      timbred dataset render ~/full --recipe full
    """
    from synth_engine.datasets import rendering
    from synth_engine.datasets.pitch import DetectorMissing, PitchDetector
    from synth_engine.datasets.programs import PROGRAMS
    from synth_engine.datasets.soundfont import SoundfontError

    first = soundfont or rendering.DEFAULT_SOUNDFONT
    progress = Progress("rendering")
    try:
        if recipe == "small":
            plan = rendering.small_rendering(first, PROGRAMS, velocity)
        else:
            detector = PitchDetector() if pitch_check else None
            pair = fonts or (first, rendering.SECOND_SOUNDFONT)
            plan = rendering.full_rendering(pair, seed, detector)
        if plan.missing:
            click.echo(f"not in these fonts, left out: {', '.join(plan.missing)}", err=True)
        made = rendering.render_dataset(out_dir, plan, progress.show)
    except (SoundfontError, DetectorMissing) as error:
        raise Unavailable(str(error)) from None
    progress.end()
    reasons = ", ".join(f"{count} {reason}" for reason, count in made["rejected"].items()) or "none"
    click.echo(f"wrote {out_dir}: {made['notes']} notes; rejected: {reasons}")


def _pitch_choice(pitch: str, confidence: float) -> PitchChoice:
    """What ``--pitch`` says; the detector where it may be needed and is installed."""
    from synth_engine.datasets.naming import pitch_of_note_name
    from synth_engine.datasets.pitch import DetectorMissing, PitchDetector
    from synth_engine.datasets.pitch_choice import WAYS, PitchChoice
    from synth_engine.evaluation.judges import JudgeMissing, PitchJudge

    if pitch not in WAYS:
        try:
            given = int(pitch) if pitch.isdecimal() else pitch_of_note_name(pitch)
        except ValueError:
            given = -1
        if not 0 <= given < 128:
            raise click.UsageError(
                f"--pitch {pitch}: expected auto, names, detect, 0..127 or a note like A#3"
            )
        return PitchChoice(given=given)
    detector = second = None
    if pitch != "names":
        try:
            detector = PitchDetector()
            second = PitchJudge()
        except DetectorMissing as error:
            if pitch == "detect":
                raise Unavailable(str(error)) from None
        except JudgeMissing:
            pass  # one opinion will do
    return PitchChoice(pitch, detector=detector, confidence=confidence, second=second)


def _cut(source: Path, out_dir: Path, cut: Cut, pitches: PitchChoice) -> None:
    from synth_engine.datasets.recordings import cut_recordings

    progress = Progress("cutting")
    report = cut_recordings(source, out_dir, cut, pitches, progress.show)
    progress.end()
    _tell_rejected(report.rejected)
    click.echo(f"wrote {out_dir}: {report.notes} notes of {report.files} recordings")


def _tell_rejected(rejected: list[tuple[str, str]]) -> None:
    for name, reason in rejected[:_SHOWN_REJECTS]:
        click.echo(f"rejected {name}: {reason}", err=True)
    if len(rejected) > _SHOWN_REJECTS:
        click.echo(f"rejected {len(rejected) - _SHOWN_REJECTS} more: see the output folder", err=True)
