"""A journey: the latent point moving by itself, leg by leg from key point to key point.

It moves only while something sounds. In silence it rests where it is: the bank of that point is then rendered
as a whole, the next key pressed has its own note at once, and nobody's processor warms an empty room.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from daemon.events import JourneyWay
from daemon.key_points import KeyPoint
from daemon.surface import Reply
from pca_cache.latent_point import LatentError, LatentPoint
from synth_engine.offline.paths import slerp

log = logging.getLogger(__name__)

STEP_S = 0.05  # under the scheduler's REST_S: points that pass are rendered for sounding keys only
LONGEST_STEP_S = 0.25  # a machine that slept goes on where it was
SAVE_S = 10.0  # how much of a journey a power cut may take
SOURCE = "journey"
SECONDS, SPEED, DWELL = "/journey/seconds", "/journey/speed", "/journey/dwell"
_SEED_BITS = 31


class Steered(Protocol):
    """What a journey moves: the latent half of the controller."""

    def latent_of(self, point: LatentPoint) -> NDArray[np.float32]:
        """The numbers of a point. Raises LatentError."""

    def present_latent(self) -> NDArray[np.float32]:
        """Where the instrument stands, without coordinates."""

    def travel_to(self, latent: NDArray[np.float32]) -> None:
        """Stand there; nobody is told but the instrument."""

    def parameter_value(self, path: str) -> float:
        """Present value in natural units."""

    def set_parameter(self, path: str, value: float, source: str) -> None:
        """Clamp, store, apply, and tell every listener."""


@dataclass(frozen=True)
class Leg:
    """From where the instrument stood to a key point.

    Attributes
    ----------
    latents : float32 (latent_size,) each
        Both ends.
    coordinates : mapping of str to (float, float)
        PCA parameters that change, with both ends; empty where the key point leaves the knobs alone.
    size : float
        Share of ``/journey/seconds`` that the leg takes; under 1 for the rest of one.
    """

    latents: tuple[NDArray[np.float32], NDArray[np.float32]]
    coordinates: Mapping[str, tuple[float, float]]
    size: float


class Journey:
    """Where it goes, how far it has come, and when it gives way to a player.

    Parameters
    ----------
    steered : the controller.
    is_sounding : whether any voice sounds.
    changed : told when the journey should be saved; its argument says whether it moves.

    **Thread** control.
    """

    def __init__(
        self, steered: Steered, is_sounding: Callable[[], bool], changed: Callable[[bool], None]
    ) -> None:
        self._steered = steered
        self._is_sounding = is_sounding
        self._changed = changed
        self._keys: list[KeyPoint] = []
        self._way = JourneyWay.WANDER
        self._to = 0
        self._direction = 1
        self._leg: Leg | None = None  # None: stopped
        self._share = 0.0
        self._resting = False
        self._now_s = 0.0
        self._touched_s = 0.0
        self._saved_s = 0.0

    # -- what players do

    def start(self, keys: Sequence[KeyPoint], way: JourneyWay) -> Sequence[Reply]:
        """Set out from where the instrument stands. Raises LatentError for a point the model has not."""
        for key in keys:
            self._steered.latent_of(key.point)
        self._keys = list(keys) if way is not JourneyWay.WANDER else [_random_key()]
        self._way, self._to, self._direction = way, 0, 1
        self._set_out()
        log.info("journey: %s, %s", way.value, ", ".join(key.name for key in self._keys))
        return self.state()

    def stop(self, why: str = "as told") -> Sequence[Reply]:
        """Stay here. Stopping twice does no harm."""
        self._touched_s = self._now_s
        if self._leg is not None:
            log.info("journey stopped %.0f %% of the way to %s: %s", 100 * self._share, self._name, why)
            self._leg = None
            self._changed(False)
        return self.state()

    def point_chosen(self) -> None:
        """A player went to another point."""
        self.stop("a player chose another point")

    def parameter_changed(self, path: str, value: float, source: str) -> None:
        """A player moved a knob; one that the journey moves is the player's from now on."""
        del value
        if source == SOURCE or not path.startswith("/pca/"):
            return
        self._touched_s = self._now_s
        if self._leg is not None and path in self._leg.coordinates:
            self.stop(f"a player moved {path}")

    def state(self) -> Sequence[Reply]:
        """``/journey``: what it does, and where it is on its leg."""
        if self._leg is None:
            return (("/journey", ("stopped",)),)
        held = self._steered.parameter_value(SPEED) == 0.0
        word = "held" if held else "resting" if self._resting else "moving"
        return (("/journey", (word, self._name, round(self._share, 4))),)

    @property
    def is_moving(self) -> bool:
        """Whether it is under way, be it resting."""
        return self._leg is not None

    # -- time

    async def run(self) -> None:
        """Go on until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self.step(loop.time())
            await asyncio.sleep(STEP_S)

    def step(self, now_s: float) -> None:
        """Be where one should be at ``now_s`` (seconds, monotonic)."""
        elapsed_s = min(now_s - self._now_s, LONGEST_STEP_S)
        if not self._now_s:
            elapsed_s, self._touched_s = 0.0, now_s
        self._now_s = now_s
        if self._leg is None:
            dwell_s = self._steered.parameter_value(DWELL)
            if dwell_s > 0.0 and now_s - self._touched_s >= dwell_s:
                self._go_on()
            return
        self._resting = not self._is_sounding()
        speed = self._steered.parameter_value(SPEED)
        if not self._resting and speed > 0.0:
            leg_s = self._steered.parameter_value(SECONDS) * self._leg.size
            self._share = min(self._share + elapsed_s * speed / leg_s, 1.0)
            self._move(self._leg)
            if self._share >= 1.0:
                self._arrive()
            elif now_s - self._saved_s >= SAVE_S:
                self._save()

    def _move(self, leg: Leg) -> None:
        self._steered.travel_to(slerp(*leg.latents, self._share).astype(np.float32))
        for path, (start, end) in leg.coordinates.items():
            self._steered.set_parameter(path, start + (end - start) * self._share, SOURCE)

    def _arrive(self) -> None:
        last = self._to + self._direction not in range(len(self._keys))
        if last and self._way is JourneyWay.WANDER:
            self._keys, self._to = [_random_key()], 0
        elif last and (self._way is JourneyWay.ONCE or len(self._keys) == 1):
            self.stop("arrived")
            return
        elif last and self._way is JourneyWay.ROUND:
            self._to = 0
        else:
            self._direction = -self._direction if last else self._direction
            self._to += self._direction
        self._set_out()

    def _go_on(self) -> None:
        """Nobody has moved the timbre for long: take the way up again, or a way of one's own."""
        log.info("journey: nobody has moved the timbre for a while")
        if not self._keys or (self._way is not JourneyWay.WANDER and len(self._keys) == 1):
            self._keys, self._way, self._to = [_random_key()], JourneyWay.WANDER, 0
        elif self._way is JourneyWay.ONCE:
            self._to, self._direction = 0, 1
        self._set_out()

    def _set_out(self, size: float = 1.0) -> None:
        point = self._keys[self._to].point
        ends = self._steered.present_latent(), self._steered.latent_of(point)
        paths = (f"/pca/{n}" for n in range(1, len(point.coordinates) + 1))
        coordinates = {
            path: (self._steered.parameter_value(path), end)
            for path, end in zip(paths, point.coordinates, strict=True)
        }
        moving = {path: ends for path, ends in coordinates.items() if ends[0] != ends[1]}
        self._leg, self._share = Leg(ends, moving, size), 0.0
        self._save()

    def _save(self) -> None:
        self._saved_s = self._now_s
        self._changed(True)

    @property
    def _name(self) -> str:
        return self._keys[self._to].name

    # -- keeping it

    def to_document(self) -> dict[str, Any]:
        """For the saved state; empty if there has been no journey."""
        if not self._keys:
            return {}
        left = self._leg.size * (1.0 - self._share) if self._leg is not None else 1.0
        return {
            "keys": [key.to_json() for key in self._keys],
            "way": self._way.value,
            "to": self._to,
            "direction": self._direction,
            "moving": self.is_moving,
            "left": max(left, 1e-3),
        }

    def restore(self, document: Mapping[str, Any]) -> None:
        """Go on with a saved journey from the restored point; one that does not fit is logged."""
        if not document:
            return
        try:
            keys = [KeyPoint.from_json(entry) for entry in document["keys"]]
            for key in keys:
                self._steered.latent_of(key.point)
            to, left = int(document["to"]), float(document["left"])
            if to not in range(len(keys)) or not 0.0 < left <= 1.0 or document["direction"] not in (-1, 1):
                raise LatentError(f"leg {to} of {len(keys)}, {left} of it left")
            self._way = JourneyWay(document["way"])
            self._keys, self._to, self._direction = keys, to, document["direction"]
        except (LatentError, KeyError, TypeError, ValueError) as error:
            log.warning("the saved journey is not taken up: %s", error)
            return
        if document.get("moving") is True:
            self._set_out(left)
            log.info("journey: going on to %s", self._name)


def _random_key() -> KeyPoint:
    return KeyPoint.from_seed(secrets.randbits(_SEED_BITS))
