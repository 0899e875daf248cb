"""Which pitch a recorded note gets: the given one, the one in its name, or the one that is heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synth_engine.datasets.audio_files import AudioFileError
from synth_engine.datasets.pitch import PitchDetector

WAYS = ("auto", "names", "detect")


class Ear(Protocol):
    """Another judge of pitch, such as `synth_engine.evaluation.judges.PitchJudge`."""

    def pitch_of(self, wave: NDArray[np.float32]) -> int:
        """Return the MIDI pitch heard in one note at 16 kHz."""


@dataclass(frozen=True)
class PitchChoice:
    """How the pitch of a recorded note is found.

    Attributes
    ----------
    way : str
        "auto" (the name's, else what is heard), "names" or "detect".
    given : int or None
        The MIDI pitch of every note; `way` then says nothing.
    detector : PitchDetector or None
        None where the package is missing: what has no pitch in its name is then refused.
    confidence : float
        What is heard less surely is refused, 0..1.
    second : Ear or None
        A second opinion; where the two differ the note is refused.
    """

    way: str = "auto"
    given: int | None = None
    detector: PitchDetector | None = None
    confidence: float = 0.5
    second: Ear | None = None

    def choose(self, wave: NDArray[np.float32], named: int | None) -> int:
        """Return the MIDI pitch of a note at 16 kHz.

        Raises
        ------
        AudioFileError
            If there is none.
        """
        if self.given is not None:
            return self.given
        if named is not None and self.way != "detect":
            return named
        if self.way == "names":
            raise AudioFileError("no pitch in its name, such as name_60 or name-C4")
        if self.detector is None:
            raise AudioFileError("no pitch in its name, and swift-f0, which would hear it, is not installed")
        heard = self.detector.hear(wave)
        if heard is None or heard.confidence < self.confidence:
            sure = 0.0 if heard is None else heard.confidence
            raise AudioFileError(
                f"no clear pitch heard (confidence {sure:.2f}, wanted {self.confidence:.2f})"
            )
        pitch = min(127, max(0, round(heard.pitch)))
        if self.second is not None and (other := self.second.pitch_of(wave)) != pitch:
            raise AudioFileError(f"heard as {pitch} by SwiftF0, as {other} by basic-pitch: tell its pitch")
        return pitch
