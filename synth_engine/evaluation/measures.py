"""Everything measured of one note, for comparing generated notes with real ones and for naming directions."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from synth_engine.evaluation import envelope, harmonics
from synth_engine.generator.spectral import SAMPLE_RATE_HZ

_SILENT_PEAK = 1e-5
_SETTLING_S = 0.05  # from the onset to what counts as the sounding part


@dataclass(frozen=True)
class Measures:
    """One note in numbers; NaN where a measure does not apply.

    Attributes
    ----------
    onset_ms : float
        When the envelope reaches half its peak, from the beginning of the note.
    attack_ms, rise_ms : float
        From 10 to 50 % and from 10 to 90 % of the peak (`synth_engine.evaluation.envelope.rise_ms`).
    brightness_octaves : float
        Spectral centroid above f0.
    sustain_db : float
        Level at 2.5 to 2.9 s below the peak.
    release_db : float
        Level 0.3 to 0.5 s after note-off below the level before it.
    noise_db, flatness_db : float
        Level and flatness of what lies between the partials.
    stretch_cents : float
        How far the tenth partial lies above ten times the first.
    tremolo_db : float
        Standard deviation of the level's quick movement.
    loudness_db : float
        Root mean square of the loudest 400 ms below the note's peak.
    pitch_cents : float
        How far the note lies above its key.
    """

    onset_ms: float
    attack_ms: float
    rise_ms: float
    brightness_octaves: float
    sustain_db: float
    release_db: float
    noise_db: float
    flatness_db: float
    stretch_cents: float
    tremolo_db: float
    loudness_db: float
    pitch_cents: float


def hz_of_pitch(pitch: float) -> float:
    """Frequency of a MIDI pitch, A4 = 440 Hz."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def measure(wave: NDArray[np.floating], pitch: float) -> Measures:
    """Measure one note.

    Parameters
    ----------
    wave : NDArray[np.floating], shape (frames,)
        At 16 kHz, held 3 s and released; its peak does not matter.
    pitch : float
        The MIDI pitch it should have.
    """
    peak = float(np.abs(wave).max(initial=0.0))
    if peak < _SILENT_PEAK:
        return Measures(*[float("nan")] * len(fields(Measures)))
    wave, f0_hz = wave / peak, hz_of_pitch(pitch)
    levels = envelope.envelope(wave, f0_hz)
    low_ms, onset_ms, high_ms = envelope.rise_ms(levels)
    settled_s = min(onset_ms / 1000.0 + _SETTLING_S, 2.0)
    spectrum = harmonics.spectrum_of(wave, settled_s, envelope.HELD_S)
    cents = harmonics.pitch_cents(spectrum, f0_hz)
    tuned_hz = f0_hz if np.isnan(cents) else f0_hz * 2.0 ** (cents / 1200.0)
    noise_db, flatness_db = harmonics.noise_part(spectrum, tuned_hz)
    sustain_db = envelope.level_between_db(levels, 2.5, 2.9)
    return Measures(
        onset_ms=onset_ms,
        attack_ms=onset_ms - low_ms,
        rise_ms=high_ms - low_ms,
        brightness_octaves=harmonics.centroid_octaves(spectrum, f0_hz),
        sustain_db=sustain_db,
        release_db=_release_db(levels, sustain_db),
        noise_db=noise_db,
        flatness_db=flatness_db,
        stretch_cents=harmonics.stretch_cents(spectrum, tuned_hz),
        tremolo_db=envelope.tremolo_db(levels, settled_s),
        loudness_db=_loudness_db(wave),
        pitch_cents=cents,
    )


def _release_db(levels: NDArray[np.float64], sustain_db: float) -> float:
    """NaN where the note had faded before it was let go."""
    if sustain_db < -50.0:
        return float("nan")
    after_db = envelope.level_between_db(levels, envelope.HELD_S + 0.3, envelope.HELD_S + 0.5)
    return after_db - envelope.level_between_db(levels, envelope.HELD_S - 0.3, envelope.HELD_S - 0.1)


def _loudness_db(wave: NDArray[np.floating]) -> float:
    frames = round(0.4 * SAMPLE_RATE_HZ)
    sums = np.cumsum(np.square(wave, dtype=np.float64))
    power = (sums[frames:] - sums[:-frames]).max(initial=0.0) / frames
    return float(10.0 * np.log10(power + 1e-12))
