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


@pca.command("describe")
@click.option("--model", help="Model folder or name; the embedded one if left out.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for figures and pictures."
)
@click.option(
    "--basis", "basis_file", type=click.Path(path_type=Path, dir_okay=False),
    help="The .npz to name (default: the one in use, kept in the cache).",
)  # fmt: skip
@click.option("--points", default=24, show_default=True, type=click.IntRange(4, 1000), help="Points tried.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--layers", is_flag=True, help="Also compare with directions of block 1's second layer.")
def pca_describe(
    model: str | None, out: Path | None, basis_file: Path | None, points: int, seed: int, layers: bool
) -> None:
    """Measure what each direction does, and name it.

    From many points and pitches, notes are rendered along every direction and along random ones of equal
    length. The names go into the basis; a direction is turned round if its quality shrank, so a preset made
    before may sound different there.

    \b
    Example:
      timbred pca describe --out directions
    """
    from daemon.basis_describe import compare_layers, describe_basis
    from daemon.basis_report import directions_table, write_description
    from daemon.settings import load_settings, resolve_model
    from pca_cache.basis import BasisError
    from pca_cache.store import basis_path, find_or_none, load_basis, save_basis
    from synth_engine.generator.model_folder import load_model

    config, paths = load_settings({"model": model})
    loaded = load_model(resolve_model(config, paths))
    if basis_file is not None:
        basis = load_basis(basis_file, loaded.digest, loaded.hook_shape)
    else:
        found = find_or_none(paths.cache, loaded.digest, loaded.hook_shape)
        if found is None:
            raise BasisError("this model has no directions yet: timbred pca fit")
        basis = found
    compared = None
    if layers:
        progress = Progress("comparing layers")
        compared = compare_layers(loaded, basis, points, seed, progress.show)
        progress.end()
        for layer, merits in compared.items():
            click.echo(f"{layer}: " + ", ".join(f"{name} {value:g}" for name, value in merits.items()))
    progress = Progress("measuring")
    description = describe_basis(loaded, basis, points, seed, progress.show)
    progress.end()
    path = basis_file or basis_path(paths.cache, loaded.digest)
    save_basis(path, description.basis)
    click.echo(directions_table(description.basis))
    for written in [path, *(write_description(out, loaded, description, compared) if out else [])]:
        click.echo(f"wrote {written}")


@pca.command("names")
@click.option("--model", help="Model folder or name; the embedded one if left out.")
def pca_names(model: str | None) -> None:
    """Tell what the directions of a model do.

    \b
    Example:
      timbred pca names
    """
    from daemon.basis_report import directions_table
    from daemon.settings import load_settings, resolve_model
    from pca_cache.basis import BasisError
    from pca_cache.store import find_or_none
    from synth_engine.generator.model_folder import load_model

    config, paths = load_settings({"model": model})
    loaded = load_model(resolve_model(config, paths))
    basis = find_or_none(paths.cache, loaded.digest, loaded.hook_shape)
    if basis is None or not basis.labels:
        raise BasisError("nobody has measured this model's directions yet: timbred pca describe")
    click.echo(directions_table(basis))
