"""A soundfont without sound: what the reader of its headers needs."""

from __future__ import annotations

import struct
from pathlib import Path


def _chunk(kind: bytes, body: bytes, pad: bytes = b"\0") -> bytes:
    return kind + struct.pack("<I", len(body)) + body + pad * (len(body) % 2)


def write_font(path: Path, presets: dict[tuple[int, int], str], pad: bytes = b"\0") -> Path:
    """Write headers of these presets, by (bank, program); `pad` follows odd chunks."""
    info = _chunk(b"ifil", b"\2\0\1\0") + _chunk(b"INAM", b"Toy font\0") + _chunk(b"ICOP", b"Nobody 2020\0")
    rows = [
        struct.pack("<20sHHHIII", name.encode(), program, bank, 0, 0, 0, 0)
        for (bank, program), name in presets.items()
    ]
    headers = b"".join([*rows, struct.pack("<20sHHHIII", b"EOP", 0, 0, 0, 0, 0, 0)])
    lists = [b"INFO" + info, b"sdta" + _chunk(b"smpl", bytes(11), b""), b"pdta" + _chunk(b"phdr", headers)]
    body = b"sfbk" + b"".join(_chunk(b"LIST", part, pad) for part in lists)
    path.write_bytes(_chunk(b"RIFF", body))
    return path
