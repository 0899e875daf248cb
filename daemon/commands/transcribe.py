"""``timbred transcribe``: a recording to notes."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.exits import Unavailable
from daemon.progress import Progress

_SHARE = click.FloatRange(0.0, 1.0)
_PITCH = click.IntRange(0, 127)


@click.command()
@click.argument("sound", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="MIDI file; default: SOUND's name with .mid."
)
@click.option(
    "--engine",
    type=click.Choice(["basic-pitch", "swift-f0"]),
    help="basic-pitch hears chords, swift-f0 one voice. Default: the first that is installed.",
)
@click.option(
    "--confidence", type=_SHARE, default=0.5, show_default=True, help="0 keeps all, 1 next to nothing."
)
@click.option("--onset", type=_SHARE, default=0.5, show_default=True, help="How clear an attack must be.")
@click.option("--min-note-ms", type=click.FloatRange(0.0, 10_000.0), default=60.0, show_default=True)
@click.option("--lowest", type=_PITCH, default=0, help="Lowest MIDI pitch to keep.")
@click.option("--highest", type=_PITCH, default=127, help="Highest MIDI pitch to keep.")
@click.option("--bends", is_flag=True, help="Write glides and vibrato as pitch bends (swift-f0).")
def transcribe(sound: Path, out: Path | None, engine: str | None, bends: bool, **limits: float) -> None:
    """Write down the notes of a recording as a MIDI file: pitches, onsets, velocities.

    Reads WAV, AIFF, FLAC, Ogg and MP3 of any rate, length and number of channels. The MIDI file runs at 120
    beats a minute and 480 ticks a beat, so that its seconds are the recording's.

    \b
    Example:
      timbred transcribe humming.wav -o notes.mid && timbred render notes.mid -o played.wav
    """
    from mappings.atomic_files import write_atomic
    from synth_engine.transcription.heard_notes import Thresholds, TranscriberMissing
    from synth_engine.transcription.midi_file import midi_bytes
    from synth_engine.transcription.sound_blocks import SoundError
    from synth_engine.transcription.transcriber import Engine, choose_engine
    from synth_engine.transcription.transcriber import transcribe as write_down

    thresholds = Thresholds(
        limits["confidence"], limits["onset"], limits["min_note_ms"] / 1000.0,
        int(limits["lowest"]), int(limits["highest"]),
    )  # fmt: skip
    if thresholds.lowest > thresholds.highest:
        raise click.UsageError(f"--lowest {thresholds.lowest} is above --highest {thresholds.highest}")
    if bends and engine == "basic-pitch":
        raise click.UsageError(
            "--bends needs one voice: a bend moves every note of a chord; use --engine swift-f0"
        )
    out = out or sound.with_suffix(".mid")
    progress = Progress("seconds heard")
    try:
        chosen = Engine(engine) if engine else Engine.SWIFT_F0 if bends else choose_engine()
        notes = write_down(sound, chosen, thresholds, progress.show)
    except TranscriberMissing as error:
        raise Unavailable(str(error)) from None
    except SoundError as error:
        raise OSError(str(error)) from None
    progress.end()
    write_atomic(out, midi_bytes(notes, bends=bends), generations=0)
    click.echo(f"wrote {out}: {len(notes)} notes heard by {chosen.value}")
    if not notes:
        click.echo("no note was sure enough; a lower --confidence or --onset keeps more", err=True)
