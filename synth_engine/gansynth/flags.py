"""`experiment.json`: the original's hyper-parameters; here the network's sizes and its schedule matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from synth_engine.gansynth.schedule import STABLE_IMAGES, TRANSITION_IMAGES
from synth_engine.gansynth.sources import CheckpointError
from synth_engine.generator.model import ModelError
from synth_engine.generator.spectral import KINDS, OFFSET, SAMPLE_RATE_HZ, SCALE, WAVE_FRAMES, Kind
from synth_engine.generator.tensors import parse_json_object

FILE_NAME = "experiment.json"
LARGEST_BYTES = 1 << 20
_MOST_IMAGES = 1 << 40
_NUMBERS = (int, float)

Normalizer = Literal["specgrams_prespecified_normalizer", "none"]
T = TypeVar("T")

# Settings of the original that make another network than the one we have; what each has to be.
_FIXED: tuple[tuple[str, object, str], ...] = (
    ("simple_arch", False, "the simple architecture (transposed convolutions) is not supported"),
    ("g_fn", "specgram", "only generators of spectrograms are supported"),
    ("to_rgb_activation", "tanh", "only tanh outputs are supported"),
    ("kernel_size", 3, "only kernels of 3 x 3 are supported"),
    ("scale_mode", "ALL", "only doubling of both axes is supported"),
    ("scale_base", 2, "only doubling of both axes is supported"),
    ("sample_rate", SAMPLE_RATE_HZ, "only models of 16 kHz sound are supported"),
)


@dataclass(frozen=True)
class Flags:
    """What the settings say; the defaults are those of the released models.

    Attributes
    ----------
    kind : {"mel", "linear", "phase"}
        Representation.
    latent_size : int or None
        Numbers of noise; None if not said.
    resolutions : int
        Blocks of the finished network.
    audio_frames : int
        Samples of a note at 16 kHz.
    stable_images, transition_images : int
        How long stages last.
    progressive : bool
        Whether blocks are let in one after another.
    timed : bool
        Whether stages last by the clock and not by images.
    lowest_pitch, highest_pitch : int or None
        Range of a fork that says so.
    scale, offset : tuple of float
        Normaliser of magnitude and phase.
    raw : mapping
        All settings as they stand.
    """

    kind: Kind = "mel"
    latent_size: int | None = None
    resolutions: int = 7
    audio_frames: int = WAVE_FRAMES
    stable_images: int = STABLE_IMAGES
    transition_images: int = TRANSITION_IMAGES
    progressive: bool = True
    timed: bool = False
    lowest_pitch: int | None = None
    highest_pitch: int | None = None
    scale: tuple[float, float] = SCALE
    offset: tuple[float, float] = OFFSET
    raw: Mapping[str, Any] = field(default_factory=dict)


def parse_flags(content: bytes, where: str) -> Flags:
    """Read `experiment.json`.

    Parameters
    ----------
    content : bytes
        The file.
    where : str
        Its name for messages.

    Returns
    -------
    Flags
        Settings that are absent are those of the released models; unknown ones are only kept.

    Raises
    ------
    CheckpointError
        If it is no JSON object, a setting has a wrong type, or asks for a network that is not supported.
    """
    try:
        values = parse_json_object(content, where)
    except ModelError as error:
        raise CheckpointError(str(error)) from None
    settings = _Settings(values, where)
    for key, expected, why in _FIXED:
        if key in values and values[key] != expected:
            raise settings.fail(key, f"{expected!r}: {why}")
    scale, offset = _normaliser(settings)
    return Flags(
        kind=_kind(settings),
        latent_size=settings.integer("latent_vector_size", None, 1, 4096),
        resolutions=settings.integer("num_resolutions", 7, 1, 12),
        audio_frames=settings.integer("audio_length", WAVE_FRAMES, 1, 1 << 20),
        stable_images=settings.integer("stable_stage_num_images", STABLE_IMAGES, 1, _MOST_IMAGES),
        transition_images=settings.integer("transition_stage_num_images", TRANSITION_IMAGES, 0, _MOST_IMAGES),
        progressive=settings.flag("train_progressive", True),
        timed=values.get("train_time_limit") is not None,
        lowest_pitch=settings.integer("train_min_pitch", None, 0, 127),
        highest_pitch=settings.integer("train_max_pitch", None, 0, 127),
        scale=scale,
        offset=offset,
        raw=values,
    )


class _Settings:
    """Typed values out of the settings, or words on what is wrong with them."""

    def __init__(self, values: dict[str, Any], where: str) -> None:
        self.values = values
        self._where = where

    def fail(self, key: str, expected: str) -> CheckpointError:
        return CheckpointError(
            f"{self._where}: {key}: found {str(self.values.get(key))[:80]!r}, expected {expected}"
        )

    def integer(self, key: str, default: T, low: int, high: int) -> int | T:
        value = self.values.get(key)
        if value is None:
            return default
        if type(value) not in _NUMBERS or not low <= value <= high or value != int(value):
            raise self.fail(key, f"a whole number in {low}..{high}")
        return int(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.fail(key, "true or false")
        return value

    def number(self, key: str, default: float) -> float:
        value = self.values.get(key, default)
        if type(value) not in _NUMBERS or not -1e6 < value < 1e6:
            raise self.fail(key, "a number")
        return float(value)


def _kind(settings: _Settings) -> Kind:
    found = settings.values.get("data_type", "mel")
    for kind in KINDS:
        if found == kind:
            return kind
    raise settings.fail("data_type", f"one of {', '.join(KINDS)}; waveform models are not supported")


def _normaliser(settings: _Settings) -> tuple[tuple[float, float], tuple[float, float]]:
    """Scale and offset of both channels."""
    name = settings.values.get("data_normalizer", "specgrams_prespecified_normalizer")
    if name == "none":
        return (1.0, 1.0), (0.0, 0.0)
    if name != "specgrams_prespecified_normalizer":
        raise settings.fail(
            "data_normalizer",
            "specgrams_prespecified_normalizer or none; normalisers measured from data are not supported",
        )
    scale = settings.number("mag_normalizer_a", SCALE[0]), settings.number("p_normalizer_a", SCALE[1])
    offset = settings.number("mag_normalizer_b", OFFSET[0]), settings.number("p_normalizer_b", OFFSET[1])
    if 0 in scale:
        raise settings.fail("mag_normalizer_a" if scale[0] == 0 else "p_normalizer_a", "not 0")
    return scale, offset
