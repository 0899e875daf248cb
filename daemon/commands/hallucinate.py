"""``timbred hallucinate``: a way through the latent space, to a file or live."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.exits import Unavailable
from daemon.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from daemon.key_points import KeyPoint
    from pca_cache.latent_space import LatentSpace
    from synth_engine.generator.model import Model
    from synth_engine.offline.hallucination import Plan, Station
    from synth_engine.offline.levelled_file import Written
    from synth_engine.offline.note_source import NoteSource

_SECONDS = click.FloatRange(0.0, 600.0)
SHEET_SOUNDS = 64  # as many as a sheet shows
_WAYS = {"round": "start", "back": "back", "once": "once"}


@click.command()
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="Sound file, .wav or .flac."
)
@click.option("--live", is_flag=True, help="No file: set the running daemon on the way, while you play.")
@click.option("--model", help="Model folder, or name of an installed model; the embedded one if left out.")
@click.option(
    "--keys",
    default=5,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="How many key points are drawn.",
)
@click.option("--point", "points", multiple=True, help="A key point: anchor, preset or seed (repeatable).")
@click.option(
    "--points-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="JSON of key points, or a preset.",
)
@click.option(
    "--seed",
    default=1,
    show_default=True,
    type=click.IntRange(0, 2**31 - 1001),
    help="Same seed, same way.",
)
@click.option(
    "--draw",
    type=click.Choice(["anchors", "random", "pca"]),
    help="Key points drawn: the model's instruments (default, if it has any), random points, or points around"
    " one along its directions.",
)
@click.option(
    "--between",
    default=5,
    show_default=True,
    type=click.IntRange(0, 1000),
    help="Sounds between two key points.",
)
@click.option(
    "--pitches",
    "pitch_text",
    default="48,55,60,64,67",
    show_default=True,
    help="Taken in turn, such as 60 or C3,G3,C4.",
)
@click.option(
    "--spacing",
    "spacing_s",
    type=click.FloatRange(0.01, 600.0),
    default=1.0,
    show_default=True,
    help="Seconds from sound to sound.",
)
@click.option(
    "--trim",
    "trim_s",
    type=_SECONDS,
    default=0.0,
    show_default=True,
    help="Seconds left out of every sound's start.",
)
@click.option("--attack", "attack_s", type=_SECONDS, default=0.1, show_default=True, help="Seconds of rise.")
@click.option(
    "--sustain", "sustain_s", type=_SECONDS, default=1.2, show_default=True, help="Seconds at full level."
)
@click.option(
    "--release", "release_s", type=_SECONDS, default=1.7, show_default=True, help="Seconds of fall."
)
@click.option(
    "--width",
    type=click.FloatRange(0.0, 1.0),
    default=0.6,
    show_default=True,
    help="Spread from left to right.",
)
@click.option("--mono", is_flag=True, help="One channel.")
@click.option("--rate-hz", default=48_000, show_default=True, type=click.IntRange(8_000, 192_000))
@click.option(
    "--sheet", type=click.Path(path_type=Path, dir_okay=False), help="PNG of the sounds' spectrograms."
)
@click.option("--threads", type=click.IntRange(1, 64), help="Cores to render on (default: all).")
@click.option(
    "--way",
    type=click.Choice(list(_WAYS)),
    default="round",
    show_default=True,
    help="Live, after the last point: to the first, back, or stay.",
)
@click.option("--osc-host", help="Live: where the daemon listens.")
@click.option("--osc-port", type=click.IntRange(1, 65_535), help="Live: its UDP port.")
def hallucinate(out: Path | None, live: bool, **options: Any) -> None:
    """Wander from key point to key point through the timbres: a chain of overlapping sounds.

    With --live the running daemon's own timbre takes that way, without a pause, while anything sounds;
    another choice of a timbre ends it.

    \b
    Example:
      timbred hallucinate -o dream.wav
      timbred hallucinate -o river.flac --point violin --point flute --point 7 --pitches C3 --spacing 0.4
      timbred hallucinate --live --point violin --point flute --spacing 2
    """  # fmt: skip
    from pca_cache.latent_point import LatentError

    if live == (out is not None):
        raise click.UsageError("give either -o FILE or --live")
    try:
        if live:
            click.echo(_live(options))
        else:
            assert out is not None
            click.echo(_to_file(out, options))
    except LatentError as error:
        raise click.UsageError(str(error)) from None


def _words(points: tuple[str, ...]) -> list[str | int]:
    return [int(word) if word.isdecimal() else word for word in points]


def _live(options: dict[str, Any]) -> str:
    from daemon.live_hallucination import Refused, start_journey
    from daemon.settings import load_settings, resolve_model
    from synth_engine.generator.model_folder import load_model

    if options["points_file"] or options["draw"] == "pca":
        raise click.UsageError(
            "live, key points are anchors, presets and seeds; save others as presets first"
        )
    config, paths = load_settings(options)
    words = _words(options["points"])
    if not words:
        words = [_word(key) for key in _drawn(options, load_model(resolve_model(config, paths)))]
    leg_s = options["spacing_s"] * (options["between"] + 1)
    try:
        said = start_journey(config.osc.host, config.osc.port, _WAYS[options["way"]], words, leg_s)
    except Refused as error:
        raise click.UsageError(str(error)) from None
    return f"the daemon says: {said}; {leg_s:g} s from point to point"


def _word(key: KeyPoint) -> str | int:
    return key.point.seed if key.point.kind == "seed" else key.name


def _drawn(options: dict[str, Any], model: Model) -> list[KeyPoint]:
    """The key points nobody named; an imported model's anchors are random points, so any others will do."""
    from daemon.key_points import anchor_keys, random_keys
    from synth_engine.gansynth.seeds import instrument_names

    anchors = tuple(model.anchors) if options["draw"] == "anchors" else instrument_names(model)
    if anchors and options["draw"] in (None, "anchors"):
        return anchor_keys(anchors, options["seed"], options["keys"])
    if options["draw"] == "anchors":
        raise click.UsageError("the model has no anchors; draw random points")
    return random_keys(options["seed"], options["keys"])


