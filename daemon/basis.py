"""The PCA basis a model lacks, fitted in a process of its own while the instrument plays."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from pca_cache.basis import Basis
from pca_cache.store import find_or_none

log = logging.getLogger(__name__)


async def basis_in_time(
    model_path: Path, digest: str, hook_shape: tuple[int, int, int], cache_dir: Path
) -> Basis | None:
    """Fit a model's missing basis in another process (about a minute) and read it; None if that fails."""
    log.info("no PCA basis for this model yet: fitting one; the /pca knobs begin to work when it is done")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "daemon.cli", "pca", "fit", "--model", str(model_path),
        "--out", str(cache_dir), stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _, words = await process.communicate()
    except asyncio.CancelledError:
        if process.returncode is None:
            process.kill()
        raise
    if process.returncode != 0:
        last = words.decode(errors="replace").strip().rpartition("\n")[2]
        log.error("the PCA basis could not be fitted: %s", last)
        return None
    return find_or_none(cache_dir, digest, hook_shape)
