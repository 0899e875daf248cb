"""``timbred dataset``: notes to train on."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.exits import Unavailable
from daemon.progress import Progress


@click.group()
def dataset() -> None:
    """Notes to train on."""


@dataset.command("render")
@click.argument("out_dir", type=click.Path(path_type=Path))
@click.option("--soundfont", type=click.Path(path_type=Path), help="Default: Debian's FluidR3_GM.sf2.")
@click.option("--velocity", default=100, show_default=True, type=click.IntRange(1, 127))
def dataset_render(out_dir: Path, soundfont: Path | None, velocity: int) -> None:
    """Render a soundfont into labelled 4-second notes (16 kHz, one channel). Resumes where it stopped.

    \b
    Example:
      timbred dataset render ~/notes
    """
    from synth_engine.datasets.programs import PROGRAMS
    from synth_engine.datasets.rendering import DEFAULT_SOUNDFONT, render_dataset
    from synth_engine.datasets.soundfont import SoundfontError

    progress = Progress("rendering")
    try:
        render_dataset(
            out_dir, soundfont or DEFAULT_SOUNDFONT, PROGRAMS, velocity=velocity, progress=progress.show
        )
    except SoundfontError as error:
        raise Unavailable(str(error)) from None
    progress.end()
    click.echo(f"wrote {out_dir}")
