"""Which keys matter now: held, sounding, played lately, and the register they lie in."""

from __future__ import annotations

LATELY_S = 10.0
DEFAULT_REGISTER = 60.0
_REGISTER_WEIGHT = 0.2  # of the newest note in the running mean


class PlayedKeys:
    """Keeps the order in which keys were played.

    Parameters
    ----------
    lately_s : float
        How long a key that was played matters more than one that was not.

    Attributes
    ----------
    sounding : frozenset of int
        Keys with a voice in the kernel (pedal, release), as far as control has seen.
    register : float
        Running mean of the played keys: where the rest of a bank is begun.
    """

    def __init__(self, lately_s: float = LATELY_S) -> None:
        self._lately_s = lately_s
        self._held: dict[tuple[int, int], None] = {}  # (key, channel), oldest first
        self._played_s: dict[int, float] = {}  # key -> when, oldest first
        self.sounding: frozenset[int] = frozenset()
        self.register = DEFAULT_REGISTER

    def note_on(self, key: int, channel: int, now_s: float) -> None:
        """A key went down."""
        self._held.pop((key, channel), None)
        self._held[key, channel] = None
        self._played_s.pop(key, None)
        self._played_s[key] = now_s
        self.register += _REGISTER_WEIGHT * (key - self.register)

    def note_off(self, key: int, channel: int) -> None:
        """A key came up."""
        self._held.pop((key, channel), None)

    def release(self, channel: int) -> None:
        """Every key of ``channel`` came up; -1 means every channel."""
        self._held = {k: None for k in self._held if channel not in (-1, k[1])}

    def held(self) -> list[int]:
        """Held keys, newest first, each once."""
        return list(dict.fromkeys(key for key, _ in reversed(self._held)))

    def heard(self) -> list[int]:
        """Held keys, newest first, then keys that still sound, the last played first."""
        sounding = (key for key in reversed(self._played_s) if key in self.sounding)
        return list(dict.fromkeys((*self.held(), *sounding)))

    def lately(self, now_s: float) -> list[int]:
        """Keys played in the last seconds, newest first."""
        return [
            key for key, played_s in reversed(self._played_s.items()) if now_s - played_s < self._lately_s
        ]
