"""A song: notes in seconds, and what the controllers of its channels did."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mappings.documents import DocumentError

CHANNELS = 16
DRUM_CHANNEL = 9  # counted from 0


class SongError(DocumentError):
    """A MIDI file that cannot be read; the message names it and tells what is wrong."""


@dataclass(frozen=True)
class SongNote:
    """A key pressed and let go.

    Attributes
    ----------
    start_s, end_s : float
        Seconds; a pedal is not in them.
    pitch : int
        MIDI key, 0..127.
    velocity : int
        1..127.
    channel, track, program : int
        All counted from 0; the program is the channel's when the key is pressed.
    """

    start_s: float
    end_s: float
    pitch: int
    velocity: int
    channel: int
    track: int
    program: int = 0


@dataclass
class Steps:
    """A value that jumps at times.

    Attributes
    ----------
    value : float
        Before the first jump.
    times_s : list of float
        Ascending.
    values : list of float
        From each time on.
    """

    value: float
    times_s: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def set(self, time_s: float, value: float) -> None:
        """Jump; times never go back."""
        self.times_s.append(time_s)
        self.values.append(value)

    def at(self, time_s: float) -> float:
        """Value at a time, a jump at that very time included."""
        place = bisect_right(self.times_s, time_s)
        return self.values[place - 1] if place else self.value

    def changes(self, start_s: float, end_s: float) -> bool:
        """Whether it jumps behind one time and before another."""
        return bisect_right(self.times_s, end_s) > bisect_right(self.times_s, start_s)

    def within(self, start_s: float, end_s: float) -> list[float]:
        """Value at a time, and every value it jumps to before another."""
        first, last = bisect_right(self.times_s, start_s), bisect_left(self.times_s, end_s)
        return [self.at(start_s), *self.values[first:last]]

    def sampled(self, start_s: float, rate_hz: int, frames: int) -> NDArray[np.float64]:
        """Value of every frame, shape (frames,)."""
        first = bisect_right(self.times_s, start_s)
        last = bisect_right(self.times_s, start_s + frames / rate_hz)
        edges = [round((time_s - start_s) * rate_hz) for time_s in self.times_s[first:last]]
        counts = np.diff([0, *np.clip(edges, 0, frames).tolist(), frames])
        return np.repeat([self.at(start_s), *self.values[first:last]], counts)


@dataclass
class Channel:
    """What the controllers of one channel did.

    Attributes
    ----------
    volume, expression : Steps
        CC 7 and CC 11 as 0..1.
    pan : Steps
        CC 10 as -1..1.
    pedal : Steps
        CC 64: 1 down, 0 up.
    bend : Steps
        Semitones.
    program : Steps
        General MIDI program, from 0.
    """

    volume: Steps = field(default_factory=lambda: Steps(1.0))
    expression: Steps = field(default_factory=lambda: Steps(1.0))
    pan: Steps = field(default_factory=lambda: Steps(0.0))
    pedal: Steps = field(default_factory=lambda: Steps(0.0))
    bend: Steps = field(default_factory=lambda: Steps(0.0))
    program: Steps = field(default_factory=lambda: Steps(0.0))


@dataclass(frozen=True)
class Song:
    """Everything of a MIDI file that sounds.

    Attributes
    ----------
    notes : tuple of SongNote
        Track after track, each in the order in which its keys are let go.
    channels : tuple of Channel
        Sixteen.
    end_s : float
        Time of the last event of all.
    hanging : int
        Notes that nothing ended; they last to `end_s`.
    """

    notes: tuple[SongNote, ...]
    channels: tuple[Channel, ...]
    end_s: float
    hanging: int

    @staticmethod
    def idle_channels() -> tuple[Channel, ...]:
        """Sixteen channels whose controllers did nothing."""
        return tuple(Channel() for _ in range(CHANNELS))
