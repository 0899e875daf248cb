"""From the words of the command line to a checked configuration, its directories, and the model to play."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.config import Config, ConfigError, Paths, load_config
from mappings.documents import did_you_mean
from synth_engine.generator.model_folder import DESCRIPTION_NAME, default_model_path

_OPTION_KEYS = {
    "instance": "instance",
    "greeting": "greeting",
    "device": "audio.device",
    "rate_hz": "audio.rate_hz",
    "block_frames": "audio.block_frames",
    "null_host": "audio.null",
    "osc_host": "osc.host",
    "osc_port": "osc.port",
    "threads": "render.threads",
}


def load_settings(options: Mapping[str, Any]) -> tuple[Config, Paths]:
    """Read the configuration with the command line's words over it, and make the directories.

    Parameters
    ----------
    options : mapping
        Options of the command by name; None and absent ones leave what the file says.

    Raises
    ------
    ConfigError
        In words, with file and line.
    """
    overrides: dict[str, object] = {key: options.get(option) for option, key in _OPTION_KEYS.items()}
    if options.get("midi_patterns"):
        overrides["midi.ports"] = list(options["midi_patterns"])
    model = options.get("model")
    if model:
        # a bare word beside a folder of that name is still a model's name, unless the folder is a model:
        # after `timbred import acoustic_only` both are there, and the checkpoint is not what to play
        is_folder = "/" in model or (Path(model) / DESCRIPTION_NAME).exists()
        overrides["model.path" if is_folder else "model.name"] = (
            str(Path(model).resolve()) if is_folder else model
        )
    config = load_config(options.get("config_path"), overrides)
    paths = config.resolve_paths()
    paths.make()
    return config, paths


def resolve_model(config: Config, paths: Paths) -> Path:
    """The folder of the model to play.

    Raises
    ------
    ConfigError
        If no model of that name is installed.
    """
    if config.model.path is not None:
        _refuse_checkpoint(config.model.path)
        return config.model.path
    if config.model.name in (None, "default"):
        return default_model_path()
    installed = paths.data / "models"
    folder = installed / str(config.model.name)
    if not folder.is_dir():
        names = sorted(p.name for p in installed.glob("*") if p.is_dir())
        raise ConfigError(
            f"no model is called {config.model.name!r}{did_you_mean(str(config.model.name), names)}; "
            f"installed in {installed}: {', '.join(names) or 'none'}, and always 'default'"
        )
    return folder


def _refuse_checkpoint(folder: Path) -> None:
    is_model = (folder / DESCRIPTION_NAME).exists()
    if not is_model and ((folder / "experiment.json").exists() or any(folder.glob("stage_*"))):
        raise ConfigError(
            f"{folder} is a checkpoint of GANSynth; `timbred import {folder}` makes it a model to play"
        )
