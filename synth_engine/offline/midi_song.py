"""Standard MIDI files to songs: tempo map, running notes, controllers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import mido

from synth_engine.offline.song import CHANNELS, Channel, Song, SongError, SongNote

LONGEST_S = 6 * 3600.0
_LARGEST_FILE_BYTES = 64 << 20
_DEFAULT_TEMPO_US = 500_000
_BEND_RANGE_SEMITONES = 2.0  # until RPN 0 sets another
_BEND_TOP = 8191
_VOLUME, _PAN, _EXPRESSION, _PEDAL = 7, 10, 11, 64
_DATA_ENTRY, _DATA_FINE, _NRPN_FINE, _NRPN, _RPN_FINE, _RPN = 6, 38, 98, 99, 100, 101
_ALL_SOUND_OFF, _RESET_CONTROLLERS, _ALL_NOTES_OFF = 120, 121, 123
_UNSET = 127

Timed = tuple[int, mido.Message]  # ticks from the beginning of the track


def read_song(path: Path) -> Song:
    """Read a MIDI file of type 0, 1 or 2 (whose tracks then follow each other).

    Raises
    ------
    SongError
        If it is no MIDI file, or damaged, or longer than six hours.
    OSError
        If it cannot be read.
    """
    size = path.stat().st_size
    if size > _LARGEST_FILE_BYTES:
        raise SongError(f"{path}: expected a MIDI file of at most {_LARGEST_FILE_BYTES} bytes, found {size}")
    with path.open("rb") as opened:
        head = opened.read(4)
        if head != b"MThd":
            found = repr(head) if head else "an empty file"
            raise SongError(f"{path}: expected a MIDI file, which begins with b'MThd', found {found}")
        opened.seek(0)
        try:
            file = mido.MidiFile(file=opened)
        except EOFError:
            raise SongError(f"{path}: damaged: it ends in the middle of a track") from None
        except Exception as error:  # noqa: BLE001  mido raises whatever a damaged byte leads it to
            raise SongError(f"{path}: damaged: {error or type(error).__name__}") from None
    if file.ticks_per_beat == 0:
        raise SongError(f"{path}: damaged: its header says 0 ticks a beat")
    return _Reading(file, path).song()


class _Clock:
    """Ticks to seconds."""

    def __init__(self, division: int, tempos: list[tuple[int, int]], start_s: float = 0.0) -> None:
        if division < 0:  # SMPTE: frames a second and ticks a frame, whatever the tempo says
            frames_hz = {-29: 30000 / 1001}.get(division >> 8, -(division >> 8))
            rows = [(0, 1.0 / (frames_hz * max(division & 0xFF, 1)))]
        else:
            rows = [(0, _DEFAULT_TEMPO_US / (1e6 * division))]
            rows += [(tick, tempo_us / (1e6 * division)) for tick, tempo_us in tempos]
        self._ticks = [tick for tick, _ in rows]
        self._tick_s = [tick_s for _, tick_s in rows]
        spans = zip(self._ticks[1:], self._ticks, self._tick_s, strict=False)
        self._seconds = list(accumulate(((b - a) * tick_s for b, a, tick_s in spans), initial=start_s))

    def at(self, tick: int) -> float:
        """Seconds of a tick."""
        place = bisect_right(self._ticks, tick) - 1
        return self._seconds[place] + (tick - self._ticks[place]) * self._tick_s[place]


def _timed(track: mido.MidiTrack) -> list[Timed]:
    ticks = accumulate(message.time for message in track)
    return list(zip(ticks, track, strict=True))


def _clocks(file: mido.MidiFile, tracks: list[list[Timed]]) -> list[_Clock]:
    """One clock a track: all the same, but in type 2, where each begins when the last one has ended."""
    if file.type != 2:
        merged = sorted((tempo for track in tracks for tempo in _tempos(track)), key=lambda row: row[0])
        return [_Clock(file.ticks_per_beat, merged)] * len(tracks)
    clocks, end_s = [], 0.0
    for track in tracks:
        clocks.append(_Clock(file.ticks_per_beat, _tempos(track), end_s))
        end_s = clocks[-1].at(track[-1][0]) if track else end_s
    return clocks


def _tempos(track: list[Timed]) -> list[tuple[int, int]]:
    return [(tick, message.tempo) for tick, message in track if message.type == "set_tempo"]


class _Controllers:
    """Keeps what has to be remembered between controller messages."""

    def __init__(self) -> None:
        self.channels = Song.idle_channels()
        self._range_cents = [100.0 * _BEND_RANGE_SEMITONES] * CHANNELS
        self._bend = [0] * CHANNELS
        self._selected = [(_UNSET, _UNSET)] * CHANNELS

    def take(self, time_s: float, message: mido.Message) -> None:
        """One message; times never go back."""
        channel = self.channels[message.channel]
        if message.type == "program_change":
            channel.program.set(time_s, message.program)
        elif message.type == "pitchwheel":
            self._bend[message.channel] = message.pitch
            self._bend_moves(time_s, message.channel)
        elif message.type == "control_change":
            self._control(time_s, message.channel, message.control, message.value)

    def _control(self, time_s: float, number: int, control: int, value: int) -> None:
        channel = self.channels[number]
        if control == _VOLUME:
            channel.volume.set(time_s, value / 127)
        elif control == _EXPRESSION:
            channel.expression.set(time_s, value / 127)
        elif control == _PAN:
            channel.pan.set(time_s, max(value - 64, -63) / 63)
        elif control == _PEDAL:
            channel.pedal.set(time_s, float(value >= 64))
        elif control == _RESET_CONTROLLERS:
            self._reset(time_s, number)
        else:
            self._parameter(time_s, number, control, value)

    def _reset(self, time_s: float, number: int) -> None:
        channel = self.channels[number]
        channel.expression.set(time_s, 1.0)
        channel.pedal.set(time_s, 0.0)
        self._selected[number] = (_UNSET, _UNSET)
        self._bend[number] = 0
        self._bend_moves(time_s, number)

    def _parameter(self, time_s: float, number: int, control: int, value: int) -> None:
        high, low = self._selected[number]
        cents = self._range_cents[number]
        if control == _RPN:
            self._selected[number] = (value, low)
        elif control == _RPN_FINE:
            self._selected[number] = (high, value)
        elif control in (_NRPN, _NRPN_FINE):
            self._selected[number] = (_UNSET, _UNSET)
        elif (high, low) == (0, 0) and control == _DATA_ENTRY:
            self._range_cents[number] = 100.0 * value + cents % 100.0
            self._bend_moves(time_s, number)
        elif (high, low) == (0, 0) and control == _DATA_FINE:
            self._range_cents[number] = cents - cents % 100.0 + min(value, 99)
            self._bend_moves(time_s, number)

    def _bend_moves(self, time_s: float, number: int) -> None:
        bend = self._bend[number]
        share = bend / (_BEND_TOP if bend > 0 else _BEND_TOP + 1)
        self.channels[number].bend.set(time_s, share * self._range_cents[number] / 100.0)


class _Reading:
    """Goes through a file, collecting."""

    def __init__(self, file: mido.MidiFile, path: Path) -> None:
        self._tracks = [_timed(track) for track in file.tracks]
        self._clocks = _clocks(file, self._tracks)
        ends = [c.at(t[-1][0]) for c, t in zip(self._clocks, self._tracks, strict=True) if t]
        self._end_s = max(ends, default=0.0)
        if self._end_s > LONGEST_S:
            hours = self._end_s / 3600.0
            raise SongError(f"{path}: lasts {hours:.1f} hours, expected at most {LONGEST_S / 3600.0:g}")
        self._hanging = 0

    def song(self) -> Song:
        """Controllers first, all tracks together, since a note wants to know its program."""
        controllers = _Controllers()
        messages = [
            (clock.at(tick), message)
            for clock, track in zip(self._clocks, self._tracks, strict=True)
            for tick, message in track
            if message.type in ("control_change", "program_change", "pitchwheel")
        ]
        for time_s, message in sorted(messages, key=lambda row: row[0]):
            controllers.take(time_s, message)
        channels = controllers.channels
        notes = [note for number in range(len(self._tracks)) for note in self._notes(number, channels)]
        return Song(tuple(notes), channels, self._end_s, self._hanging)

    def _notes(self, number: int, channels: tuple[Channel, ...]) -> Iterator[SongNote]:
        """Notes of a track in the order in which they end; a key struck again ends what it still sounds."""
        down: dict[tuple[int, int], tuple[int, int]] = {}  # (channel, key): tick and velocity
        clock = self._clocks[number]

        def ended(key: tuple[int, int], end_s: float) -> SongNote:
            tick, velocity = down.pop(key)
            start_s = clock.at(tick)
            program = int(channels[key[0]].program.at(start_s))
            return SongNote(start_s, end_s, key[1], velocity, key[0], number, program)

        for tick, message in self._tracks[number]:
            if message.type in ("note_on", "note_off"):
                key = (message.channel, message.note)
                if key in down:
                    yield ended(key, clock.at(tick))
                if message.type == "note_on" and message.velocity > 0:
                    down[key] = (tick, message.velocity)
            elif message.type == "control_change" and message.control in (_ALL_SOUND_OFF, _ALL_NOTES_OFF):
                for key in [key for key in down if key[0] == message.channel]:
                    yield ended(key, clock.at(tick))
        self._hanging += len(down)
        for key in list(down):
            yield ended(key, self._end_s)
