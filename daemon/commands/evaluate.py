"""``timbred evaluate``: how good a model is."""

from __future__ import annotations

import json
from pathlib import Path

import click

from daemon.exits import Unavailable
from daemon.progress import Progress


@click.command()
@click.option("--model", help="Model folder or name; the embedded one if left out.")
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Data set of real notes (`timbred dataset render`); without it nothing is compared with.",
)  # fmt: skip
@click.option("--notes", default=500, show_default=True, type=click.IntRange(2, 20_000), help="Of each kind.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Same seed, same notes.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Threads.")
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Figures as JSON.")
@click.option("--pictures", type=click.Path(path_type=Path, file_okay=False), help="Folder for pictures.")
def evaluate(
    model: str | None, data: Path | None, notes: int, seed: int, workers: int,
    json_path: Path | None, pictures: Path | None,
) -> None:  # fmt: skip
    """Judge a model: pitch, distance to real notes, diversity, attack and noise, paths between anchors.

    Anchors, mixes of anchors and random points beside real notes of instruments the model does not know, with
    the distance between real and real as the floor. The judges (basic-pitch, SwiftF0, musicnn) are extras;
    one that is missing leaves its columns empty.

    \b
    Example:
      timbred evaluate --data ~/notes --json figures.json --pictures pictures
    """
    from daemon.settings import load_settings, resolve_model
    from mappings.atomic_files import write_atomic
    from synth_engine.evaluation import evaluation
    from synth_engine.evaluation.examination import assemble_panel
    from synth_engine.evaluation.report import render_report
    from synth_engine.generator.model_folder import load_model

    panel = assemble_panel()
    if not panel.names and not panel.hears_realism:
        raise Unavailable("no judge is installed:\n  " + "\n  ".join(panel.missing.values()))
    config, paths = load_settings({"model": model})
    progress = Progress("judging")
    plan = evaluation.EvaluationPlan(notes=notes, seed=seed, workers=workers)
    try:
        result = evaluation.evaluate(
            load_model(resolve_model(config, paths)), data, plan, progress.show, panel
        )
    except evaluation.TooFewNotes as error:
        raise click.UsageError(str(error)) from None
    progress.end()
    click.echo(render_report(result.figures), nl=False)
    if json_path is not None:
        write_atomic(json_path, (json.dumps(result.figures, indent=1) + "\n").encode(), generations=0)
        click.echo(f"wrote {json_path}")
    if pictures is not None:
        from synth_engine.evaluation.pictures import write_pictures

        for path in write_pictures(result, pictures):
            click.echo(f"wrote {path}")
