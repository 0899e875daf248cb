"""``timbred import``: checkpoints of Magenta's GANSynth become models to play."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from daemon.progress import Progress

if TYPE_CHECKING:
    from daemon.paths import Paths

_COMPONENTS, _SAMPLES, _SEED = 16, 20_000, 0  # of `timbred pca fit`


@click.command("import")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--name", help="What to call the model [default: the folder's or archive's name].")
@click.option(
    "--lowest-pitch", type=click.IntRange(0, 127),
    help="MIDI pitch of the first label [default: what the settings say, else 24].",
)  # fmt: skip
@click.option("--raw", is_flag=True, help="Take the raw weights, not the moving averages that generate.")
@click.option("--licence", default=None, help="Licence of the weights: the checkpoint does not state it.")
@click.option(
    "--anchors", default=8, show_default=True, type=click.IntRange(0, 99),
    help="Name so many random points, to begin with: seed-07 is the point of /latent/random 7.",
)  # fmt: skip
@click.option("--pca/--no-pca", default=True, show_default=True, help="Fit the directions of the /pca knobs.")
@click.option("--force", is_flag=True, help="Replace a model of that name.")
def import_command(  # noqa: PLR0913, PLR0917  options of the command
    checkpoint: Path,
    name: str | None,
    lowest_pitch: int | None,
    raw: bool,
    licence: str | None,
    anchors: int,
    pca: bool,
    force: bool,
) -> None:
    """Import a checkpoint of Magenta's GANSynth as a model to play; no TensorFlow is needed.

    CHECKPOINT is a folder with experiment.json and stage_* folders, a zip of it, one stage's folder, or an
    .index file. The newest checkpoint of the newest stage is taken, with its moving averages.

    \b
    Example:
      timbred import acoustic_only.zip
      timbred import ~/gansynth/mine --name mine --lowest-pitch 36
      timbred run --model acoustic_only
    """
    from daemon.model_import import import_model, model_name, summary
    from daemon.settings import load_settings
    from synth_engine.gansynth.importing import UNSTATED_LICENCE, ImportPlan

    name = model_name(checkpoint, name)
    _, paths = load_settings({})
    folder = paths.data / "models" / name
    plan = ImportPlan(lowest_pitch, raw, licence or UNSTATED_LICENCE)
    model, notes = import_model(checkpoint, folder, plan, anchors=anchors, replace=force)
    for what, words in summary(model).items():
        click.echo(f"{what:>10}: {words}")
    for note in notes:
        click.echo(f"timbred: {note}", err=True)
    click.echo(f"imported as {name!r}: timbred run --model {name}")
    if pca:
        _fit(folder, name, paths)


def _fit(folder: Path, name: str, paths: Paths) -> None:
    """Fit the basis; the model is there whether or not this comes to an end."""
    from daemon.basis_fit import fit_basis

    progress = Progress("fitting the PCA directions")
    try:
        fit_basis(
            folder, paths.cache,
            components=_COMPONENTS, samples=_SAMPLES, seed=_SEED, progress=progress.show,
        )  # fmt: skip
    except KeyboardInterrupt:
        click.echo(
            f"\ntimbred: the directions are not fitted; {name!r} is imported all the same. "
            f"`timbred run --model {name}` fits them, or `timbred pca fit --model {name}`",
            err=True,
        )
        raise
    finally:
        progress.end()
