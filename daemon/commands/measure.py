"""``timbred measure``: how fast it is on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from daemon.progress import Progress

Figures = Mapping[str, object]

_JSON = click.option("--json", "as_json", is_flag=True, help="Figures as JSON on the standard output.")
_MODEL = click.option("--model", help="Model folder or name; the embedded one if left out.")
_RATE = click.option("--rate-hz", default=48_000, show_default=True, type=click.IntRange(8_000, 384_000))
_BLOCK = click.option("--block-frames", default=128, show_default=True, type=click.IntRange(16, 4096))
_THREADS = click.option(
    "--threads", type=click.IntRange(1, 256), help="Of the daemon's render worker (default: its own choice)."
)


@click.group()
def measure() -> None:
    """Measure rendering, latency, voices and starts on this machine, with real daemons of their own.

    A daemon that plays meanwhile is left alone, but both share the processor: the load is told with the
    figures.
    """


@measure.command("render")
@_MODEL
@click.option(
    "--full-size", is_flag=True, help="An untrained network of GANSynth's size: as slow as a trained one."
)
@click.option("--rounds", default=7, show_default=True, type=click.IntRange(1, 1000), help="Turns of each.")
@click.option("--notes", default=8, show_default=True, type=click.IntRange(1, 61), help="In a turn.")
@click.option("--moves", default=60, show_default=True, type=click.IntRange(1, 10_000), help="Of the knob.")
@click.option("--banks", default=3, show_default=True, type=click.IntRange(1, 100), help="Whole banks.")
@click.option(
    "--sweep-s",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0, 86_400),
    help="Knob moving without rest.",
)
@_THREADS
@_RATE
@_BLOCK
@_JSON
def measure_render(model: str | None, full_size: bool, as_json: bool, **options: Any) -> None:
    """How fast notes are rendered, and how soon a knob or a key is heard.

    First the render worker's own way from the latent point to the slot, with 1 and 2 threads, in turns with
    the Keras model on TensorFlow (if the extra `train` is installed) and with a matrix product, which shows
    what the processor can do. Then a real daemon without a sound card: whole banks, /pca/1 under 1 and 8 held
    notes until they sound from their new notes, a new point and a key together, a knob in motion; late blocks
    are counted.

    \b
    Example:
      timbred measure render --moves 200 --sweep-s 300 --json
    """
    from daemon.measuring.playing import PlayingPlan, playing_figures
    from daemon.measuring.rendering import RenderingPlan, rendering_figures
    from daemon.settings import load_settings

    if model and full_size:
        raise click.UsageError("--model and --full-size: expected one of them")
    rounds, notes = options.pop("rounds"), options.pop("notes")
    _, paths = load_settings({"model": model})
    with _model_to_measure(model, full_size) as (path, architecture, about):
        rendering = RenderingPlan(path, rounds, notes)
        playing = PlayingPlan(path, **options)
        _report(
            lambda: {
                "model": about,
                "rendering": _shown("rendering", lambda s: rendering_figures(rendering, architecture, s)),
                "playing": _shown("playing", lambda show: playing_figures(playing, paths.cache, show)),
            },
            as_json,
        )


@measure.command("latency")
@_MODEL
@click.option("--presses", default=300, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--device", help="Part of the name of the output device.")
@click.option("--null", "null_host", is_flag=True, help="Not through a sound card, even if there is one.")
@_RATE
@_BLOCK
@_JSON
def measure_latency(
    model: str | None, presses: int, device: str | None, null_host: bool, rate_hz: int, block_frames: int,
    as_json: bool,
) -> None:  # fmt: skip
    """From a key (an OSC note) to the frame it sounds at, through the audio process.

    Told apart: from the sender to the stamp that the note gets, from there to the frame by the clock of the
    blocks, and what the driver says it adds. Without a sound card the host that only keeps time is measured.
    Nothing is heard: the volume is down.

    \b
    Example:
      timbred measure latency --block-frames 64
    """
    from daemon.measuring.latency import latency_figures

    with _model_to_measure(model, False) as (path, _, about):
        options = [*_daemon_options(path, rate_hz, block_frames), *(["--null"] if null_host else [])]
        options += ["--device", device] if device else []
        _report(
            lambda: {
                "model": about,
                "latency": _shown("pressing", lambda show: latency_figures(options, presses, show)),
            },
            as_json,
        )


@measure.command("voices")
@click.option(
    "--blocks", default=500, show_default=True, type=click.IntRange(1, 100_000), help="Of each count."
)
@_RATE
@_BLOCK
@_JSON
def measure_voices(blocks: int, rate_hz: int, block_frames: int, as_json: bool) -> None:
    """What a voice costs in the compiled kernel, and how many fit a block.

    \b
    Example:
      timbred measure voices --block-frames 64
    """
    from synth_engine.measuring.voices import voice_figures

    counts = (0, 8, 16, 32, 64)
    _report(
        lambda: {
            "voices": _shown(
                "timing voices", lambda show: voice_figures(counts, blocks, rate_hz, block_frames, show)
            )
        },
        as_json,
    )


@measure.command("start")
@_MODEL
@click.option(
    "--rounds", default=3, show_default=True, type=click.IntRange(1, 1000), help="Starts of each kind."
)
@click.option(
    "--compiling/--no-compiling", default=True, help="Also the very first start, which compiles (once)."
)
@click.option("--null", "null_host", is_flag=True, help="Not through a sound card, even if there is one.")
@_RATE
@_BLOCK
@_JSON
def measure_start(
    model: str | None, rounds: int, compiling: bool, null_host: bool, rate_hz: int, block_frames: int,
    as_json: bool,
) -> None:  # fmt: skip
    """From the command to a first sound and to being ready: first ever, cold (nothing rendered yet), warm.

    Daemons are really started, in a home of their own that is thrown away.

    \b
    Example:
      timbred measure start --rounds 5
    """
    from daemon.measuring.starting import start_figures

    with _model_to_measure(model, False) as (path, _, about):
        options = [*_daemon_options(path, rate_hz, block_frames), *(["--null"] if null_host else [])]
        _report(
            lambda: {
                "model": about,
                "start": _shown(
                    "starting", lambda show: start_figures(options, rounds, compiling=compiling, show=show)
                ),
            },
            as_json,
        )


def _daemon_options(path: Path, rate_hz: int, block_frames: int) -> list[str]:
    return ["--model", str(path), "--rate-hz", str(rate_hz), "--block-frames", str(block_frames)]


@contextmanager
def _model_to_measure(name: str | None, full_size: bool) -> Iterator[tuple[Path, Any, Figures]]:
    """Folder and architecture of the model, and what there is to say of it."""
    import tempfile

    from daemon.settings import load_settings, resolve_model
    from synth_engine.generator.architecture import Architecture
    from synth_engine.generator.model_folder import load_model, save_model
    from synth_engine.generator.random_model import random_model

    with tempfile.TemporaryDirectory(prefix="timbred-measure-") as folder:
        if full_size:
            path = Path(folder) / "full-size"
            save_model(random_model(Architecture()), path)
        else:
            config, paths = load_settings({"model": name})
            path = resolve_model(config, paths)
        model = load_model(path)
        yield (
            path.resolve(),
            model.architecture,
            {
                "name": "untrained, GANSynth's size" if full_size else name or "default",
                "digest": model.digest,
                "weights": sum(weight.size for weight in model.weights.values()),
                "notes": len(model.pitches),
            },
        )


def _shown(verb: str, work: Callable[[Callable[[int, int], None]], Figures]) -> Figures:
    progress = Progress(verb)
    figures = work(progress.show)
    progress.end()
    return figures


def _report(work: Callable[[], Figures], as_json: bool) -> None:
    """Measure, and print with what it was measured on."""
    from daemon.measuring.interrupts import signals_unwind
    from daemon.measuring.words import describe
    from synth_engine.measuring.machine import describe_machine, load_average

    before = load_average()
    with signals_unwind():
        figures = work()
    load = {"load_average_before": before, "load_average_after": load_average()}
    whole = {"machine": {**describe_machine(), **load}, **figures}
    click.echo(json.dumps(whole, indent=1) if as_json else describe(whole))
