"""The original's checkpoints and numbers, where a machine has them."""

from __future__ import annotations

from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[4] / "shared" / "golden" / "gansynth"
CHECKPOINTS = GOLDEN / "ckpt"
needs_golden = pytest.mark.skipif(
    not GOLDEN.is_dir(), reason=f"golden data of the original is not at {GOLDEN}"
)
