"""How far long work is, on the standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import click


class Progress:
    """One line that says how far long work is and how long it will still take."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._started_s = time.monotonic()
        self._shown_s = 0.0

    def show(self, done: int, total: int) -> None:
        """Called by the work as it goes on; writes at most ten times a second."""
        now_s = time.monotonic()
        if now_s - self._shown_s < 0.1 and done < total:
            return
        self._shown_s = now_s
        elapsed_s = now_s - self._started_s
        left = f", {elapsed_s / done * (total - done):.0f} s left" if done else ""
        share = 100 * done // max(total, 1)
        end = "\r" if sys.stderr.isatty() else "\n"
        if sys.stderr.isatty() or done >= total or done % max(total // 10, 1) == 0:
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
