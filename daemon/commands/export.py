"""``timbred export``: models become checkpoints of Magenta's GANSynth."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("model")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace what is at OUT.")
def export(model: str, out: Path, force: bool) -> None:
    """Write MODEL (name or folder) as a checkpoint folder with the original's variable names.

    Anything that reads GANSynth's generator reads it. Models with harmonic maps or conditions, such as the
    embedded one, are not the original's network and are refused.

    \b
    Example:
      timbred export mine ~/checkpoints/mine
    """
    from daemon.fresh_folder import fresh_folder
    from daemon.settings import load_settings, resolve_model
    from synth_engine.gansynth.exporting import write_checkpoint
    from synth_engine.generator.model_folder import load_model

    config, paths = load_settings({"model": model})
    loaded = load_model(resolve_model(config, paths))
    with fresh_folder(out, force) as fresh:
        notes = write_checkpoint(loaded, fresh)
    for note in notes:
        click.echo(f"timbred: {note}", err=True)
    click.echo(f"wrote {out}")
