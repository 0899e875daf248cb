"""A MIDI file as a player needs it: bytes at times, and the notes they make."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import mido

DRUM_CHANNEL = 9  # "channel 10" in the words of General MIDI: keys are drums there, not pitches
PIECE = Path("/usr/share/games/openttd/baseset/openmsx/ttsong_iii_imuh3.mid")
PIECE_PACKAGE = "openttd-openmsx"  # Debian, main; the piece is under the GPL, version 2


@dataclass(frozen=True)
class Note:
    """One note. Times count from the score's start; ``index`` is that of its note-on in the events."""

    start_s: float
    end_s: float
    key: int
    velocity: int
    channel: int
    index: int


@dataclass(frozen=True)
class Score:
    """``events`` are (seconds from the start, MIDI bytes), in order."""

    events: list[tuple[float, bytes]]

    @property
    def seconds(self) -> float:
        """From the start to the last event."""
        return self.events[-1][0]

    @property
    def notes(self) -> list[Note]:
        """Every note, in order of its start; one that never ends, ends with the score."""
        sounding: dict[tuple[int, int], Note] = {}
        done: list[Note] = []
        for index, (time_s, data) in enumerate(self.events):
            kind, channel = data[0] & 0xF0, data[0] & 0x0F
            if kind not in (0x80, 0x90):
                continue
            begun = sounding.pop((channel, data[1]), None)
            if begun is not None:
                done.append(replace(begun, end_s=time_s))
            if kind == 0x90 and data[2] > 0:
                sounding[channel, data[1]] = Note(time_s, time_s, data[1], data[2], channel, index)
        done += [replace(note, end_s=self.seconds) for note in sounding.values()]
        return sorted(done, key=lambda note: note.index)

    def until(self, seconds: float) -> Score:
        """The beginning, with every note that still sounds at ``seconds`` ended there."""
        kept = [event for event in self.events if event[0] < seconds]
        hanging = [note for note in Score([*kept, (seconds, b"\xfe")]).notes if note.end_s >= seconds]
        ends = [(seconds, bytes([0x80 | note.channel, note.key, 64])) for note in hanging]
        return Score(kept + ends)

    def save(self, path: Path) -> None:
        """Write for the player process."""
        path.write_text(json.dumps([[time_s, data.hex()] for time_s, data in self.events]))


def load_score(path: Path) -> Score:
    """What :meth:`Score.save` wrote."""
    return Score([(time_s, bytes.fromhex(data)) for time_s, data in json.loads(path.read_text())])


def _is_played(message: mido.Message) -> bool:
    """Drums are left out, and program changes too: they would call presets and hide the sweep."""
    if message.is_meta or message.type == "sysex":
        return False
    return getattr(message, "channel", 0) != DRUM_CHANNEL and message.type != "program_change"


def read_midi_file(path: Path) -> Score:
    """The melodic part of a standard MIDI file, its tempo map applied."""
    time_s = 0.0
    events = []
    for message in mido.MidiFile(path):
        time_s += message.time
        if _is_played(message):
            events.append((time_s, bytes(message.bytes())))
    return Score(events)


def save_midi_file(score: Score, path: Path) -> None:
    """The same events as a standard MIDI file at 1 ms a tick, for another synthesiser."""
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1_000_000)])
    last_ticks = 0
    for time_s, data in score.events:
        ticks = round(time_s * 1000)
        track.append(mido.Message.from_bytes(data, time=ticks - last_ticks))
        last_ticks = ticks
    mido.MidiFile(type=0, ticks_per_beat=1000, tracks=[track]).save(path)


def note_score(notes: Iterable[tuple[float, float, int, int]]) -> Score:
    """A score of (start_s, end_s, key, velocity) on the first channel."""
    events = []
    for start_s, end_s, key, velocity in notes:
        events += [(start_s, bytes([0x90, key, velocity])), (end_s, bytes([0x80, key, 64]))]
    return Score(sorted(events, key=lambda event: event[0]))
