"""``timbred capture``: your own sound as a point of the latent space."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import click

from daemon.exits import Unavailable
from daemon.progress import Progress


@click.command()
@click.argument("sound", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the new anchor.")
@click.option("--pitch", type=click.FloatRange(0.0, 127.0), help="MIDI pitch; default: what is heard.")
@click.option("--model", default="default", show_default=True, help="Model to search: a name or a folder.")
@click.option("--into", default="captured", show_default=True, help="Your copy of the model, by name.")
@click.option("--steps", type=click.IntRange(1, 10_000), default=120, show_default=True)
@click.option("--replace", is_flag=True, help="Replace an anchor of that name.")
def capture(
    sound: Path, name: str, pitch: float | None, into: str, steps: int, **options: str | bool
) -> None:
    """Find the point whose note comes nearest to one recorded note, and keep it as an anchor.

    The anchor is kept in a copy of the model among your own, which sounds like the model in all else and
    shares its knobs (PCA basis). Told are the distances of the nearest anchor and of the new point to the
    recording.

    \b
    Example:
      timbred capture saw.wav --name my_saw
      timbred capture bell.flac --name bell --pitch 72.3 --into bells
      timbred run --model captured
    """
    if not any(importlib.util.find_spec(backend) for backend in ("tensorflow", "jax")):
        raise Unavailable("capturing follows gradients, for which it needs pip install 'timbred[train]'")
    if not importlib.util.find_spec("tensorflow"):
        os.environ.setdefault("KERAS_BACKEND", "jax")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from daemon.captured import CapturedSound, keep_anchor, plan_target, read_note
    from synth_engine.generator.model_folder import load_model

    target = plan_target(str(options["model"]), into, name, bool(options["replace"]))
    note: CapturedSound = read_note(sound, pitch)
    model = load_model(target.folder if target.exists else target.source)
    from synth_engine.training.capture import (
        CannotCapture,
        Capturer,
    )  # seconds, after all that may be refused

    progress = Progress("steps")
    try:
        found = Capturer(model, steps).capture(note.wave_for(model), note.pitch, progress.show)
    except CannotCapture as error:
        raise click.UsageError(f"--model {options['model']}: {error}") from None
    progress.end()
    keep_anchor(model, target, name, found.latent, note.pitch)
    click.echo(
        f"{name}: pitch {note.pitch:.2f}, {found.before_db:.1f} dB from the recording at {found.start}, "
        f"now {found.after_db:.1f} dB; kept in {target.folder}"
    )
