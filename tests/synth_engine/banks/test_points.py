from __future__ import annotations

import numpy as np

from synth_engine.banks.points import Point, PointBook

NONE = np.zeros(0, np.float32)


def stand_at(book: PointBook, identity: str) -> Point:
    return book.set_current(identity, NONE, NONE)


def test_the_same_identity_is_the_same_point() -> None:
    book = PointBook()
    first = stand_at(book, "a")
    stand_at(book, "b")
    assert stand_at(book, "a") is first
    assert len(book) == 2


def test_the_most_recent_point_has_the_highest_turn_and_a_forgotten_one_none() -> None:
    book = PointBook()
    first, second = stand_at(book, "a"), stand_at(book, "b")
    assert book.turn(second.number) > book.turn(first.number)
    stand_at(book, "a")
    assert book.turn(first.number) > book.turn(second.number)
    assert book.turn(99) == 0


def test_the_current_point_is_never_given_up_and_passing_ones_go_first() -> None:
    book = PointBook()
    wanted, passing, current = (stand_at(book, identity) for identity in "abc")
    wanted.rested = True
    order = sorted((wanted.number, passing.number, 99), key=lambda number: book.worth(number) or ())
    assert order == [99, passing.number, wanted.number]
    assert book.worth(current.number) is None


def test_numbers_are_never_used_twice() -> None:
    book = PointBook()
    numbers = set()
    for step in range(100):
        numbers.add(stand_at(book, f"{step}").number)
        book.forget_all_but(())
    assert len(numbers) == 100
    assert len(book) == 1


def test_failures_are_forgiven_when_the_player_comes_back() -> None:
    book = PointBook()
    point = stand_at(book, "a")
    point.failures[60] = 3
    stand_at(book, "a")
    assert point.failures == {60: 3}
    stand_at(book, "b")
    stand_at(book, "a")
    assert not point.failures
