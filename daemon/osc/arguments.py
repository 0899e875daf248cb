"""OSC arguments to what commands want; senders disagree about types, so any number will do for a number."""

from __future__ import annotations

import re

from daemon.events import CommandError
from daemon.osc.codec import Impulse, TimeTag, Value

MAX_NAME_CHARACTERS = 64
_NUMBER_TEXT = re.compile(r"\s*[+-]?(\d{1,32}\.?\d{0,32}|\.\d{1,32})([eE][+-]?\d{1,2})?\s*")


def describe(value: Value) -> str:
    """The value in words, short and in ASCII."""
    match value:
        case str():
            words = f"the text {value[:40]!a}"
        case bytes():
            words = f"{len(value)} raw bytes"
        case None:
            words = "nothing (N)"
        case Impulse():
            words = "an impulse (I)"
        case TimeTag():
            words = "a time tag"
        case tuple():
            words = "an array"
        case _:
            words = str(value)
    return words


def number(value: Value, name: str) -> float:
    """Any number, truth value or text that spells a number.

    Raises
    ------
    CommandError
        for anything else.
    """
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, str) and _NUMBER_TEXT.fullmatch(value):
        return float(value)
    raise CommandError(f"{name} must be a number, got {describe(value)}")


def whole_number(value: Value, name: str, lowest: int, highest: int) -> int:
    """A number without a fraction, between two bounds (both included).

    Raises
    ------
    CommandError
        for anything else.
    """
    found = number(value, name)
    if found != int(found) or not lowest <= found <= highest:
        raise CommandError(f"{name} must be a whole number from {lowest} to {highest}, got {describe(value)}")
    return int(value) if isinstance(value, int) else int(found)


def velocity(value: Value) -> float:
    """Velocity 0..1: a whole-number type counts 0..127, a fraction type up to 1.0 is taken as it is.

    Raises
    ------
    CommandError
        for what is no number or is below 0.
    """
    found = number(value, "VELOCITY")
    if found < 0:
        raise CommandError(f"VELOCITY must be 0 to 127 or 0.0 to 1.0, got {describe(value)}")
    fraction = isinstance(value, (bool, float)) or (isinstance(value, str) and not value.strip().isdecimal())
    return min(found if fraction and found <= 1.0 else found / 127.0, 1.0)


def name_text(value: Value, name: str) -> str:
    """A name: printable, not empty, not long.

    Raises
    ------
    CommandError
        for anything else.
    """
    if not isinstance(value, str):
        raise CommandError(f"{name} must be text, got {describe(value)}")
    text = value.strip()
    if not text or len(text) > MAX_NAME_CHARACTERS or not text.isprintable():
        raise CommandError(
            f"{name} must be 1 to {MAX_NAME_CHARACTERS} printable characters, got {describe(value)}"
        )
    return text


def is_released(value: Value) -> bool:
    """Whether a button's argument says that it was let go, which triggers nothing."""
    return not isinstance(value, Impulse) and number(value, "the button's argument") == 0.0
