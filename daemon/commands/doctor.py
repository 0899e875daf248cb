"""``timbred doctor``: what is found, what is missing, and the command that mends it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from daemon.exits import Exit


@click.command()
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
