"""How long a start takes: from the command to blocks, to a first sound, to everything being ready."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from daemon.measuring.child import READY_S, MeasuredDaemon, measured_daemon
from daemon.measuring.home import Home, temporary_home
from daemon.measuring.watch import KernelWatch
from daemon.status import memory_mib
from synth_engine.measuring.spread import spread

KEY = 60
_EVERY_S = 0.01  # so often the key is pressed until something is heard

Start = dict[str, float]


def start_figures(
    options: Sequence[str], rounds: int, *, compiling: bool, show: Callable[[int, int], None]
) -> dict[str, object]:
    """Start daemons in one home after another.

    Parameters
    ----------
    options : sequence of str
        Of ``timbred run``.
    rounds : int
        Cold and warm starts of each kind, at least one.
    compiling : bool
        Whether to measure also the very first start on a machine, which compiles the kernel (once).
    show : callable (done, total)
        Told of progress.

    Returns
    -------
    dict
        ``first_ever`` (nothing kept), ``cold`` (nothing kept but the compiled kernel) and ``warm`` (a bank
        and the compiled network kept): seconds to the first blocks, to a first sound and to all being ready.
        The kept kernel is the user's own, and is made if there is none.

    Raises
    ------
    Unavailable
        If a daemon does not start.
    """
    total, done = 2 * rounds + compiling, 0
    kinds: dict[str, list[Start]] = {"first_ever": [], "cold": [], "warm": []}
    with temporary_home() as home:
        if compiling:
            kinds["first_ever"].append(_start(home, options)[0])
            show(done := done + 1, total)
        memory: dict[str, float] = {}
        for _ in range(rounds):
            home.forget()
            home.keep_kernel()
            for kind in ("cold", "warm"):
                figures, memory = _start(home, options)
                kinds[kind].append(figures)
                show(done := done + 1, total)
    return {
        **{kind: _conclude(starts) for kind, starts in kinds.items() if starts},
        "private_memory_mib": memory,
    }


def _start(home: Home, options: Sequence[str]) -> tuple[Start, dict[str, float]]:
    """One start, and the memory of the processes once all is quiet."""
    with measured_daemon(home, options) as daemon:
        watch = KernelWatch(daemon.memory())
        figures = _first_signs(daemon, watch)
        status = daemon.wait_ready()
        figures["ready_s"] = daemon.osc.answered_s - daemon.began_s
        daemon.wait_bank()  # and is kept when it stops
        figures["bank_s"] = daemon.osc.answered_s - daemon.began_s
        pids = {"control": daemon.pid, "audio": int(status["audio_pid"]), "render": int(status["worker_pid"])}
        memory = {name: round(memory_mib(pid), 1) for name, pid in pids.items()}
    return figures, memory


def _first_signs(daemon: MeasuredDaemon, watch: KernelWatch) -> Start:
    """Press a key until it sounds.

    Raises
    ------
    Unavailable
        If the daemon ends, or is not heard.
    """
    figures: Start = {}
    deadline_s = time.monotonic() + READY_S
    while True:
        daemon.check(deadline_s, "a first sound")
        if "blocks_s" not in figures and watch.count("blocks"):
            figures["blocks_s"] = time.monotonic() - daemon.began_s
        daemon.osc.send("/note", KEY, 1)  # as soft as can be: it may come out of loudspeakers
        onset = watch.await_onset(KEY, _EVERY_S)
        if onset is not None:
            figures["first_sound_s"] = onset.sound_ns / 1e9 - daemon.began_s
            figures.setdefault("blocks_s", figures["first_sound_s"])
            break
    daemon.osc.send("/note", KEY, 0)
    return figures


def _conclude(starts: Sequence[Start]) -> dict[str, object]:
    names = {"blocks": "blocks_s", "first_sound": "first_sound_s", "ready": "ready_s", "whole_bank": "bank_s"}
    return {
        shown: spread(values, "s")
        for shown, name in names.items()
        if (values := [start[name] for start in starts if name in start])
    }
