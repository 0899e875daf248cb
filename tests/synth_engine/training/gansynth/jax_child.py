"""Everything asked of JAX, in one process: two virtual devices, and no TensorFlow to import."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np


class Blocker:
    """Makes TensorFlow look as if it were not installed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.split(".", maxsplit=1)[0] == "tensorflow":
            raise ModuleNotFoundError(f"blocked: {name}", name=name)


def main(path: str) -> None:
    """Write the golden answers where the data is there, and one step on one device and on two."""
    from tests.synth_engine.training.gansynth import golden_losses, one_step  # noqa: PLC0415  after the blocker

    with tempfile.TemporaryDirectory() as folder:
        found = {
            f"devices_{n}|{key}": value
            for n in (1, 2)
            for key, value in one_step.steps(Path(folder), n).items()
        }
    if golden_losses.GOLDEN.exists():
        for name in golden_losses.SETS:
            found |= {f"{name}|{key}": value for key, value in golden_losses.answers(name).items()}
    np.savez(path, **found)


if __name__ == "__main__":
    sys.meta_path.insert(0, Blocker())
    main(sys.argv[1])
