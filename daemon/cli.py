"""The ``timbred`` command. Every sub-command answers ``--help`` with an example."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from daemon import __version__
from daemon.exits import Exit, Unavailable
from mappings.documents import DocumentError
from pca_cache.basis import BasisError
from synth_engine.generator.model import ModelError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="timbred")
def timbred() -> None:
    """Play a neural network: MIDI notes in, OSC to steer the timbre, sound out.

    \b
    Example:
      timbred run                       play
      oscsend localhost 9700 /pca/1 f 2 change the timbre
    """


@timbred.command()
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="timbred.toml to use.")
@click.option("--instance", help="Name of this daemon, if several run.")
@click.option("--model", help="Model folder, or name of an installed model.")
@click.option("--device", help="Part of the name of the output device.")
@click.option("--rate-hz", type=int, help="Output rate; a JACK server's own rate wins.")
@click.option("--block-frames", type=int, help="Frames a block; smaller answers faster.")
@click.option("--null", "null_host", is_flag=True, default=None, help="No sound device: keep time silently.")
@click.option("--osc-host", help="Address to listen at (0.0.0.0 lets tablets in).")
@click.option("--osc-port", type=int, help="UDP port for OSC.")
@click.option("--threads", type=int, help="Threads that render notes (default: all cores but one).")
@click.option("--midi", "midi_patterns", multiple=True, help="Only inputs matching this name (repeatable).")
@click.option("--greeting/--no-greeting", default=None, help="Play three notes when ready.")
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
def run(verbose: bool, **options: Any) -> None:
    """Play until interrupted (Ctrl-C fades out and saves the state).

    \b
    Example:
      timbred run --device USB --block-frames 64
    """
    import asyncio

    from daemon.app import App
    from daemon.logs import configure_logging
    from daemon.settings import load_settings

    configure_logging(verbose=verbose)
    config, paths = load_settings(options)
    raise SystemExit(asyncio.run(App(config, paths).run()))


@timbred.command()
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def devices(as_json: bool) -> None:
    """List sound outputs and MIDI inputs.

    \b
    Example:
      timbred devices
    """
    from daemon.midi.ports import list_inputs
    from synth_engine.hosts.portaudio import HostUnavailable, list_outputs

    report: dict[str, Any] = {"outputs": [], "midi_inputs": [], "notes": []}
    try:
        report["outputs"] = [dataclasses.asdict(output) for output in list_outputs()]
    except HostUnavailable as error:
        report["notes"].append(f"sound: {error}")
    try:
        report["midi_inputs"] = list(list_inputs())
    except OSError as error:
        report["notes"].append(f"MIDI: {error}")
    if as_json:
        click.echo(json.dumps(report, indent=1))
        return
    click.echo("Sound outputs:")
    for output in report["outputs"]:
        click.echo(f"  {output['name']}  ({output['host_api']}, {output['rate_hz']:.0f} Hz)")
    click.echo("" if report["outputs"] else "  none (the daemon would run silently; see: timbred doctor)")
    click.echo("MIDI inputs:")
    for name in report["midi_inputs"]:
        click.echo(f"  {name}")
    click.echo("" if report["midi_inputs"] else "  none now; a keyboard is taken up when it is plugged in")
    for note in report["notes"]:
        click.echo(note)


@timbred.command()
@click.option(
    "--config", "config_path", type=click.Path(path_type=Path), help="timbred.toml to examine with."
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def doctor(config_path: Path | None, as_json: bool) -> None:
    """Tell what is found, what is missing, and the command that mends it.

    \b
    Example:
      timbred doctor
    """
    from daemon.doctor import Verdict, examine
    from daemon.settings import load_settings, resolve_model

    config, paths = load_settings({"config_path": config_path})
    findings = examine(config, paths, resolve_model(config, paths))
    if as_json:
        rows = [{**dataclasses.asdict(f), "verdict": f.verdict.value} for f in findings]
        click.echo(json.dumps(rows, indent=1))
    else:
        marks = {Verdict.OK: "ok     ", Verdict.NOTE: "note   ", Verdict.MISSING: "MISSING"}
        for finding in findings:
            click.echo(f"{marks[finding.verdict]}  {finding.what}: {finding.found}")
            if finding.mend:
                click.echo(f"         -> {finding.mend}")
    if any(f.verdict is Verdict.MISSING for f in findings):
        raise SystemExit(Exit.UNAVAILABLE)


@timbred.group()
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


@timbred.group()
def dataset() -> None:
    """Notes to train on."""


@dataset.command("render")
@click.argument("out_dir", type=click.Path(path_type=Path))
@click.option("--soundfont", type=click.Path(path_type=Path), help="Default: Debian's FluidR3_GM.sf2.")
@click.option("--velocity", default=100, show_default=True, type=click.IntRange(1, 127))
def dataset_render(out_dir: Path, soundfont: Path | None, velocity: int) -> None:
    """Render a soundfont into labelled 4-second notes (16 kHz, one channel). Resumes where it stopped.

    \b
    Example:
      timbred dataset render ~/notes
    """
    from synth_engine.training.dataset import DEFAULT_SOUNDFONT, render_dataset
    from synth_engine.training.programs import PROGRAMS
    from synth_engine.training.soundfont import SoundfontError

    progress = Progress("rendering")
    try:
        render_dataset(
            out_dir, soundfont or DEFAULT_SOUNDFONT, PROGRAMS, velocity=velocity, progress=progress.show
        )
    except SoundfontError as error:
        raise Unavailable(str(error)) from None
    progress.end()
    click.echo(f"wrote {out_dir}")


class Progress:
    """One line that says how far long work is and how long it will still take."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._started_s = time.monotonic()
        self._shown_s = 0.0

    def show(self, done: int, total: int) -> None:
        """Called by the work as it goes on; writes at most ten times a second."""
        now_s = time.monotonic()
        if now_s - self._shown_s < 0.1 and done < total:
            return
        self._shown_s = now_s
        elapsed_s = now_s - self._started_s
        left = f", {elapsed_s / done * (total - done):.0f} s left" if done else ""
        share = 100 * done // max(total, 1)
        end = "\r" if sys.stderr.isatty() else "\n"
        if sys.stderr.isatty() or done >= total or done % max(total // 10, 1) == 0:
            click.echo(f"{self._verb}: {done} of {total} ({share} %){left}    ", err=True, nl=False)
            click.echo(end, err=True, nl=False)

    def end(self) -> None:
        """Leave the line."""
        if sys.stderr.isatty():
            click.echo("", err=True)


def _fail(status: Exit, error: BaseException) -> NoReturn:
    click.echo(f"timbred: {error}", err=True)
    raise SystemExit(status)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: runs a command and turns its errors into words and exit statuses (design section 7)."""
    try:
        timbred.main(
            args=None if arguments is None else list(arguments), prog_name="timbred", standalone_mode=False
        )
    except click.ClickException as error:
        error.show()
        raise SystemExit(Exit.USAGE) from None
    except click.Abort:
        raise SystemExit(130) from None
    except Unavailable as error:
        _fail(Exit.UNAVAILABLE, error)
    except (BasisError, DocumentError, ModelError) as error:
        _fail(Exit.CONFIG, error)
    except OSError as error:
        _fail(Exit.IO, error)
    except Exception as error:  # noqa: BLE001  the outermost loop: what nobody foresaw is told whole
        traceback.print_exc()
        _fail(Exit.SOFTWARE, error)


if __name__ == "__main__":
    main()
