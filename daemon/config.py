"""What the daemon was told on its command line and in ``timbred.toml``, checked before anything starts.

An example with every entry at its default::

    instance = "default"       # a name for this daemon, if several run
    # greeting = true          # left out: three notes when ready if a person started it

    [audio]
    device = "..."             # part of an output's name; left out: the system's default
    rate_hz = 48000
    block_frames = 128
    null = false               # true: no sound, keep time only

    [midi]
    ports = ["*"]              # patterns of input names
    virtual_port = true        # an input other programs can connect to
    api = "auto"               # or "alsa", "jack", "core", "windows"

    [osc]
    host = "127.0.0.1"         # "0.0.0.0" lets tablets in
    port = 9700

    [render]
    threads = 1                # left out: one fewer than there are processor cores, at most 4

    [paths]                    # left out: the usual places
    config = "..."
    state = "..."
    cache = "..."
    data = "..."
    runtime = "..."

    [model]
    name = "..."               # an installed model; left out: the embedded one
    path = "/..."              # or any model folder
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from daemon import config_checks as checks
from daemon.config_checks import Check, by
from daemon.config_file import ConfigFile
from daemon.paths import DEFAULT_INSTANCE, ConfigError, Paths, check_instance
from mappings.documents import did_you_mean

__all__ = [
    "AudioConfig", "Config", "ConfigError", "MidiConfig", "ModelConfig", "OscConfig", "Paths", "PathsConfig",
    "RenderConfig", "config_path", "load_config",
]  # fmt: skip


@dataclass(frozen=True)
class AudioConfig:
    """The output asked for. ``device`` is part of its name, None for the system's default."""

    device: str | None = field(default=None, metadata=by(checks.text))
    rate_hz: int = field(default=48_000, metadata=by(checks.whole(8_000, 384_000)))
    block_frames: int = field(default=128, metadata=by(checks.whole(16, 4096)))
    null: bool = field(default=False, metadata=by(checks.switch))


@dataclass(frozen=True)
class MidiConfig:
    """Inputs to open: shell patterns of names, a port of our own, and the system to ask."""

    ports: tuple[str, ...] = field(default=("*",), metadata=by(checks.texts))
    virtual_port: bool = field(default=True, metadata=by(checks.switch))
    api: str = field(default="auto", metadata=by(checks.one_of("auto", "alsa", "jack", "core", "windows")))


@dataclass(frozen=True)
class OscConfig:
    """Where OSC is heard. Port 0 lets the system choose."""

    host: str = field(default="127.0.0.1", metadata=by(checks.text))
    port: int = field(
        default=9700, metadata=by(checks.whole(0, 65_535))
    )  # no other music software's usual port


@dataclass(frozen=True)
class RenderConfig:
    """The network's share of the machine."""

    threads: int = field(default_factory=checks.spare_cores, metadata=by(checks.whole(1, 256)))


@dataclass(frozen=True)
class PathsConfig:
    """Directories in place of the usual ones; None leaves them."""

    config: Path | None = field(default=None, metadata=by(checks.path))
    state: Path | None = field(default=None, metadata=by(checks.path))
    cache: Path | None = field(default=None, metadata=by(checks.path))
    data: Path | None = field(default=None, metadata=by(checks.path))
    runtime: Path | None = field(default=None, metadata=by(checks.path))


@dataclass(frozen=True)
class ModelConfig:
    """The model: the name of an installed one, or a folder; None and None for the embedded one."""

    name: str | None = field(default=None, metadata=by(checks.text))
    path: Path | None = field(default=None, metadata=by(checks.path))


@dataclass(frozen=True)
class Config:
    """Everything the daemon can be told. ``greeting`` None: three notes if a person started it."""

    audio: AudioConfig = field(default_factory=AudioConfig)
    midi: MidiConfig = field(default_factory=MidiConfig)
    osc: OscConfig = field(default_factory=OscConfig)
    render: RenderConfig = field(default_factory=RenderConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    instance: str = field(default=DEFAULT_INSTANCE, metadata=by(check_instance))
    greeting: bool | None = field(default=None, metadata=by(checks.switch))

    def resolve_paths(self) -> Paths:
        """The directories of this instance, with the overrides of [paths]; none is made yet."""
        overrides = {entry.name: getattr(self.paths, entry.name) for entry in fields(PathsConfig)}
        return Paths.default(self.instance).with_overrides(**overrides)


def config_path() -> Path:
    """Where ``timbred.toml`` is looked for."""
    return Paths.default().config / "timbred.toml"


def load_config(path: Path | None = None, overrides: Mapping[str, object] | None = None) -> Config:
    """Read the configuration file and put the command line's words over it.

    Parameters
    ----------
    path : Path, optional
        The file; if not given, :func:`config_path`, which need not exist.
    overrides : mapping, optional
        Values by ``section.key`` (``"osc.port"``), or by key alone for those outside sections; None
        means not given.

    Raises
    ------
    ConfigError
        For a file that is absent, unreadable or not TOML, and for unknown sections and keys, wrong types
        and values out of range, with file and line.
    """
    known = _known_entries()
    file = ConfigFile.read(path or config_path(), must_exist=path is not None)
    for section in file.sections:
        if section not in known.sections:
            hint = did_you_mean(section, known.sections)
            raise ConfigError(f"{file.where(section)}: there is no section [{section}]{hint}")
    values = {name: known.checked(name, value, file.where(name)) for name, value in file.entries.items()}
    for name, value in (overrides or {}).items():
        if value is not None:
            values[name] = known.checked(name, value, "command line")
    built: dict[str, Any] = {}
    for section, kind in known.sections.items():
        own = {
            name.partition(".")[2]: value for name, value in values.items() if name.startswith(f"{section}.")
        }
        built[section] = kind(**own)
    built.update({name: value for name, value in values.items() if "." not in name})
    return Config(**built)


@dataclass(frozen=True)
class _KnownEntries:
    """Every entry there is, read off the dataclasses: adding a field above is all it takes."""

    sections: Mapping[str, type[Any]]
    checks: Mapping[str, Check]

    def checked(self, name: str, value: object, where: str) -> Any:
        if name not in self.checks:
            hint = did_you_mean(name, self.checks)
            what = (
                f"{name} is a section, not an entry"
                if name in self.sections
                else f"there is no entry {name}{hint}"
            )
            raise ConfigError(f"{where}: {what}")
        try:
            return self.checks[name](value)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from None
        except ValueError as error:
            raise ConfigError(f"{where}: {name} {error}") from None


def _known_entries() -> _KnownEntries:
    sections: dict[str, type[Any]] = {}
    by_name: dict[str, Check] = {}
    for entry in fields(Config):
        if "check" in entry.metadata:
            by_name[entry.name] = entry.metadata["check"]
        else:
            sections[entry.name] = type(getattr(Config(), entry.name))
            by_name |= {f"{entry.name}.{f.name}": f.metadata["check"] for f in fields(sections[entry.name])}
    return _KnownEntries(sections, by_name)
