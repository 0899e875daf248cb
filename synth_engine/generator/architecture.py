"""Sizes of a generator and the names and shapes of its weights, for every runtime and file format alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from synth_engine.generator.conditions import Condition
from synth_engine.generator.harmonic import HARMONIC_SLOTS, MAP_CHANNELS
from synth_engine.generator.spectral import (
    KINDS,
    OFFSET,
    SAMPLE_RATE_HZ,
    SCALE,
    WAVE_FRAMES,
    Kind,
    Representation,
)

LEAKY_SLOPE = 0.2
NORM_FLOOR = 1e-8
MAPPED_BLOCKS = 3  # harmonic maps enter at the beginning of the last three blocks
MAP_TAPS = 3  # width of the maps' kernel along the bins


@dataclass(frozen=True)
class Architecture:
    """Topology of GANSynth's generator with configurable widths.

    Attributes
    ----------
    channels : tuple of int
        Channels of each block, first to last; seven blocks make 128 x 1024 spectrograms.
    latent_size : int
        Numbers of a latent point: noise, then the conditions.
    pitches : tuple of int
        MIDI pitches of the one-hot input, ascending.
    harmonic_maps : bool
        Whether the last blocks see `synth_engine.generator.harmonic` maps, which also set the base frequency.
    wave_frames : int
        Samples of one note at 16 kHz.
    start_frames, start_bins : int
        Size of block 1; every later block doubles both axes.
    resolutions : int
        Sizes a finished model goes through, start x 2 ** (resolutions - 1) being the last; 0 means as many as
        blocks. What a model of fewer blocks makes is brought to that size by repeating (nearest).
    blend : tuple of float
        Weight of each block's output after tanh, first to last, adding up to one; empty means the last only.
    kind : {"mel", "linear", "phase"}
        What the two channels are: see `synth_engine.generator.spectral`.
    conditions : tuple of Condition
        What the last numbers of a latent point say.
    voicing : int
        Numbers that a note's hook says of each of its harmonics (even, 0 for none); they are laid over the
        harmonics' bins as further maps: see `synth_engine.generator.voicing`.
    trim_frames : tuple of int
        Frames between which the levels of a note's harmonics are corrected (empty for no correction): see
        `synth_engine.generator.trim`.
    scale, offset : tuple of float
        Affine map of each channel to the network's range: tanh = scale * value + offset.

    Raises
    ------
    ValueError
        If the sizes do not fit each other; the message begins with the field's name.
    """

    channels: tuple[int, ...] = (256, 256, 256, 256, 128, 64, 32)
    latent_size: int = 256
    pitches: tuple[int, ...] = tuple(range(24, 85))
    harmonic_maps: bool = False
    wave_frames: int = WAVE_FRAMES
    start_frames: int = 2
    start_bins: int = 16
    resolutions: int = 0
    blend: tuple[float, ...] = ()
    kind: Kind = "mel"
    conditions: tuple[Condition, ...] = ()
    voicing: int = 0
    trim_frames: tuple[int, ...] = ()
    scale: tuple[float, float] = SCALE
    offset: tuple[float, float] = OFFSET

    def __post_init__(self) -> None:
        _check_network(self)
        _check_output(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Architecture:
        """The architecture that `dataclasses.asdict` made plain and JSON turned into lists."""
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()
        }
        conditions = tuple(
            Condition(each["name"], tuple(each["values"]), each["exclusive"])
            for each in values.pop("conditions", ())
        )
        return cls(**values, conditions=conditions)

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return len(self.channels)

    @property
    def input_size(self) -> int:
        """Numbers in the joined input: noise, conditions, one-hot pitch."""
        return self.latent_size + len(self.pitches)

    @property
    def condition_size(self) -> int:
        """Numbers at the end of a latent point that are conditions."""
        return sum(len(condition.values) for condition in self.conditions)

    @property
    def noise_size(self) -> int:
        """Numbers at the beginning of a latent point that are N(0, 1) noise."""
        return self.latent_size - self.condition_size

    @property
    def hook_shape(self) -> tuple[int, int, int]:
        """Shape (frames, bins, channels) of the first activation, where PCA edits are added."""
        return self.start_frames, self.start_bins, self.channels[0]

    @cached_property
    def representation(self) -> Representation:
        """The spectrograms this generator makes."""
        doubled = 2 ** ((self.resolutions or self.blocks) - 1)
        frames, bins = self.start_frames * doubled, self.start_bins * doubled
        return Representation(frames, bins, self.wave_frames, SAMPLE_RATE_HZ, self.kind)

    def block_bins(self, block: int) -> int:
        """Frequency bins inside a block (counted from 1)."""
        return self.start_bins * int(2 ** (block - 1))

    def repeats(self, block: int) -> int:
        """How often a position of a block's output is repeated along both axes to fill the full size."""
        return int(2 ** ((self.resolutions or self.blocks) - block))

    @property
    def output_weights(self) -> dict[int, float]:
        """Blocks (counted from 1) whose output is heard, with its weight."""
        if not self.blend:
            return {self.blocks: 1.0}
        return {block: weight for block, weight in enumerate(self.blend, start=1) if weight}

    def has_maps(self, block: int) -> bool:
        """Whether harmonic maps enter this block (counted from 1); block 1 never has them."""
        return self.harmonic_maps and block > max(1, self.blocks - MAPPED_BLOCKS)

    @property
    def map_channels(self) -> int:
        """Channels of a note's maps: the pitch's own, then the voicing."""
        return MAP_CHANNELS + self.voicing

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of all weights; kernels are (height, width, in, out)."""
        shapes: dict[str, tuple[int, ...]] = {}
        previous = self.input_size
        for block, width in enumerate(self.channels, start=1):
            first = (self.start_frames, self.start_bins) if block == 1 else (3, 3)
            shapes[f"block_{block}/conv0/kernel"] = (*first, previous, width)
            if self.has_maps(block):
                shapes[f"block_{block}/conv0/maps_kernel"] = (1, MAP_TAPS, self.map_channels, width)
            shapes[f"block_{block}/conv0/bias"] = (width,)
            shapes[f"block_{block}/conv1/kernel"] = (3, 3, width, width)
            shapes[f"block_{block}/conv1/bias"] = (width,)
            if block in self.output_weights:
                shapes[f"block_{block}/to_rgb/kernel"] = (1, 1, width, 2)
                shapes[f"block_{block}/to_rgb/bias"] = (2,)
            previous = width
        if self.voicing:
            shapes["voicing/kernel"] = (*self.hook_shape, HARMONIC_SLOTS * self.voicing)
            shapes["voicing/bias"] = (HARMONIC_SLOTS * self.voicing,)
        if self.trim_frames:
            curves = 2 * HARMONIC_SLOTS * len(self.trim_frames)  # of the partials and of what is beside them
            shapes["trim/kernel"], shapes["trim/bias"] = (*self.hook_shape, curves), (curves,)
        return shapes


def _check_network(size: Architecture) -> None:
    if not size.channels or min(size.channels) < 1:
        raise ValueError(f"channels: expected one positive number a block, found {size.channels}")
    if not size.pitches or any(b <= a for a, b in pairwise(size.pitches)):
        raise ValueError(f"pitches: expected ascending pitches, found {size.pitches}")
    if size.resolutions and size.resolutions < size.blocks:
        raise ValueError(f"resolutions: expected 0 or {size.blocks} or more, found {size.resolutions}")
    if size.blend and (len(size.blend) != size.blocks or not _are_shares(size.blend)):
        raise ValueError(f"blend: expected {size.blocks} weights that add up to 1, found {size.blend}")
    names = [condition.name for condition in size.conditions]
    if len(set(names)) < len(names):
        raise ValueError(f"conditions: expected names that differ, found {', '.join(names)}")
    if size.noise_size < 1:
        raise ValueError(f"latent_size: expected more than {size.condition_size}, found {size.latent_size}")


def _check_output(size: Architecture) -> None:
    if size.kind not in KINDS:
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}, found {size.kind!r}")
    if not all(
        math.isfinite(a) and math.isfinite(b) and a for a, b in zip(size.scale, size.offset, strict=True)
    ):
        raise ValueError(f"scale, offset: expected finite numbers, found {size.scale}, {size.offset}")
    whole = size.representation
    if whole.bins % 2 or min(size.start_frames, size.start_bins) < 1:
        raise ValueError(f"start_frames, start_bins: expected a positive size, bins even, found {whole}")
    if not 0 < size.wave_frames <= whole.longest_wave_frames:
        raise ValueError(f"wave_frames: expected 1..{whole.longest_wave_frames}, found {size.wave_frames}")
    if size.harmonic_maps and (size.kind != "mel" or size.blend or size.resolutions not in (0, size.blocks)):
        raise ValueError("harmonic_maps: expected a finished mel model with them")
    if size.voicing < 0 or size.voicing % 2 or (size.voicing and not size.harmonic_maps):
        raise ValueError(f"voicing: expected an even number, 0 without harmonic maps, found {size.voicing}")
    knots = size.trim_frames
    if knots and (not size.harmonic_maps or knots[0] < 0 or any(b <= a for a, b in pairwise(knots))):
        raise ValueError(f"trim_frames: expected ascending frames, none without harmonic maps, found {knots}")


def _are_shares(weights: tuple[float, ...]) -> bool:
    return all(0.0 <= weight <= 1.0 for weight in weights) and abs(math.fsum(weights) - 1.0) < 1e-6


def runtime_scale(name: str, shape: tuple[int, ...]) -> float:
    """Return the factor a stored kernel is multiplied with at run time (1 for biases).

    Kernels are stored at unit variance; hidden layers use sqrt(2 / fan_in), the linear output, voicing
    and trim sqrt(1 / fan_in), fan_in being kernel height x width x input channels.

    Source: Karras et al., Progressive Growing of GANs (ICLR 2018), section 4.1.
    """
    if name.endswith("/bias"):
        return 1.0
    gain = 1.0 if "/to_rgb/" in name or name.startswith(("voicing/", "trim/")) else 2.0
    return math.sqrt(gain / math.prod(shape[:-1]))
