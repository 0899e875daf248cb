"""From the notes of a song to the notes a model plays: pedal, range, drums; every change is told."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from synth_engine.offline.song import DRUM_CHANNEL, Song, SongError, SongNote

Outside = Literal["fold", "refuse", "drop"]
_OCTAVE = 12


@dataclass(frozen=True)
class Arrangement:
    """What is played, and what had to be changed for it.

    Attributes
    ----------
    song : Song
        Where it comes from.
    notes : tuple of SongNote
        In order of their start, as long as key or pedal hold them, inside the model's range.
    remarks : tuple of str
        What was left out or changed, in words.
    """

    song: Song
    notes: tuple[SongNote, ...]
    remarks: tuple[str, ...]


def arrange(
    song: Song, pitches: Sequence[int], *, outside: Outside = "fold", drums: bool = False
) -> Arrangement:
    """Arrange a song for a model.

    Parameters
    ----------
    song : Song
        What to play.
    pitches : sequence of int
        MIDI pitches of the model, ascending and consecutive.
    outside : {"fold", "refuse", "drop"}
        What becomes of other pitches: moved by octaves, an error, or left out.
    drums : bool
        Whether channel 10 is played too, as if it were any instrument.

    Raises
    ------
    SongError
        If nothing is left to play, or a pitch is out of range and to be refused.
    """
    remarks = [f"{song.hanging} hanging notes: ended with the song"] if song.hanging else []
    notes = list(song.notes)
    if not drums:
        notes = [note for note in notes if note.channel != DRUM_CHANNEL]
        left_out = len(song.notes) - len(notes)
        remarks += [f"{left_out} drum notes (channel 10): left out; --drums plays them"] if left_out else []
    sounding = [note for note in notes if note.end_s > note.start_s]
    short = len(notes) - len(sounding)
    remarks += [f"{short} notes without length: left out"] if short else []
    inside, remark = _inside(sounding, pitches, outside)
    remarks += remark
    if not inside:
        raise SongError("; ".join(["no notes to play", *remarks]))
    held = _held_by_pedal(song, inside)
    remarks += [f"{held.longer} notes held on by the pedal"] if held.longer else []
    return Arrangement(song, tuple(sorted(held.notes, key=_order)), tuple(remarks))


def _order(note: SongNote) -> tuple[float, int, int]:
    return note.start_s, note.channel, note.pitch


def _inside(
    notes: Sequence[SongNote], pitches: Sequence[int], outside: Outside
) -> tuple[list[SongNote], list[str]]:
    low, high = pitches[0], pitches[-1]
    strangers = Counter(note.pitch for note in notes if not low <= note.pitch <= high)
    if not strangers:
        return list(notes), []
    count = strangers.total()
    what = f"{count} notes outside the model's range {low}..{high}"
    what += f" (from {min(strangers)} to {max(strangers)})"
    if outside == "refuse":
        raise SongError(f"{what}; --outside fold moves them by octaves, --outside drop leaves them out")
    if outside == "fold":
        folded = [replace(note, pitch=_folded(note.pitch, low, high)) for note in notes]
        kept = [note for note in folded if low <= note.pitch <= high]
        lost = len(folded) - len(kept)
        return kept, [f"{what}: moved by octaves" + (f", {lost} fit in no octave: left out" if lost else "")]
    return [note for note in notes if low <= note.pitch <= high], [f"{what}: left out"]


def _folded(pitch: int, low: int, high: int) -> int:
    if pitch < low:
        return pitch + _OCTAVE * -(-(low - pitch) // _OCTAVE)
    if pitch > high:
        return pitch - _OCTAVE * -(-(pitch - high) // _OCTAVE)
    return pitch


@dataclass(frozen=True)
class _Held:
    notes: list[SongNote]
    longer: int


def _held_by_pedal(song: Song, notes: Sequence[SongNote]) -> _Held:
    """Let every note last until the pedal goes up, or its key is struck again."""
    strikes: defaultdict[tuple[int, int], list[float]] = defaultdict(list)
    for note in notes:
        strikes[note.channel, note.pitch].append(note.start_s)
    for starts in strikes.values():
        starts.sort()
    played = []
    for note in notes:
        starts = strikes[note.channel, note.pitch]
        again = bisect_left(starts, note.end_s)
        end_s = _lifted(song, note)
        if end_s > note.end_s and again < len(starts):
            end_s = max(min(end_s, starts[again]), note.end_s)
        played.append(replace(note, end_s=end_s))
    longer = sum(new.end_s > old.end_s for new, old in zip(played, notes, strict=True))
    return _Held(played, longer)


def _lifted(song: Song, note: SongNote) -> float:
    """When neither key nor pedal hold a note any more."""
    pedal = song.channels[note.channel].pedal
    if not pedal.at(note.end_s):
        return note.end_s
    later = range(bisect_right(pedal.times_s, note.end_s), len(pedal.times_s))
    return next((pedal.times_s[i] for i in later if not pedal.values[i]), max(song.end_s, note.end_s))
