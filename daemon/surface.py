"""What a door may ask of the controller. Doors know this and ``daemon.events``, nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from daemon.events import Command
from pca_cache.labels import DirectionLabel

Argument = int | float | str
Reply = tuple[str, tuple[Argument, ...]]  # OSC-like: address and arguments


class Surface(Protocol):
    """The controller as seen from a door. Every method runs on the control thread and never blocks."""

    def handle(self, command: Command) -> Sequence[Reply]:
        """Carry out a command and say what came of it, e.g. ``("/latent/random", (seed,))``.

        Raises
        ------
        CommandError
            in words a player understands: unknown anchor ("did you mean ..."), preset, path.
        """

    def parameter_value(self, path: str) -> float:
        """Present value in natural units. Raises KeyError for a path outside the catalogue."""

    def status(self) -> Mapping[str, Argument]:
        """What ``/status`` answers: model, voices, late blocks, rendered notes, ports, seconds up."""

    def anchor_names(self) -> Sequence[str]:
        """Names accepted by ``LatentAnchors``."""

    def direction_labels(self) -> Sequence[DirectionLabel]:
        """What each direction of the latent space does, first to last; empty if nobody has measured it."""

    def preset_names(self) -> Sequence[str]:
        """Names accepted by ``LoadPreset``; the place in the list is the program number."""

    def journey_state(self) -> Sequence[Reply]:
        """What ``/journey`` answers."""

    def latent_state(self) -> Sequence[Reply]:
        """The present base point as the messages that would bring it back."""
