"""What one note of a data set is: instrument, family, source, pitch, velocity, qualities, split."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

# NSynth's names in NSynth's order. Source: Engel et al., Neural audio synthesis of musical notes with
# WaveNet autoencoders (ICML 2017), the data set's own description.
FAMILIES = (
    "bass",
    "brass",
    "flute",
    "guitar",
    "keyboard",
    "mallet",
    "organ",
    "reed",
    "string",
    "synth_lead",
    "vocal",
)
SOURCES = ("acoustic", "electronic", "synthetic")
QUALITIES = (
    "bright",
    "dark",
    "distortion",
    "fast_decay",
    "long_release",
    "multiphonic",
    "nonlinear_env",
    "percussive",
    "reverb",
    "tempo-synced",
)
SPLITS = ("train", "valid", "test")
UNKNOWN = "unknown"  # a family or source that nobody told; it is kept, never guessed


@dataclass(frozen=True)
class Label:
    """What one note of a data set is.

    Attributes
    ----------
    instrument : str
        Name of the instrument; notes of one instrument are always of one split.
    program : int or None
        General MIDI program, 0..127, where the note comes from a soundfont.
    family, source : str
        One of `FAMILIES` and `SOURCES`, or `UNKNOWN`.
    pitch, velocity : int
        MIDI pitch and velocity, 0..127.
    qualities : tuple of str
        Those of `QUALITIES` the note has.
    split : str
        One of `SPLITS`.
    measured : bool
        Whether the qualities were measured here rather than told by the source.
    """

    instrument: str
    program: int | None
    family: str
    source: str
    pitch: int
    velocity: int
    qualities: tuple[str, ...] = ()
    split: str = "train"
    measured: bool = False


def to_row(label: Label) -> str:
    """Return a label as one line of JSON."""
    return json.dumps(asdict(label))


def from_row(row: str) -> Label:
    """Return the label of one line of JSON; fields that older data sets lack take their defaults.

    Raises
    ------
    ValueError
        If the line is no JSON object of a label's fields.
    """
    try:
        values = json.loads(row)
        return Label(**{**values, "qualities": tuple(values.get("qualities", ()))})
    except (TypeError, AttributeError) as error:
        raise ValueError(f"not a label: {error}") from None
