"""What the discriminator must name beside its score: the pitch, and every condition."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Head:
    """One group of labels.

    Attributes
    ----------
    name : str
        "pitch", or the condition's name.
    size : int
        Logits.
    exclusive : bool
        One label of the group holds (softmax), or every bit by itself (sigmoid).
    weight : float
        Factor of its loss.
    """

    name: str
    size: int
    exclusive: bool
    weight: float