def _to_file(out: Path, options: dict[str, Any]) -> str:
    from daemon.key_points import latent_space_of
    from daemon.settings import load_settings, resolve_model
    from pca_cache.store import find_or_none
    from synth_engine.offline.hallucination import stations
    from synth_engine.offline.note_source import NoteSource
    from synth_engine.offline.sound_file import SoundFileError, check_sound_path

    config, paths = load_settings({"model": options["model"]})
    try:
        check_sound_path(out)
    except SoundFileError as error:
        raise click.UsageError(str(error)) from None
    model_path, networks = resolve_model(config, paths), paths.cache / "networks"
    source = NoteSource(model_path, threads=options["threads"], cache_dir=networks)
    plan = _plan(options, source.model.pitches)
    space = latent_space_of(
        source.model, find_or_none(paths.cache, source.model.digest, source.model.hook_shape)
    )
    keys = _keys(options, source.model, space, paths.config / "presets")
    path = stations(space, [(key.name, key.point) for key in keys], options["between"])
    if plan.note_s(source.held_s) is not None:
        held = f"{source.held_s:g} s"
        click.echo(f"the envelope is longer than the model holds its notes ({held}): they go on", err=True)
    written = _write(out, source, space, path, plan, options["sheet"])
    seconds = written.frames / plan.rate_hz
    names = ", ".join(key.name for key in keys)
    return f"wrote {out}: {len(path)} sounds, {seconds:.1f} s, {written.in_words()}; key points {names}"


def _plan(options: dict[str, Any], known: tuple[int, ...]) -> Plan:
    from synth_engine.offline.hallucination import Plan
    from synth_engine.offline.pitches import PitchError, parse_pitches

    try:
        pitches = tuple(map(float, parse_pitches(options["pitch_text"])))
    except PitchError as error:
        raise click.UsageError(str(error)) from None
    if not all(known[0] <= pitch <= known[-1] for pitch in pitches):
        raise click.UsageError(f"pitches {options['pitch_text']}: the model has {known[0]} to {known[-1]}")
    names = ("spacing_s", "trim_s", "attack_s", "sustain_s", "release_s", "width", "rate_hz")
    shape = {name: options[name] for name in names}
    plan = Plan(pitches=pitches, channels=1 if options["mono"] else 2, **shape)
    if plan.sound_s <= 0.0:
        raise click.UsageError("attack, sustain and release are all 0: there would be no sound")
    return plan


def _write(
    out: Path, source: NoteSource, space: LatentSpace, path: Sequence[Station], plan: Plan, sheet: Path | None
) -> Written:
    from synth_engine.offline.hallucination import hallucinate as dream
    from synth_engine.offline.hallucination import requests
    from synth_engine.offline.levelled_file import write_levelled
    from synth_engine.offline.pictures import write_sheet

    progress = Progress("sounds")
    sounds: list[NDArray[np.float32]] = []

    def heard(number: int, wave: NDArray[np.float32]) -> None:
        progress.show(number + 1, len(path))
        if sheet is not None and len(sounds) < SHEET_SOUNDS:
            sounds.append(wave)

    blocks = dream(source, requests(source, space, path, plan), plan, heard)
    written = write_levelled(out, blocks, plan.rate_hz, plan.channels)
    progress.end()
    if sheet is not None:
        write_sheet(sheet, sounds, [station.title for station in path[: len(sounds)]], source.rate_hz)
    return written


def _keys(options: dict[str, Any], model: Model, space: LatentSpace, presets_dir: Path) -> list[KeyPoint]:
    from daemon.key_points import KeyPoints, keys_around
    from mappings.presets import PresetStore, shipped_presets_dir

    finder = KeyPoints(space.anchor_names, PresetStore(shipped_presets_dir(), presets_dir))
    keys = [finder.find(word) for word in _words(options["points"])]
    if options["points_file"] is not None:
        keys += finder.read(options["points_file"])
    if options["draw"] == "pca":
        if len(keys) > 1:
            raise click.UsageError("--draw pca draws around one point; several are given")
        base = keys[0] if keys else _drawn({**options, "keys": 1, "draw": None}, model)[0]
        keys = keys_around(base, options["seed"], options["keys"], space.coordinate_count)
    if space.basis is None and (options["draw"] == "pca" or any(any(key.point.coordinates) for key in keys)):
        raise Unavailable("the model has no fitted directions yet; to fit them: timbred pca fit")
    return keys or _drawn(options, model)
