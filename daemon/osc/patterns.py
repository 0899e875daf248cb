r"""OSC address patterns: ``? * [abc] [a-c] [!a] {foo,bar}``, part by part.

A part is matched by moving a set of reached positions (a bit mask) through its tokens. There is no
backtracking, so a hostile pattern costs tokens x name length and no more.

Source: Open Sound Control 1.0 specification, "OSC Message Dispatching and Pattern Matching".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from daemon.osc.codec import OscError

_WILD = re.compile(r"[?*\[{]")
_TOKENS = re.compile(
    r"(?P<star>\*+)|(?P<one>\?)|\[(?P<not>!?)(?P<set>[^\]]+)\]|\{(?P<words>[^{}]+)\}|(?P<plain>[^*?\[\]{}]+)"
)


class _AnyRun(NamedTuple):
    def advance(self, reached: int, name: str) -> int:
        lowest = reached & -reached
        return ((1 << (len(name) + 1)) - 1) & ~(lowest - 1)


class _OneOf(NamedTuple):
    characters: frozenset[str]
    negated: bool

    def advance(self, reached: int, name: str) -> int:
        result = 0
        for place, character in enumerate(name):
            if reached >> place & 1 and (character in self.characters) is not self.negated:
                result |= 2 << place
        return result


class _Words(NamedTuple):
    words: tuple[str, ...]

    def advance(self, reached: int, name: str) -> int:
        result = 0
        for place in range(len(name)):
            if reached >> place & 1:
                for word in self.words:
                    if name.startswith(word, place):
                        result |= 1 << (place + len(word))
        return result


_Token: TypeAlias = _AnyRun | _OneOf | _Words


def is_pattern(address: str) -> bool:
    """Whether the address has a character that makes it a pattern."""
    return _WILD.search(address) is not None


class Pattern:
    """A compiled pattern.

    Raises
    ------
    OscError
        for a bracket or brace without its partner, or an empty choice.
    """

    def __init__(self, address: str) -> None:
        self._parts = [tuple(_tokens(part)) for part in address.split("/")[1:]]

    def matches(self, address: str) -> bool:
        """Whether every part of the address is matched by the pattern's part in the same place."""
        names = address.split("/")[1:]
        return len(names) == len(self._parts) and all(map(_part_matches, self._parts, names))


def _part_matches(tokens: Iterable[_Token], name: str) -> bool:
    reached = 1  # bit n: the tokens so far can stand for the first n characters
    for token in tokens:
        reached = token.advance(reached, name)
        if not reached:
            return False
    return bool(reached >> len(name) & 1)


def _tokens(part: str) -> Iterator[_Token]:
    position = 0
    while position < len(part):
        found = _TOKENS.match(part, position)
        if found is None:
            raise OscError(
                f"{part[position:]!r} is not a pattern: a bracket or brace is empty or has no partner"
            )
        yield _token(found)
        position = found.end()


def _token(found: re.Match[str]) -> _Token:
    if found["star"]:
        return _AnyRun()
    if found["one"]:
        return _OneOf(frozenset(), negated=True)
    if found["set"]:
        return _OneOf(_characters(found["set"]), negated=bool(found["not"]))
    words = tuple(found["words"].split(",")) if found["words"] else (found["plain"],)
    if "" in words:  # a token that matches nothing would cost time and move nowhere
        raise OscError(f"{found[0]!r} has an empty choice")
    return _Words(words)


def _characters(text: str) -> frozenset[str]:
    result: set[str] = set()
    position = 0
    while position < len(text):
        if text[position + 1 : position + 2] == "-" and position + 2 < len(text):
            first, last = sorted((ord(text[position]), ord(text[position + 2])))
            result.update(map(chr, range(first, last + 1)))
            position += 3
        else:
            result.add(text[position])
            position += 1
    return frozenset(result)
