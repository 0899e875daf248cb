"""What a preset is, and how it is written down: JSON in natural units that a musician can read and edit."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from mappings.documents import (
    Document,
    DocumentError,
    Migration,
    did_you_mean,
    finite_number,
    format_document,
    parse_document,
)
from mappings.parameters import ParameterSpec

PRESET_FORMAT_VERSION = 1
MIGRATIONS: Mapping[int, Migration] = MappingProxyType(
    {}
)  # from each older format to the next; format 1 is the first
MAX_NAME_CHARACTERS = 64

_OWN_KEYS = ("format_version", "name", "author", "notes", "latent", "parameters")


class PresetError(ValueError):
    """A preset that cannot be read, found or saved; the text is for the player."""


@dataclass(frozen=True)
class Preset:
    """One sound.

    Attributes
    ----------
    name : str
        What players call it; 1 to 64 printable characters.
    author, notes : str
        Free text.
    parameters : mapping of str to float
        Natural values by path, one for every row of the catalogue that belongs in presets.
    latent : mapping
        The base point as ``pca_cache.latent_space.LatentPoint.to_json`` writes it; empty to leave the
        present one. The directions' coordinates are the ``/pca/`` parameters, not part of it.
    unknown_parameters : mapping of str to object
        Entries this program knows nothing about; kept, so that a newer program finds them again.
    extra : mapping of str to object
        Unknown keys of the document; kept likewise.
    warnings : tuple of str
        What was odd about the file: values moved into range, unknown parameters.
    """

    name: str
    parameters: Mapping[str, float]
    latent: Mapping[str, Any] = field(default_factory=dict)
    author: str = ""
    notes: str = ""
    unknown_parameters: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def preset_rows(catalogue: Mapping[str, ParameterSpec]) -> dict[str, ParameterSpec]:
    """The rows of the catalogue that belong to a sound rather than to the room or the player."""
    return {path: row for path, row in catalogue.items() if row.in_presets}


def checked_name(name: str) -> str:
    """The name without outer spaces, in Unicode's composed form.

    Raises
    ------
    PresetError
        If nothing is left, it is too long, or it has control characters.
    """
    name = unicodedata.normalize("NFC", name).strip()
    if not name:
        raise PresetError("a preset needs a name")
    if len(name) > MAX_NAME_CHARACTERS:
        raise PresetError(f"preset name of {len(name)} characters, expected at most {MAX_NAME_CHARACTERS}")
    if any(unicodedata.category(c).startswith("C") for c in name):
        raise PresetError(f"preset name {name!r} has characters that cannot be shown")
    return name


def parse_preset(
    data: bytes, catalogue: Mapping[str, ParameterSpec], migrations: Mapping[int, Migration] = MIGRATIONS
) -> Preset:
    """Read a preset, filling absent parameters with their defaults.

    Parameters
    ----------
    data : bytes
        The file's contents.
    catalogue : mapping
        Rows by path.
    migrations : mapping
        As for :func:`mappings.documents.parse_document`.

    Raises
    ------
    PresetError
        If the document is broken or an entry has a wrong type.
    """
    try:
        document = parse_document(data, PRESET_FORMAT_VERSION, migrations)
    except DocumentError as error:
        raise PresetError(str(error)) from None
    parameters, unknown, warnings = _read_parameters(_object(document, "parameters"), preset_rows(catalogue))
    return Preset(
        name=checked_name(_text(document, "name")),
        parameters=parameters,
        latent=_object(document, "latent"),
        author=_text(document, "author"),
        notes=_text(document, "notes"),
        unknown_parameters=unknown,
        extra={key: value for key, value in document.items() if key not in _OWN_KEYS},
        warnings=tuple(warnings),
    )


def format_preset(preset: Preset) -> bytes:
    """The preset as JSON; what was unknown when it was read is written back.

    Raises
    ------
    PresetError
        If it holds something JSON has no word for.
    """
    document: Document = {
        "format_version": PRESET_FORMAT_VERSION,
        "name": preset.name,
        "author": preset.author,
        "notes": preset.notes,
        "latent": dict(preset.latent),
        "parameters": {path: _tidy(value) for path, value in preset.parameters.items()}
        | dict(preset.unknown_parameters),
        **preset.extra,
    }
    try:
        return format_document(document)
    except (ValueError, TypeError, RecursionError) as error:
        raise PresetError(f"preset {preset.name!r} cannot be written as JSON: {error}") from None


def _tidy(value: float) -> float:
    """Nine digits tell two float32 apart, and spare the reader 0.30000000000000004."""
    return float(f"{value:.9g}")


def _read_parameters(
    entries: Mapping[str, Any], rows: Mapping[str, ParameterSpec]
) -> tuple[dict[str, float], dict[str, Any], list[str]]:
    values = {path: row.default for path, row in rows.items()}
    unknown: dict[str, Any] = {}
    warnings: list[str] = []
    for path, entry in entries.items():
        if path not in rows:
            unknown[path] = entry
            warnings.append(f"{path} is no parameter of presets{did_you_mean(path, rows)}; kept, not used")
            continue
        number = finite_number(entry)
        if number is None:
            raise PresetError(f"parameter {path} is {entry!r}, expected a number")
        row = rows[path]
        values[path] = row.clamp(number)
        if values[path] != number:
            span = f"{row.minimum:g}..{row.maximum:g} {row.unit}".rstrip()
            warnings.append(f"{path} was {number:g}, outside {span}; using {values[path]:g}")
    return values, unknown, warnings


def _text(document: Document, key: str) -> str:
    value = document.get(key, "")
    if not isinstance(value, str):
        raise PresetError(f"{key} is {value!r}, expected text")
    return value


def _object(document: Document, key: str) -> dict[str, Any]:
    value = document.get(key, {})
    if not isinstance(value, dict):
        raise PresetError(f"{key} is {value!r}, expected a JSON object")
    return value
