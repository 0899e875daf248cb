"""``timbred devices``: sound outputs and MIDI inputs."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import click


@click.command()
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
