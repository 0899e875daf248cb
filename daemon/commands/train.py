"""``timbred train``: models from your own notes."""

from __future__ import annotations

import importlib.util
import math
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from daemon.exits import Exit, Unavailable

_BACKENDS = ("tensorflow", "jax")
_CLUSTER = "expected COORDINATOR:PORT,HOSTS,NUMBER such as 10.0.0.1:9800,2,0"
_DECODER_MINUTES = 75.0  # over which its learning rate falls
_PRESETS = Path(__file__).parents[2] / "synth_engine" / "training" / "gansynth" / "presets"


@dataclass(frozen=True)
class _Cluster:
    """Several hosts that train together: where number 0 listens, how many they are, which one this is."""

    coordinator: str
    hosts: int
    number: int


def _parse_cluster(_context: click.Context, _option: click.Parameter, text: str | None) -> _Cluster | None:
    if text is None:
        return None
    coordinator, *numbers = text.split(",")
    if ":" not in coordinator or len(numbers) != 2 or not all(number.isdecimal() for number in numbers):
        raise click.BadParameter(f"{_CLUSTER}, found {text!r}")
    hosts, number = int(numbers[0]), int(numbers[1])
    if not number < hosts:
        raise click.BadParameter(f"number: expected 0..{hosts - 1}, found {number}")
    return _Cluster(coordinator, hosts, number)


def _show_preset(context: click.Context, _option: click.Parameter, name: str | None) -> None:
    if name is not None:
        click.echo(_preset(name).read_text(encoding="utf-8"), nl=False)
        context.exit()


def _preset(name: str) -> Path:
    from mappings.documents import did_you_mean

    known = sorted(path.stem for path in _PRESETS.glob("*.toml"))
    if name not in known:
        listed = ", ".join(known)
        raise click.BadParameter(f"no preset is called {name!r}{did_you_mean(name, known)} (known: {listed})")
    return _PRESETS / f"{name}.toml"


@click.command()
@click.option("--recipe", type=click.Choice(["gansynth", "decoder"]), default="gansynth", show_default=True)
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Data set of `timbred dataset`.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the run.")
@click.option("--config", type=click.Path(path_type=Path), help="TOML file with every number.")
@click.option(
    "--preset", default="small", show_default=True, help="Shipped config, where --config is left out."
)
@click.option(
    "--show-preset", metavar="NAME", is_eager=True, expose_value=False, callback=_show_preset,
    help="Write a preset's TOML, to begin your own from: full, small, small_conditional.",
)  # fmt: skip
@click.option("--minutes", type=click.FloatRange(0.0, min_open=True), help="Stop after so long.")
@click.option("--backend", type=click.Choice(_BACKENDS), help="Default: tensorflow where it is installed.")
@click.option("--devices", type=click.IntRange(1), help="Default: 1, or all of a cluster (jax only).")
@click.option("--cluster", callback=_parse_cluster, help="COORDINATOR:PORT,HOSTS,NUMBER (jax only).")
def train(recipe: str, data: Path, out: Path, minutes: float | None, **options: Any) -> None:
    """Train a model; a run that was stopped or killed goes on from its last checkpoint.

    The folder of the run gets a checkpoint, curve.csv, samples (pictures and sounds) and, whenever training
    stops, a model folder. A run goes on only with the config it began with. Several hosts share the folder.

    \b
    Example:
      timbred train --data ~/notes --out ~/runs/first --preset small --minutes 60
      timbred train --show-preset full > own.toml
      timbred train --recipe gansynth --data ~/notes --out ~/runs/own --config own.toml --backend jax
      timbred run --model ~/runs/own/model
    """
    if recipe == "decoder":
        _train_decoder(data, out, minutes, options["backend"])
    else:
        _train_gansynth(data, out, minutes, options)


def _train_gansynth(data: Path, out: Path, minutes: float | None, options: dict[str, Any]) -> None:
    config_path = options["config"] or _preset(options["preset"])
    cluster: _Cluster | None = options["cluster"]
    _choose_backend(options["backend"], cluster)
    from synth_engine.training.gansynth.config import load_config
    from synth_engine.training.gansynth.devices import open_devices
    from synth_engine.training.gansynth.run import Diverged, Plan, train

    leads = cluster is None or cluster.number == 0
    config = load_config(config_path)
    try:
        devices = open_devices(options["devices"] or (0 if cluster else 1), config.schedule.batch)
        train(Plan(data, out, minutes, leads), config, devices, lambda line: click.echo(line, err=True))
    except Diverged as error:
        click.echo(f"timbred: {error}", err=True)
        raise SystemExit(Exit.SOFTWARE) from None


def _choose_backend(asked: str | None, cluster: _Cluster | None) -> None:
    """Name the backend before Keras is loaded, which reads it once."""
    installed = [name for name in _BACKENDS if importlib.util.find_spec(name)]
    backend = asked or ("jax" if cluster else next(iter(installed), "tensorflow"))
    if backend not in installed or not importlib.util.find_spec("keras"):
        extra = "train" if backend == "tensorflow" else "jax"
        raise Unavailable(f"{backend} is not installed: pip install 'timbred[{extra}]'")
    if cluster and backend != "jax":
        raise click.UsageError(f"--cluster: expected the jax backend, found {backend}")
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    loaded = sys.modules.get("keras")
    if loaded is not None and loaded.backend.backend() != backend:
        raise Unavailable(f"Keras is already loaded with {loaded.backend.backend()}, asked is {backend}")
    if cluster:
        from synth_engine.training.gansynth.cluster import join

        join(cluster.coordinator, cluster.hosts, cluster.number)


def _train_decoder(data: Path, out: Path, minutes: float | None, backend: str | None) -> None:
    _choose_backend(backend, None)
    from synth_engine.training.decoder import Session, train
    from synth_engine.training.recipe import Recipe, read_recipe

    resumes = (out / "checkpoint.safetensors").exists()
    session = Session(minutes or _DECODER_MINUTES, math.inf, resumes, None)
    train(data, out, read_recipe(out) if resumes else Recipe(), session)
