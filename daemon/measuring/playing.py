"""What a player waits for, in a real daemon on a host without a device: banks, knobs, keys."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.basis_fit import fit_basis
from daemon.measuring.child import MeasuredDaemon, measured_daemon
from daemon.measuring.home import Home, temporary_home
from daemon.measuring.watch import KernelWatch, wait_until
from pca_cache.store import basis_path, find_or_none, save_basis
from synth_engine.generator.model import Model
from synth_engine.generator.model_folder import load_model
from synth_engine.measuring.spread import spread

Show = Callable[[int, int], None]

CHORD = (48, 52, 55, 60, 64, 67, 72, 76)
ANSWER_S = 30.0  # a move that has not been heard by then is counted as lost
_KNOB_REACH = 3.0  # standard deviations to both sides
_REST_S = (0.25, 0.45)  # between moves, at random: no figure may depend on a phase
_OLDEST_S = 2.0  # held notes older than this are pressed again before a move: a rendered note ends
_FIT_SAMPLES = 512  # for a model without directions: which way a knob goes does not change what it costs
_FIT_COMPONENTS = 4


@dataclass(frozen=True)
class PlayingPlan:
    """What to do.

    Attributes
    ----------
    model_path : Path
        Folder of the model.
    moves, banks : int
        Moves of the knob under one note, as many under eight, and as many keys; whole banks.
    threads : int or None
        Of the render worker; None leaves it to the daemon.
    rate_hz, block_frames : int
        Of the host.
    sweep_s : float
        How long the knob moves without rest under eight held notes at the end.
    """

    model_path: Path
    moves: int
    banks: int
    threads: int | None = None
    rate_hz: int = 48_000
    block_frames: int = 128
    sweep_s: float = 5.0

    @property
    def options(self) -> list[str]:
        """Of ``timbred run``."""
        words = ["--null", "--model", str(self.model_path), "--rate-hz", str(self.rate_hz)]
        words += ["--block-frames", str(self.block_frames)]
        return words if self.threads is None else [*words, "--threads", str(self.threads)]


def playing_figures(plan: PlayingPlan, user_cache: Path, show: Show) -> dict[str, object]:
    """Start a daemon, play it, and tell how long everything took.

    Parameters
    ----------
    plan : PlayingPlan
    user_cache : Path
        Where the user's own bases are kept.
    show : callable (done, total)
        Told of progress.

    Raises
    ------
    Unavailable
        If the daemon does not start or ends.
    """
    with temporary_home() as home:
        home.keep_kernel()
        model = load_model(plan.model_path)
        _provide_basis(plan.model_path, model, home, user_cache)
        with measured_daemon(home, plan.options) as daemon:
            daemon.wait_ready()
            daemon.wait_bank()
            return _Player(daemon, model.pitches, show, plan).play()


class _Player:
    """Plays a ready daemon; keys and moves are the same at every run, their moments are not."""

    def __init__(self, daemon: MeasuredDaemon, pitches: Sequence[int], show: Show, plan: PlayingPlan) -> None:
        self._daemon = daemon
        self._plan = plan
        self._pitches = pitches
        self._show = show
        self._watch = KernelWatch(daemon.memory())
        self._chance = random.Random(0)  # noqa: S311  moments and keys, not secrets
        self._keys = [key for key in CHORD if pitches[0] <= key <= pitches[-1]] or [pitches[0]]
        self._done = 0
        self._value = 0.0
        self._seed = 1000
        self._lost = 0

    def play(self) -> dict[str, object]:
        """Everything in turn."""
        watch, began_s = self._watch, time.monotonic()
        before = {name: watch.count(name) for name in ("blocks", "late_blocks", "underflows", "late_events")}
        banks_s = [self._bank_s() for _ in range(self._plan.banks)]
        pitches = len(self._pitches)
        figures: dict[str, object] = {
            "host": "null",
            "rate_hz": watch.count("rate_hz"),
            "block_frames": watch.count("block_frames"),
            "bank": {
                "notes": pitches,
                "whole": spread(banks_s, "s"),
                "rate": spread([pitches / seconds for seconds in banks_s], "notes_per_s"),
            },
        }
        for name, keys in (("knob_1_held_note", self._keys[:1]), ("knob_8_held_notes", self._keys)):
            figures[name] = self._knob(keys, self._plan.moves)
        figures["key_and_point"] = self._key_and_point()
        figures["sweep"] = self._sweep(self._keys)
        self._show(1, 1)
        since = {name: watch.count(name) - value for name, value in before.items()}
        return {**figures, "lost_moves": self._lost, "meanwhile": {**since, **self._time_since(began_s)}}

    def _time_since(self, began_s: float) -> dict[str, object]:
        return {"seconds": round(time.monotonic() - began_s, 1)}

    def _step(self) -> None:
        self._done += 1
        self._show(self._done, self._plan.banks + 3 * self._plan.moves + 1)

    def _rest(self) -> None:
        time.sleep(self._chance.uniform(*_REST_S))

    # ---- banks

    def _bank_s(self) -> float:
        """Seconds from a new point to the last note of its bank."""
        began_s = time.monotonic()
        before = self._daemon.count("rendered_notes")
        self._new_point()
        self._daemon.wait(
            "bank",
            lambda s: int(s["rendered_notes"]) > before and float(s["bank_share"]) >= 1.0,
            ANSWER_S * 10,
        )
        self._step()
        return time.monotonic() - began_s

    def _new_point(self) -> tuple[str, tuple[int, ...]]:
        self._seed += 1
        message = ("/latent/random", (self._seed,))
        self._daemon.osc.send(message[0], *message[1])
        return message

    # ---- the knob

    def _knob(self, keys: Sequence[int], moves: int) -> dict[str, object]:
        """From a move of ``/pca/1`` to the first and to the last held note's own new sound."""
        first_ms: list[float] = []
        last_ms: list[float] = []
        for _ in range(moves):
            times = self._times_of_a_move(keys)
            if times is None:
                self._lost += 1
            else:
                first_ms.append(times[0])
                last_ms.append(times[1])
            self._step()
        self._let_go(keys)
        if not last_ms:
            return {"held_notes": len(keys)}
        return {
            "held_notes": len(keys),
            "first_note": spread(first_ms, "ms"),
            "every_note": spread(last_ms, "ms"),
        }

    def _times_of_a_move(self, keys: Sequence[int]) -> tuple[float, float] | None:
        self._hold(keys)
        self._rest()
        before = self._watch.own_slots(keys)
        sent_s = self._move()
        first_s = wait_until(lambda: self._changed(before) > 0, ANSWER_S)
        last_s = wait_until(lambda: self._changed(before) == len(before), ANSWER_S)
        if first_s is None or last_s is None or len(before) < len(keys):
            return None
        return 1e3 * (first_s - sent_s), 1e3 * (last_s - sent_s)

    def _changed(self, before: dict[int, int]) -> int:
        now = self._watch.own_slots(before)
        return sum(key in now and now[key] != slot for key, slot in before.items())

    def _move(self) -> float:
        """Turn the knob to a value it never had; ``time.perf_counter`` when it was sent."""
        self._value = self._value + 0.618034 * 2 * _KNOB_REACH  # the golden ratio: no value comes twice
        value = self._value % (2 * _KNOB_REACH) - _KNOB_REACH
        sent_s = time.perf_counter()
        self._daemon.osc.send("/pca/1", value)
        return sent_s

    def _hold(self, keys: Collection[int]) -> None:
        """Have a young voice on every key, from its own note."""
        ages_s = self._watch.seconds_in(keys)
        if len(ages_s) < len(keys) or max(ages_s.values()) > _OLDEST_S:
            self._let_go(keys)
            for key in keys:
                self._daemon.osc.send("/note", key, 100)
        wait_until(lambda: len(self._watch.own_slots(keys)) == len(keys), ANSWER_S)

    def _let_go(self, keys: Collection[int]) -> None:
        for key in keys:
            self._daemon.osc.send("/note", key, 0)

    # ---- keys

    def _key_and_point(self) -> dict[str, object]:
        """A new point and a key in one bundle: its first sound, and the true one."""
        first_ms: list[float] = []
        true_ms: list[float] = []
        for _ in range(self._plan.moves):
            self._rest()
            key = self._chance.choice(self._keys)
            times = self._press(key)
            if times is None:
                self._lost += 1
            else:
                first_ms.append(times[0])
                true_ms.append(times[1])
            self._daemon.osc.send("/note", key, 0)
            self._step()
        if not true_ms:
            return {}
        return {"first_sound": spread(first_ms, "ms"), "true_timbre": spread(true_ms, "ms")}

    def _press(self, key: int) -> tuple[float, float] | None:
        slot = int(self._daemon.memory().record["keys"]["slot"][key])
        self._watch.onsets()
        self._seed += 1
        sent_ns = time.monotonic_ns()
        self._daemon.osc.send_together(("/latent/random", (self._seed,)), ("/note", (key, 100)))
        onset = self._watch.await_onset(key, ANSWER_S)
        if onset is None:
            return None
        is_true = wait_until(lambda: self._watch.own_slots((key,)).get(key, slot) != slot, ANSWER_S)
        first_ms = (onset.sound_ns - sent_ns) / 1e6
        waited_ms = (time.monotonic_ns() - sent_ns) / 1e6
        return None if is_true is None else (first_ms, max(first_ms, waited_ms))

    # ---- sweeping

    def _sweep(self, keys: Sequence[int]) -> dict[str, object]:
        """The knob moves fifty times a second under held notes; how often their sound follows."""
        before = {name: self._watch.count(name) for name in ("blocks", "late_blocks", "underflows")}
        rendered, began_s = self._daemon.count("rendered_notes"), time.monotonic()
        while time.monotonic() - began_s < self._plan.sweep_s:
            self._hold(keys)
            for _ in range(50):
                self._move()
                time.sleep(0.02)
        seconds = time.monotonic() - began_s
        rendered = self._daemon.count("rendered_notes") - rendered
        self._let_go(keys)
        return {
            "held_notes": len(keys),
            "seconds": round(seconds, 1),
            "rendered_notes_per_s": round(rendered / max(seconds, 1e-9), 2),
            **{name: self._watch.count(name) - value for name, value in before.items()},
        }


def _provide_basis(model_path: Path, model: Model, home: Home, user_cache: Path) -> None:
    """Directions for the knob: the user's, those that come with the model, or quickly fitted ones."""
    basis = find_or_none(user_cache, model.digest, model.hook_shape)
    home.cache.mkdir(parents=True, exist_ok=True)
    if basis is not None:
        save_basis(basis_path(home.cache, model.digest), basis)
        return
    fit_basis(
        model_path, home.cache,
        components=_FIT_COMPONENTS, samples=_FIT_SAMPLES, seed=0, progress=lambda _done, _total: None,
    )  # fmt: skip
