"""``timbred dataset``: notes to train on."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.exits import Unavailable
from daemon.progress import Progress

_PATH = click.Path(path_type=Path)


@click.group()
def dataset() -> None:
    """Notes to train on: rendered from soundfonts or made of your own recordings.

    \b
    Example:
      timbred dataset chop recordings notes
      timbred dataset build notes data
      timbred dataset inspect data
    """


@dataset.command("render")
@click.argument("out_dir", type=_PATH)
@click.option(
    "--recipe",
    type=click.Choice(["small", "full"]),
    default="small",
    show_default=True,
    help="small: 104 General MIDI programs of one font. full: two fonts, bent variants of every preset, "
    "pitch check, splits; about 31,000 notes, 4.1 GB.",
)
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
