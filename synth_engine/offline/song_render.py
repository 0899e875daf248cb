"""A song to a sound file: every note rendered, shaped as the live instrument does, and mixed in one pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from mappings.catalogue import CATALOGUE
from synth_engine.offline.arrangement import Arrangement
from synth_engine.offline.casting import Cast
from synth_engine.offline.levelled_file import Written, write_levelled
from synth_engine.offline.mixdown import Envelope, Mixdown, Placed
from synth_engine.offline.note_source import NoteRequest, NoteSource
from synth_engine.offline.resampling import at_positions, resample
from synth_engine.offline.song import Channel, SongNote

FloatArray = NDArray[np.float32]

_SMOOTHING_S = 0.010  # of bends and volumes, as in the kernel
_OPEN_S = 5.0  # of the mix kept in memory behind the note at hand
_EDGE_FRAMES = 64  # of the model's rate, faded where a note is cut behind its release
_OCTAVE = 12.0


@dataclass(frozen=True)
class SongFormat:
    """How a song is written: frames a second, and 1 or 2 channels."""

    rate_hz: int = 48_000
    channels: int = 2


def render_song(
    source: NoteSource,
    arrangement: Arrangement,
    timbres: Cast,
    path: Path,
    how: SongFormat,
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Render a song.

    Parameters
    ----------
    source : NoteSource
        Renders notes.
    arrangement : Arrangement
        What to play.
    timbres : Cast
        With which timbre.
    path : Path
        `.wav` or `.flac`, written whole or not at all.
    how : SongFormat
        Format.
    progress : callable or None
        Told (done, total) as it goes on.

    Raises
    ------
    SoundFileError
        If the suffix is another.
    OSError
        If the file, or the temporary one beside it, cannot be written.
    """
    blocks = mixed(source, arrangement, timbres, how, progress)
    return write_levelled(path, blocks, how.rate_hz, how.channels)


def mixed(
    source: NoteSource,
    arrangement: Arrangement,
    timbres: Cast,
    how: SongFormat,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[FloatArray]:
    """Yield the mix block by block, each float32 (frames, channels), without the master gain."""
    mixdown = Mixdown(how.rate_hz, how.channels)
    notes, channels = arrangement.notes, arrangement.song.channels
    requests = [_request(note, channels[note.channel], timbres) for note in notes]
    done_s = 0.0
    for number, (note, wave) in enumerate(zip(notes, source.stream(requests), strict=True), 1):
        if note.start_s - done_s > _OPEN_S:
            done_s = note.start_s
            yield mixdown.finished_until(done_s)
        mixdown.add(shaped(note, channels[note.channel], wave, source.rate_hz, how.rate_hz))
        if progress is not None:
            progress(number, len(notes))
    yield mixdown.rest()


def _request(note: SongNote, channel: Channel, timbres: Cast) -> NoteRequest:
    held_s = note.end_s - note.start_s
    # Bent upwards a note is used up faster.
    highest = max(channel.bend.within(note.start_s, note.end_s))
    return NoteRequest(timbres.latent_of(note), float(note.pitch), held_s * 2.0 ** (highest / _OCTAVE))


def shaped(note: SongNote, channel: Channel, wave: FloatArray, wave_hz: int, rate_hz: int) -> Placed:
    """Give a rendered note its envelope, bend, volume and place.

    Parameters
    ----------
    note : SongNote
        When and how loud.
    channel : Channel
        Its controllers.
    wave : NDArray[np.float32], shape (frames,)
        The note.
    wave_hz, rate_hz : int
        Sample rates of the note and of the mix.
    """
    envelope = Envelope().gains(note.end_s - note.start_s, rate_hz)
    frames = len(envelope)
    span_s = note.start_s, note.start_s + frames / rate_hz
    if channel.bend.at(note.start_s) or channel.bend.changes(*span_s):
        bend = smoothed(channel.bend.sampled(note.start_s, rate_hz, frames), rate_hz)
        steps = 2.0 ** (bend / _OCTAVE) * (wave_hz / rate_hz)
        positions = np.cumsum(steps) - steps
        sound = at_positions(_cut(wave, math.ceil(positions[-1]) + 1), positions)
    else:
        sound = resample(_cut(wave, math.ceil(frames * wave_hz / rate_hz)), wave_hz, rate_hz)[:frames]
    gain = envelope[: len(sound)] * np.float32((note.velocity / 127) ** CATALOGUE["/velocity/curve"].default)
    for steps_of in (channel.volume, channel.expression):
        if steps_of.changes(*span_s):
            moving = smoothed(steps_of.sampled(note.start_s, rate_hz, frames) ** 2, rate_hz)[: len(sound)]
            gain = gain * moving.astype(np.float32)
        else:
            gain = gain * np.float32(steps_of.at(note.start_s) ** 2)
    return Placed(note.start_s, sound, gain, channel.pan.at(note.start_s))


def smoothed(values: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    """Follow values by a one-pole filter of 10 ms that begins at rest."""
    share = 1.0 - math.exp(-1.0 / (_SMOOTHING_S * rate_hz))
    rest = np.array([(1.0 - share) * values[0]])
    followed: NDArray[np.float64] = signal.lfilter([share], [1.0, share - 1.0], values, zi=rest)[0]
    return followed


def _cut(wave: FloatArray, frames: int) -> FloatArray:
    """The beginning of a wave, faded behind what is asked for so that resampling does not ring."""
    if frames + _EDGE_FRAMES >= len(wave):
        return wave
    cut = wave[: frames + _EDGE_FRAMES].copy()
    cut[frames:] *= np.linspace(1.0, 0.0, _EDGE_FRAMES, dtype=np.float32)
    return cut
