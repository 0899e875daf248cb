"""When a model's note is held, and when it is released."""

from __future__ import annotations

from synth_engine.generator.spectral import Representation

HELD_SHARE = 0.75  # of a note; the rest is its release (NSynth: 3 s of 4)
_BEFORE_RELEASE_FRAMES = 5.0  # a window this far ahead of the release holds nothing of it


def release_frame(size: Representation) -> float:
    """Return the spectrogram frame in the middle of whose window the release begins."""
    release = (HELD_SHARE * size.wave_frames + size.padding_frames) / size.hop_frames
    return release - size.window_frames / (2 * size.hop_frames)


def last_held_frame(size: Representation) -> int:
    """Return the last spectrogram frame that holds nothing of the release, 1 or more."""
    return max(1, int(release_frame(size) - _BEFORE_RELEASE_FRAMES))


def own_frames(size: Representation) -> int:
    """Return how many samples a note that is held for longer has in common with the model's own."""
    return max((last_held_frame(size) + 1) * size.hop_frames - size.padding_frames, 0)
