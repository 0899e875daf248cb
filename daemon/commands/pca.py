"""``timbred pca``: GANSpace directions of a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from daemon.progress import Progress, counting

if TYPE_CHECKING:
    from pca_cache.basis import Basis
    from synth_engine.generator.model import Model

FEWEST_PLACES = 12  # of a map


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
    from pca_cache.store import basis_path, load_basis, save_basis

    loaded, cache = _load(model)
    if basis_file is not None:
        basis = load_basis(basis_file, loaded.digest, loaded.hook_shape)
    else:
        basis = _basis_of(loaded, cache)
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
    path = basis_file or basis_path(cache, loaded.digest)
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
    from pca_cache.basis import BasisError

    loaded, cache = _load(model)
    basis = _basis_of(loaded, cache)
    if not basis.labels:
        raise BasisError("nobody has measured this model's directions yet: timbred pca describe")
    click.echo(directions_table(basis))


@pca.command("map")
@click.option("--model", help="Model folder or name; the embedded one if left out.")
@click.option(
    "--out", default=Path(), type=click.Path(path_type=Path, file_okay=False),
    help="Folder for map.png and map.json (default: here).",
)  # fmt: skip
@click.option(
    "--random", "count", default=150, show_default=True, type=click.IntRange(0, 5000), help="Random points."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the layout.")
def pca_map(model: str | None, out: Path, count: int, seed: int) -> None:
    """Lay out anchors and random points in a plane, near each other if they sound alike.

    The JSON is for a pad controller: name, family, x and y from 0 to 1. A random point's name is the seed
    that `/latent/random` takes.

    \b
    Example:
      timbred pca map --out maps
    """
    import json

    from daemon.key_points import latent_space_of
    from mappings.atomic_files import write_atomic
    from pca_cache.latent_point import LatentPoint
    from synth_engine.evaluation.map_pictures import draw_map
    from synth_engine.evaluation.space_map import PITCHES, map_space, places_of

    loaded, cache = _load(model)
    if len(loaded.anchors) + count < FEWEST_PLACES:
        raise click.UsageError(f"a map wants {FEWEST_PLACES} points or more: --random {FEWEST_PLACES}")
    basis, space = _basis_of(loaded, cache), latent_space_of(loaded, None)
    places = places_of(loaded, {str(n): space.latent(LatentPoint.from_seed(n)) for n in range(count)})
    progress = Progress("listening")
    found = map_space(loaded, basis, places, seed, counting(progress.show, len(places) * len(PITCHES)))
    progress.end()
    written = out / "map.json", out / "map.png"
    write_atomic(written[0], (json.dumps(found.to_json(), indent=1) + "\n").encode(), generations=0)
    draw_map(written[1], found)
    for path in written:
        click.echo(f"wrote {path}")


def _load(model: str | None) -> tuple[Model, Path]:
    """The model of that name, and the folder of the cache."""
    from daemon.settings import load_settings, resolve_model
    from synth_engine.generator.model_folder import load_model

    config, paths = load_settings({"model": model})
    return load_model(resolve_model(config, paths)), paths.cache


def _basis_of(model: Model, cache: Path) -> Basis:
    """The directions in use, or words about how to get them."""
    from pca_cache.basis import BasisError
    from pca_cache.store import find_or_none

    basis = find_or_none(cache, model.digest, model.hook_shape)
    if basis is None:
        raise BasisError("this model has no directions yet: timbred pca fit")
    return basis
