"""The original's variable names, and ours."""

from __future__ import annotations

import re

_SCOPE = "Generator/progressive_gan_generator/progressive_gan_"
_AVERAGE = "/ExponentialMovingAverage"
_BLOCK = re.compile(re.escape(_SCOPE) + r"block_(\d+)/conv0/conv2d/kernel(?:" + re.escape(_AVERAGE) + ")?")

STEP = "global_step"  # images seen
SECONDS = "Variable"  # seconds trained: the original's name
PITCH_LOGITS = "Discriminator/discriminator_cond/classification_logits/dense/kernel"


def original_name(name: str, averaged: bool) -> str:
    """Name of a generator's weight in a checkpoint.

    Parameters
    ----------
    name : str
        As in `Architecture.weight_shapes`, such as ``block_1/conv0/kernel``.
    averaged : bool
        The moving average, which generates, or the raw weight, which is trained.
    """
    return _SCOPE + name.replace("/kernel", "/conv2d/kernel") + (_AVERAGE if averaged else "")


def block_numbers(names: frozenset[str]) -> frozenset[int]:
    """Numbers of the generator's blocks among the names of a checkpoint."""
    found = (_BLOCK.fullmatch(name) for name in names)
    return frozenset(int(match[1]) for match in found if match)


def has_averages(names: frozenset[str]) -> bool:
    """Whether moving averages of a generator are there."""
    return any(name.startswith(_SCOPE) and name.endswith(_AVERAGE) for name in names)
