"""``timbred notes``: notes as sound files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from daemon.finite_range import FiniteRange
from daemon.progress import Progress

_LONGEST_S = 3600.0


@click.command()
@click.option("--model", help="Model folder, or name of an installed model; the embedded one if left out.")
@click.option("--pitches", "pitch_text", help="Such as 48-72, C4,E4,G4 or 60,64; drawn if left out.")
@click.option("--count", type=click.IntRange(1, 10_000), help="How many (default: one a pitch, or 8).")
@click.option(
    "--latents",
    type=click.Choice(["random", "anchors", "mix"]),
    default="random",
    show_default=True,
    help="Timbres: random points, the model's instruments, or points between two of them.",
)
@click.option("--anchor", "anchors", multiple=True, help="An instrument of the model (repeatable: in turn).")
@click.option("--one-timbre", is_flag=True, help="All notes have the first timbre.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Same seed, same notes.")
@click.option(
    "--seconds",
    "held_s",
    type=FiniteRange(0.01, _LONGEST_S),
    help="How long the key is down, as long as you like (default: the model's own notes).",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("notes"),
    show_default=True,
    help="Folder for the files.",
)
@click.option("--format", "suffix", type=click.Choice(["wav", "flac"]), default="wav", show_default=True)
@click.option("--rate-hz", default=48_000, show_default=True, type=click.IntRange(8_000, 192_000))
@click.option("--threads", type=click.IntRange(1, 64), help="Cores to render on (default: all).")
def notes(out: Path, **options: Any) -> None:
    """Write notes as sound files, with a sheet of spectrograms and a list of what each file is.

    \b
    Example:
      timbred notes --anchor violin --pitches C4,E4,G4 --seconds 10 -o violin
      timbred notes --latents mix --count 16 --seed 7 --format flac
    """  # fmt: skip
    from daemon.settings import load_settings, resolve_model
    from synth_engine.offline.note_batch import BatchFormat, BatchPlan, plan_notes, write_notes
    from synth_engine.offline.note_source import NoteSource
    from synth_engine.offline.pitches import PitchError, parse_pitches
    from synth_engine.offline.timbres import TimbreError

    config, paths = load_settings({"model": options["model"]})
    source = NoteSource(
        resolve_model(config, paths), threads=options["threads"], cache_dir=paths.cache / "networks"
    )
    try:
        pitches = parse_pitches(options["pitch_text"]) if options["pitch_text"] else ()
        plan = BatchPlan(
            count=options["count"] or len(pitches) or 8, pitches=pitches, anchors=options["anchors"],
            latents=options["latents"], one_timbre=options["one_timbre"], seed=options["seed"],
        )  # fmt: skip
        planned = plan_notes(source.model, plan)
    except (PitchError, TimbreError) as error:
        raise click.UsageError(str(error)) from None
    progress = Progress("rendering")
    how = BatchFormat(options["suffix"], options["rate_hz"], options["held_s"])
    written = write_notes(source, planned, out, how, progress.show)
    progress.end()
    click.echo(f"wrote {len(written)} notes, sheet.png, notes.csv and notes.json to {out}")
