"""How far long work is, on the standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import click

_SHORTEST_S = 0.1


class Progress:
    """One line that says how far long work is and how long it will still take."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._started_s = time.monotonic()
        self._shown_s = 0.0
        self._shown_tenth = -1

    def show(self, done: int, total: int) -> None:
        """Called by the work as it goes on; writes ten times a second at most, into a log each tenth."""
        now_s = time.monotonic()
        tenth = 10 * done // max(total, 1)
        is_new = now_s - self._shown_s >= _SHORTEST_S if sys.stderr.isatty() else tenth > self._shown_tenth
        if not is_new and done < total:
            return
        self._shown_s, self._shown_tenth = now_s, tenth
        elapsed_s = now_s - self._started_s
        left = f", {elapsed_s / done * (total - done):.0f} s left" if done else ""
        end = "\r" if sys.stderr.isatty() else "\n"
        share = 100 * done // max(total, 1)
        click.echo(f"{self._verb}: {done} of {total} ({share} %){left}    ", err=True, nl=False)
        click.echo(end, err=True, nl=False)

    def end(self) -> None:
        """Leave the line."""
        if sys.stderr.isatty():
            click.echo("", err=True)


def counting(progress: Callable[[int, int], None], total: int) -> Callable[[], None]:
    """From "so many of so many done" to "one more is done"."""
    done = 0

    def tell() -> None:
        nonlocal done
        done += 1
        progress(min(done, total), total)

    return tell
