"""``timbred render``: a MIDI file to sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from daemon.finite_range import FiniteRange
from daemon.progress import Progress


@click.command()
@click.argument("song", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Sound file, .wav or .flac.",
)
@click.option("--model", help="Model folder, or name of an installed model; the embedded one if left out.")
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    help="An instrument for the whole song; several: a way from one to the next.",
)
@click.option(
    "--timbre",
    "timbres",
    multiple=True,
    metavar="[N=]WHAT",
    help="WHAT all, or channel or track N, is played with: an instrument, several with commas between,"
    " 'programs' (the song's own General MIDI programs) or 'random'.",
)
@click.option(
    "--by",
    type=click.Choice(["song", "channel", "track"]),
    default="channel",
    show_default=True,
    help="What has a timbre of its own.",
)
@click.option(
    "--seconds-per-timbre",
    type=FiniteRange(0.05, 86_400.0),
    help="From one point of a way to the next (default: 6 s between random points).",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of random timbres.")
@click.option(
    "--outside",
    type=click.Choice(["fold", "refuse", "drop"]),
    default="fold",
    show_default=True,
    help="Pitches the model does not have: moved by octaves, an error, or left out.",
)
@click.option("--drums", is_flag=True, help="Play channel 10 too.")
@click.option("--mono", is_flag=True, help="One channel.")
@click.option("--rate-hz", default=48_000, show_default=True, type=click.IntRange(8_000, 192_000))
@click.option("--threads", type=click.IntRange(1, 64), help="Cores to render on (default: all).")
def render(song: Path, out: Path, **options: Any) -> None:
    """Play a MIDI file into a sound file.

    Every channel is played with the instrument of its General MIDI program, if the model has such, else with
    random timbres that change slowly. Notes last as long as key and pedal hold them.

    \b
    Example:
      timbred render song.mid -o song.wav
      timbred render song.mid -o song.flac --timbre 1=violin,flute --timbre 2=cello --seconds-per-timbre 8
    """  # fmt: skip
    from daemon.settings import load_settings, resolve_model
    from synth_engine.offline.arrangement import arrange
    from synth_engine.offline.casting import CastPlan, cast
    from synth_engine.offline.midi_song import read_song
    from synth_engine.offline.note_source import NoteSource
    from synth_engine.offline.song_render import SongFormat, render_song
    from synth_engine.offline.sound_file import SoundFileError, check_sound_path
    from synth_engine.offline.timbres import TimbreError

    try:
        check_sound_path(out)
        config, paths = load_settings({"model": options["model"]})
        read = read_song(song)
        model_path, networks = resolve_model(config, paths), paths.cache / "networks"
        source = NoteSource(model_path, threads=options["threads"], cache_dir=networks)
        arrangement = arrange(read, source.model.pitches, outside=options["outside"], drums=options["drums"])
        way = (",".join(options["anchors"]),) if options["anchors"] else ()
        plan = CastPlan(
            options["by"], (*way, *options["timbres"]), options["seconds_per_timbre"], options["seed"]
        )
        timbres = cast(source.model, plan, arrangement.notes)
    except (SoundFileError, TimbreError) as error:
        raise click.UsageError(str(error)) from None
    for remark in arrangement.remarks:
        click.echo(remark, err=True)
    progress = Progress("notes")
    how = SongFormat(options["rate_hz"], 1 if options["mono"] else 2)
    rendered = render_song(source, arrangement, timbres, out, how, progress.show)
    progress.end()
    seconds = rendered.frames / how.rate_hz
    click.echo(f"wrote {out}: {len(arrangement.notes)} notes, {seconds:.1f} s, {rendered.in_words()}")
