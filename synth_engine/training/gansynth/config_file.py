"""TOML tables to dataclasses of simple values, every mistake told in words."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from mappings.documents import DocumentError, did_you_mean

_LARGEST_BYTES = 1 << 20
_WORDS: Mapping[Any, str] = {
    bool: "true or false",
    int: "a whole number, 0 or more",
    float: "a number, 0 or more",
    str: "a text",
    tuple[int, ...]: "a list of whole numbers",
    tuple[str, ...]: "a list of texts",
}

T = TypeVar("T")


class ConfigError(DocumentError):
    """A training's configuration that cannot be used; the text says what was wrong and what was expected."""


class EntryError(ConfigError):
    """One entry that cannot be used.

    Attributes
    ----------
    table, key : str
        Which; the table is empty outside of tables.
    """

    def __init__(self, table: str, key: str, what: str) -> None:
        super().__init__(f"{f'[{table}] ' if table else ''}{key}: {what}")
        self.table, self.key = table, key


def line_of(path: Path, table: str, key: str) -> int:
    """Line of an entry in a TOML file that is plainly written, 0 if it is not found."""
    inside = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.split("#")[0].strip()
        if text.startswith("["):
            inside = text.strip("[] ")
            if not table and inside == key:
                return number
        elif inside == table and text.split("=")[0].strip() == key:
            return number
    return 0


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Raises
    ------
    ConfigError
        If it is not TOML, or longer than a megabyte.
    OSError
        If it cannot be read.
    """
    content = path.read_bytes()
    if len(content) > _LARGEST_BYTES:
        raise ConfigError(f"{len(content)} bytes, expected at most {_LARGEST_BYTES}")
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"not TOML: {error}") from None


def parse(kind: type[T], values: Mapping[str, Any], table: str = "") -> T:
    """Make a dataclass of a table; entries that are left out keep their defaults.

    Parameters
    ----------
    kind : type
        A dataclass whose fields are booleans, numbers, texts, tuples of one of them, or such dataclasses.
    values : mapping
        The table.
    table : str
        Its name, for messages.

    Raises
    ------
    EntryError
        If an entry is unknown, or has another type.
    """
    types = get_type_hints(kind)
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise EntryError(table, name, f"no such entry{did_you_mean(name, known)}")
    return kind(**{name: _entry(types[name], value, table, name) for name, value in values.items()})


def _entry(kind: Any, value: object, table: str, name: str) -> Any:
    if isinstance(kind, type) and is_dataclass(kind):
        if not isinstance(value, dict):
            raise EntryError(table, name, f"expected a table, found {value!r}")
        return parse(kind, value, name)
    if not _fits(kind, value):
        raise EntryError(table, name, f"expected {_WORDS[kind]}, found {value!r}")
    if isinstance(value, list):
        return tuple(value)
    return float(value) if kind is float else value  # type: ignore[arg-type]


def _fits(kind: Any, value: object) -> bool:
    if kind in (tuple[int, ...], tuple[str, ...]):
        item = int if kind == tuple[int, ...] else str
        return isinstance(value, list) and all(_fits(item, entry) for entry in value)
    if kind is bool or kind is str:
        return isinstance(value, kind)
    if isinstance(value, bool) or not isinstance(value, int if kind is int else int | float):
        return False
    return math.isfinite(value) and value >= 0
