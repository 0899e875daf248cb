"""GANSynth's progressive schedule: which blocks a stage has, and how their images are blended.

A stage either lets a new block in (transition) or trains what is there (stable); the step counter counts
images, not updates.

Source: Engel et al., GANSynth (ICLR 2019), after Karras et al., Progressive Growing of GANs (ICLR 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

STABLE_IMAGES = 800_000
TRANSITION_IMAGES = 800_000
TOTAL_IMAGES = 11_000_000


@dataclass(frozen=True)
class Stage:
    """One stage of training.

    Attributes
    ----------
    number : int
        0 and up; even stages are stable.
    blocks : int
        Blocks of both networks.
    first_image, end_image : int
        Step counter when it begins, and when it is over.
    """

    number: int
    blocks: int
    first_image: int
    end_image: int

    @property
    def kind(self) -> Literal["stable", "transition"]:
        """What the stage is for."""
        return "transition" if self.number % 2 else "stable"


def blocks_of_stage(number: int) -> int:
    """How many blocks stage 0, 1, 2, ... has."""
    return (number + 1) // 2 + 1


def stages(
    resolutions: int = 7,
    stable_images: int = STABLE_IMAGES,
    transition_images: int = TRANSITION_IMAGES,
    total_images: int = TOTAL_IMAGES,
) -> tuple[Stage, ...]:
    """List the stages of a training.

    Parameters
    ----------
    resolutions : int
        Blocks of the finished networks.
    stable_images, transition_images : int
        Images a stage of either kind lasts.
    total_images : int
        Images altogether; the last stage lasts until then.
    """
    listed: list[Stage] = []
    first = 0
    last = 2 * resolutions - 2
    for number in range(last + 1):
        end = total_images if number == last else first + (transition_images if number % 2 else stable_images)
        listed.append(Stage(number, blocks_of_stage(number), first, end))
        first = end
    return tuple(listed)


def progress_of_step(
    step: int,
    blocks: int,
    stable_images: int = STABLE_IMAGES,
    transition_images: int = TRANSITION_IMAGES,
) -> float:
    """Progress of a network of `blocks` blocks when `step` images have been seen.

    Returns
    -------
    float
        In 0..blocks - 1, exact to float32 as in the original: b - 1 while block b's image is alone,
        in between while it is let in.
    """
    step = min(step, blocks * stable_images + (blocks - 1) * transition_images - 1)
    whole, image = divmod(step, stable_images + transition_images)
    if transition_images == 0:
        return float(whole)
    share = np.float32(max(0, image - stable_images)) / np.float32(transition_images)
    return float(np.float32(whole) + share)


def blend_of_progress(progress: float, blocks: int) -> tuple[float, ...]:
    """Weight of every block's image in the output, first block first; they sum to 1.

    Parameters
    ----------
    progress : float
        As of :func:`progress_of_step`.
    blocks : int
        Blocks of the network.
    """
    return tuple(max(0.0, min(progress - (block - 2), block - progress)) for block in range(1, blocks + 1))
