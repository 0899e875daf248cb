"""The masked CRC-32C that LevelDB tables, tensor bundles and tfrecords keep beside their bytes."""

from __future__ import annotations

import google_crc32c
import numpy as np
from numpy.typing import NDArray

_MASK_DELTA = 0xA282EAD8


def masked_crc32c(*chunks: bytes | memoryview | NDArray[np.uint8]) -> int:
    """Checksum of the chunks, one after the other, as these formats store it.

    Source: LevelDB, util/crc32c.h: rotated and shifted, because a CRC of bytes that hold CRCs is weak.
    """
    crc = 0
    for chunk in chunks:
        # the library takes arrays, but no memoryviews
        crc = google_crc32c.extend(crc, np.frombuffer(chunk, np.uint8) if len(chunk) else b"")
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF
