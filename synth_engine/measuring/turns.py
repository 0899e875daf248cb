"""Contenders taking turns, each a process of its own: other work on the machine falls on all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import synth_engine

_END_S = 3.0
_LAST_WORDS = 300

Turn = Mapping[str, Any]
Show = Callable[[int, int], None]


@dataclass(frozen=True)
class Contender:
    """A process that does a turn's work for every line of its standard input.

    Attributes
    ----------
    name : str
        In tables.
    words : sequence of str
        Module to run and its arguments.
    environment : mapping
        Over that of this process.
    """

    name: str
    words: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Outcome:
    """What a contender did.

    Attributes
    ----------
    about : mapping
        What it said when it was ready.
    turns : list of mapping
        One answer a turn.
    error : str
        Why there are no turns, or no more; empty if all went well.
    """

    about: Turn = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    error: str = ""


def take_turns(
    contenders: Sequence[Contender], rounds: int, show: Show = lambda *_: None
) -> dict[str, Outcome]:
    """Start all contenders, then let one after the other do a turn, ``rounds`` times.

    Parameters
    ----------
    contenders : sequence of Contender
        With different names.
    rounds : int
        Turns of each.
    show : callable (done, total)
        Told of progress.

    Returns
    -------
    dict
        Name to outcome. One that fails takes no others with it.
    """
    outcomes = {contender.name: Outcome() for contender in contenders}
    with tempfile.TemporaryDirectory() as folder, _children(contenders, Path(folder)) as children:
        total, done = len(contenders) * (rounds + 1), 0
        for turn in range(rounds + 1):  # the first is the start
            for name, child in children.items():
                outcome = outcomes[name]
                if not outcome.error:
                    answer = child.answer(ask=turn > 0)
                    if answer is None:
                        outcome.error = child.last_words()
                    elif turn == 0:
                        outcome.about = answer
                    else:
                        outcome.turns.append(answer)
                done += 1
                show(done, total)
    return outcomes


def serve(turn: Callable[[], Turn], about: Turn) -> None:
    """The contender's side: say that it is ready, then do a turn for every line that comes."""
    print(json.dumps(about), flush=True)  # noqa: T201  the pipe to whoever measures
    for _ in sys.stdin:
        wall_s, busy_s = time.perf_counter(), time.process_time()
        answer = dict(turn())
        answer.setdefault("wall_s", time.perf_counter() - wall_s)
        answer.setdefault("processor_s", time.process_time() - busy_s)
        print(json.dumps(answer), flush=True)  # noqa: T201


class _Child:
    def __init__(self, contender: Contender, log_path: Path) -> None:
        root = str(Path(synth_engine.__file__).resolve().parents[1])  # found from a checkout too
        search = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        self._log_path = log_path
        with log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *contender.words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONPATH": search, **contender.environment},
                start_new_session=True,  # Ctrl-C is ours to pass on
                text=True,
            )

    def answer(self, *, ask: bool) -> Turn | None:
        """One line of JSON, None if the process is at its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            if ask:
                self._process.stdin.write("\n")
                self._process.stdin.flush()
            line = self._process.stdout.readline()
            answer: Turn = json.loads(line)
        except (BrokenPipeError, ValueError):
            return None
        return answer

    def last_words(self) -> str:
        """The end of what it complained about."""
        words = self._log_path.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
        return words[-_LAST_WORDS:] or "ended without a word"

    def end(self) -> None:
        """Close its input and see it out."""
        assert self._process.stdout is not None
        self._process.kill()  # between turns or in the middle of one: nothing is kept
        self._process.wait(_END_S)
        self._process.stdout.close()
        if self._process.stdin is not None:
            try:
                self._process.stdin.close()
            except BrokenPipeError:
                return


@contextmanager
def _children(contenders: Sequence[Contender], folder: Path) -> Iterator[dict[str, _Child]]:
    children: dict[str, _Child] = {}
    try:
        for index, contender in enumerate(contenders):
            children[contender.name] = _Child(contender, folder / f"{index}.log")
        yield children
    finally:
        for child in children.values():
            child.end()
