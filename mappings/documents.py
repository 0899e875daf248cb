"""JSON documents people may edit: bounded, without NaN, errors in words, a format version on each."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

MAX_DOCUMENT_BYTES = 1_000_000  # a preset is about 1 kB

Document = dict[str, Any]
Migration = Callable[[Document], Document]


class DocumentError(ValueError):
    """A document that cannot be used; the text says what was wrong and what was expected."""


def parse_document(data: bytes, version: int, migrations: Mapping[int, Migration]) -> Document:
    """Read a JSON object and bring it up to format ``version``.

    Parameters
    ----------
    data : bytes
        UTF-8 JSON, at most :data:`MAX_DOCUMENT_BYTES`.
    version : int
        The newest format this program knows; the document says its own as ``format_version``.
    migrations : mapping
        From a format version to the function that turns such a document into the next version.

    Raises
    ------
    DocumentError
        If it is too long, not JSON, not an object, from a newer format, or no migration is known.
    """
    if len(data) > MAX_DOCUMENT_BYTES:
        raise DocumentError(f"{len(data)} bytes, expected at most {MAX_DOCUMENT_BYTES}")
    try:
        document = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"not JSON: {error}") from None
    if not isinstance(document, dict):
        raise DocumentError(f"expected a JSON object, got {type(document).__name__}")
    found = document.get("format_version")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise DocumentError(f"format_version is {found!r}, expected a whole number from 1 to {version}")
    if found > version:
        raise DocumentError(f"format_version {found} is newer than this program, which reads up to {version}")
    while found < version:
        if found not in migrations:
            raise DocumentError(f"no way is known from format_version {found} to {version}")
        document = migrations[found](document)
        found += 1
    return {**document, "format_version": version}


def format_document(document: Mapping[str, Any]) -> bytes:
    """A document as readable UTF-8 JSON with a line for every value. Raises ValueError for NaN."""
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def finite_number(value: object) -> float | None:
    """The value as a float, or None if it is not a finite number (booleans are not numbers)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint to put behind an error message: ``, did you mean 'violin'?``, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f", did you mean {close[0]!r}?" if close else ""


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")
