"""``timbred pca``: GANSpace directions of a model."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.progress import Progress


@click.group()
def pca() -> None:
    """GANSpace directions of a model."""


@pca.command("fit")
@click.option("--model", help="Model folder or name; the embedded one if left out.")
@click.option("--out", type=click.Path(path_type=Path), help="Where to write the .npz (default: the cache).")
@click.option("--components", default=16, show_default=True)
@click.option("--samples", default=20_000, show_default=True, help="Latent points, spread over all pitches.")
@click.option("--seed", default=0, show_default=True)
def pca_fit(model: str | None, out: Path | None, components: int, samples: int, seed: int) -> None:
    """Fit the principal components of block 1's activations over all pitches.

    \b
    Example:
      timbred pca fit --components 24
    """
    from daemon.basis_fit import fit_basis
    from daemon.settings import load_settings, resolve_model

    config, paths = load_settings({"model": model})
    progress = Progress("fitting")
    path = fit_basis(
        resolve_model(config, paths), out or paths.cache,
        components=components, samples=samples, seed=seed, progress=progress.show,
    )  # fmt: skip
    progress.end()
    click.echo(f"wrote {path}")
