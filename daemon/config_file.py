"""``timbred.toml`` as text: entries by ``section.key``, and the line each one is on."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.paths import ConfigError


@dataclass(frozen=True)
class ConfigFile:
    """A file's entries. ``entries`` are by ``section.key``, those outside sections by ``key``."""

    path: Path
    text: str = ""
    entries: Mapping[str, Any] = field(default_factory=dict)
    sections: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path, *, must_exist: bool) -> ConfigFile:
        """Read a file; one that need not exist is then empty.

        Raises
        ------
        ConfigError
            If it cannot be read or is not TOML.
        """
        try:
            text = path.read_text(encoding="utf-8")
            document = tomllib.loads(text)
        except FileNotFoundError:
            if must_exist:
                raise ConfigError(f"there is no configuration file {path}") from None
            return cls(path)
        except OSError as error:
            raise ConfigError(f"the configuration file {path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ConfigError(f"the configuration file {path} is not UTF-8 text") from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{path} is not TOML: {error}") from None
        entries: dict[str, Any] = {}
        for key, value in document.items():
            inner = (
                {f"{key}.{name}": entry for name, entry in value.items()} if isinstance(value, dict) else {}
            )
            entries |= inner if isinstance(value, dict) else {key: value}
        return cls(
            path, text, entries, tuple(key for key, value in document.items() if isinstance(value, dict))
        )

    def where(self, name: str) -> str:
        """The file, and the line of an entry or a section if it is found."""
        line = self._line(name)
        return f"{self.path}, line {line}" if line else str(self.path)

    def _line(self, name: str) -> int:
        section, _, key = name.rpartition(".")
        current = ""
        for number, line in enumerate(self.text.splitlines(), start=1):
            if heading := re.match(r'\s*\[\s*"?([^\]"]*?)"?\s*\]', line):
                current = heading[1]
                if current == name:
                    return number
            elif current == section and re.match(rf'\s*"?{re.escape(key)}"?\s*[=.]', line):
                return number
        return 0
