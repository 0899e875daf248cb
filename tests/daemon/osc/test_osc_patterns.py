from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.osc.codec import OscError
from daemon.osc.patterns import Pattern, is_pattern


@pytest.mark.parametrize(
    ("pattern", "address", "expected"),
    [
        ("/pca/?", "/pca/1", True),
        ("/pca/?", "/pca/10", False),
        ("/pca/*", "/pca/16", True),
        ("/pca/*", "/pca", False),
        ("/*", "/pca/1", False),
        ("/*/1", "/pca/1", True),
        ("/pca/[1-3]", "/pca/3", True),
        ("/pca/[3-1]", "/pca/2", True),
        ("/pca/[!1-3]", "/pca/4", True),
        ("/pca/[!1-3]", "/pca/3", False),
        ("/pca/[a-]", "/pca/-", True),
        ("/{attack,decay}", "/decay", True),
        ("/{attack,decay}", "/release", False),
        ("/{a,ab}c", "/abc", True),
        ("/*a*a*", "/banana", True),
        ("/r*e", "/release", True),
        ("/r*e", "/releases", False),
        ("/*", "/", True),
    ],
)
def test_patterns_follow_the_specification(pattern, address, expected):
    assert is_pattern(pattern)
    assert Pattern(pattern).matches(address) is expected


pieces = st.sampled_from(["a", "b", "ab", "?", "*", "**", "[ab]", "[!a]", "{a,ba}", "{ab,b,a}"])
AS_REGEX = {"?": ".", "*": ".*", "**": ".*", "[!a]": "[^a]", "{a,ba}": "(?:a|ba)", "{ab,b,a}": "(?:ab|b|a)"}


@settings(max_examples=500)
@given(st.lists(pieces, max_size=6), st.text("abc", max_size=7))
def test_matching_agrees_with_a_regular_expression(parts, name):
    expected = re.fullmatch("".join(AS_REGEX.get(part, part) for part in parts), name) is not None
    assert Pattern("/" + "".join(parts)).matches("/" + name) is expected


@given(st.text("ab[]{}*?!,-/", max_size=30), st.text("ab/", max_size=10))
def test_any_pattern_is_matched_or_refused(pattern, address):
    with suppress(OscError):
        Pattern("/" + pattern).matches("/" + address)


@pytest.mark.parametrize("pattern", ["/[", "/]", "/{", "/}", "/[]", "/{}", "/{a,}", "/{a{b}}", "/[a/b]"])
def test_malformed_patterns_are_refused(pattern):
    with pytest.raises(OscError):
        Pattern(pattern)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("part", ["*a", "{a,aa}", "{a,aa}*", "[a-z]*", "?*"])
def test_hostile_patterns_come_to_an_end(part):
    pattern = Pattern("/" + part * (250 // len(part)) + "!")
    assert not pattern.matches("/" + "a" * 255)
