"""How much arithmetic a note is."""

from __future__ import annotations

from dataclasses import dataclass

from synth_engine.generator.architecture import MAP_TAPS, Architecture

_TAPS = 9  # of a 3 x 3 kernel
_FOLDED_TAPS = 4  # of a nearest x2 and a 3 x 3 kernel in one: what meets an output position


@dataclass(frozen=True)
class NoteWork:
    """Floating-point operations of the convolutions behind the hook, for one note.

    Attributes
    ----------
    folded_flop : int
        As we compile them: upsampling folded into the kernel behind it.
    unfolded_flop : int
        As the original's graph says: every convolution at its output's full size.
    """

    folded_flop: int
    unfolded_flop: int


def note_work(architecture: Architecture) -> NoteWork:
    """Count multiplications and additions (two a tap); norms and activations are left out."""
    folded = unfolded = 0
    previous = 0
    for block, width in enumerate(architecture.channels, start=1):
        bins = architecture.block_bins(block)
        positions = bins * architecture.start_frames * 2 ** (block - 1)
        both = positions * _TAPS * width * width
        if block > 1:
            folded += positions * _FOLDED_TAPS * previous * width
            unfolded += positions * _TAPS * previous * width
        if architecture.has_maps(block):
            both += bins * MAP_TAPS * architecture.map_channels * width
        if block in architecture.output_weights:
            both += positions * 2 * width
        folded, unfolded, previous = folded + both, unfolded + both, width
    return NoteWork(2 * folded, 2 * unfolded)
