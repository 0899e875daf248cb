"""From the key to the sound, through a real audio process on whichever host there is."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from daemon.measuring.child import MeasuredDaemon, measured_daemon
from daemon.measuring.home import temporary_home
from daemon.measuring.watch import KernelWatch, Onset
from synth_engine.measuring.spread import spread

KEY = 69
_ANSWER_S = 2.0
_HELD_S = 0.02
_APART_S = (0.03, 0.06)  # at random: no figure may depend on the phase of the blocks


def latency_figures(
    options: Sequence[str], presses: int, show: Callable[[int, int], None]
) -> dict[str, object]:
    """Start a daemon and press a key many times; nothing is heard, its volume is down.

    Parameters
    ----------
    options : sequence of str
        Of ``timbred run``.
    presses : int
        At least one.
    show : callable (done, total)
        Told of progress.

    Returns
    -------
    dict
        The host; ``door`` from the sender to the stamp, ``stamp_to_sound`` from there to the frame at which
        the note begins (by the blocks' clock; in frames too), ``key_to_sound`` both, and what the driver says
        it adds to that.

    Raises
    ------
    Unavailable
        If the daemon does not start or ends, or no note is heard.
    """
    with temporary_home() as home:
        home.keep_kernel()
        with measured_daemon(home, options) as daemon:
            daemon.wait_ready()
            daemon.osc.send("/volume", 0.0)
            daemon.wait_bank()
            status = daemon.wait("host", lambda s: bool(s["host"]) and bool(s["device"]))
            watch = KernelWatch(daemon.memory())
            late = {name: watch.count(name) for name in ("late_blocks", "underflows", "late_events")}
            heard, missed = _press(daemon, watch, presses, show)
            rate_hz = watch.count("rate_hz")
            return {
                "host": status["host"],
                "device": status["device"],
                "rate_hz": rate_hz,
                "block_frames": watch.count("block_frames"),
                "missed_notes": missed,
                **_conclude(heard, rate_hz, float(status["latency_ms"])),
                "meanwhile": {name: watch.count(name) - value for name, value in late.items()},
            }


def _press(
    daemon: MeasuredDaemon, watch: KernelWatch, presses: int, show: Callable[[int, int], None]
) -> tuple[list[tuple[int, Onset]], int]:
    """Onsets, each with the moment its message was sent; and how many never came."""
    chance = random.Random(0)  # noqa: S311  moments, not secrets
    heard: list[tuple[int, Onset]] = []
    for index in range(presses):
        time.sleep(chance.uniform(*_APART_S))
        watch.onsets()
        sent_ns = time.monotonic_ns()
        daemon.osc.send("/note", KEY, 100)
        onset = watch.await_onset(KEY, _ANSWER_S)
        if onset is not None:
            heard.append((sent_ns, onset))
        time.sleep(_HELD_S)
        daemon.osc.send("/note", KEY, 0)
        show(index + 1, presses)
    return heard, presses - len(heard)


def _conclude(heard: Sequence[tuple[int, Onset]], rate_hz: int, driver_ms: float) -> dict[str, object]:
    if not heard:
        return {}
    door_ms = [(onset.stamp_ns - sent_ns) / 1e6 for sent_ns, onset in heard]
    stamp_ms = [(onset.sound_ns - onset.stamp_ns) / 1e6 for _, onset in heard]
    both_ms = [(onset.sound_ns - sent_ns) / 1e6 for sent_ns, onset in heard]
    return {
        "door": spread(door_ms, "ms"),
        "stamp_to_sound": spread(stamp_ms, "ms"),
        "stamp_to_sound_in_frames": spread([ms * rate_hz / 1e3 for ms in stamp_ms], "frames"),
        "key_to_sound": spread(both_ms, "ms"),
        "driver_ms": round(driver_ms, 3),
    }
