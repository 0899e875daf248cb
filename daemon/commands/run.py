"""``timbred run``: play."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
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
