"""Sizes of a generator and the names and shapes of its weights, for every runtime and file format alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from synth_engine.generator.harmonic import MAP_CHANNELS
from synth_engine.generator.spectral import SAMPLE_RATE_HZ, WAVE_FRAMES, Representation

START_FRAMES = 2  # size of block 1; every later block doubles both axes
START_BINS = 16
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
        Components of a latent point.
    pitches : tuple of int
        MIDI pitches of the one-hot input, ascending and consecutive.
    harmonic_maps : bool
        Whether the last blocks see `synth_engine.generator.harmonic` maps, which also set the base frequency.
    wave_frames : int
        Samples of one note at 16 kHz.
    """

    channels: tuple[int, ...] = (256, 256, 256, 256, 128, 64, 32)
    latent_size: int = 256
    pitches: tuple[int, ...] = tuple(range(24, 85))
    harmonic_maps: bool = False
    wave_frames: int = WAVE_FRAMES

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return len(self.channels)

    @property
    def input_size(self) -> int:
        """Numbers in the joined input: latent, then one-hot pitch."""
        return self.latent_size + len(self.pitches)

    @property
    def hook_shape(self) -> tuple[int, int, int]:
        """Shape (frames, bins, channels) of the first activation, where PCA edits are added."""
        return START_FRAMES, START_BINS, self.channels[0]

    @cached_property
    def representation(self) -> Representation:
        """The spectrograms this generator makes."""
        scale = 2 ** (self.blocks - 1)
        return Representation(START_FRAMES * scale, START_BINS * scale, self.wave_frames, SAMPLE_RATE_HZ)

    def block_bins(self, block: int) -> int:
        """Frequency bins inside a block (counted from 1)."""
        return START_BINS * int(2 ** (block - 1))

    def has_maps(self, block: int) -> bool:
        """Whether harmonic maps enter this block (counted from 1); block 1 never has them."""
        return self.harmonic_maps and block > max(1, self.blocks - MAPPED_BLOCKS)

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of all weights; kernels are (height, width, in, out)."""
        shapes: dict[str, tuple[int, ...]] = {}
        previous = self.input_size
        for block, width in enumerate(self.channels, start=1):
            first = (START_FRAMES, START_BINS) if block == 1 else (3, 3)
            shapes[f"block_{block}/conv0/kernel"] = (*first, previous, width)
            if self.has_maps(block):
                shapes[f"block_{block}/conv0/maps_kernel"] = (1, MAP_TAPS, MAP_CHANNELS, width)
            shapes[f"block_{block}/conv0/bias"] = (width,)
            shapes[f"block_{block}/conv1/kernel"] = (3, 3, width, width)
            shapes[f"block_{block}/conv1/bias"] = (width,)
            previous = width
        shapes[f"block_{self.blocks}/to_rgb/kernel"] = (1, 1, previous, 2)
        shapes[f"block_{self.blocks}/to_rgb/bias"] = (2,)
        return shapes


def runtime_scale(name: str, shape: tuple[int, ...]) -> float:
    """Return the factor a stored kernel is multiplied with at run time (1 for biases).

    Kernels are stored at unit variance; hidden layers use sqrt(2 / fan_in), the linear output
    sqrt(1 / fan_in), fan_in being kernel height x width x input channels.

    Source: Karras et al., Progressive Growing of GANs (ICLR 2018), section 4.1.
    """
    if name.endswith("/bias"):
        return 1.0
    gain = 1.0 if "/to_rgb/" in name else 2.0
    return math.sqrt(gain / math.prod(shape[:-1]))
