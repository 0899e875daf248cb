"""Keys pressed before there was any sound for them: they begin when it comes, if they are still held."""

from __future__ import annotations

ALL_CHANNELS = -1


class AwaitedNotes:
    """Note-ons the kernel had to pass over because no slot stood behind their key.

    That is so only on a start with nothing on disk, until the first note is rendered.
    """

    def __init__(self) -> None:
        self._velocities: dict[tuple[int, int], float] = {}  # by (key, channel)
        self._begun: set[tuple[int, int]] = set()

    def note_on(self, key: int, channel: int, velocity: float, *, silent: bool) -> None:
        """A key went down; ``silent`` if no slot stands behind it."""
        self._begun.discard((key, channel))
        if silent:
            self._velocities[key, channel] = velocity

    def note_off(self, key: int, channel: int) -> bool:
        """A key came up. True if control began this note itself and so has to end it itself too.

        The door's own note-off may have reached the kernel before control's note-on did.
        """
        self._velocities.pop((key, channel), None)
        began = (key, channel) in self._begun
        self._begun.discard((key, channel))
        return began

    def begin(self, key: int) -> list[tuple[int, float]]:
        """There is sound for ``key`` now: channel and velocity of every note to begin."""
        due = [place for place in self._velocities if place[0] == key]
        self._begun.update(due)
        return [(channel, self._velocities.pop((number, channel))) for number, channel in due]

    def release(self, channel: int) -> None:
        """Every key of a channel came up, or of all."""
        for place in list(self._velocities):
            if channel in (ALL_CHANNELS, place[1]):
                del self._velocities[place]
        self._begun = {p for p in self._begun if channel not in (ALL_CHANNELS, p[1])}
