"""What a soundfont file says of itself: its name, its makers, its terms, its presets.

Source: SoundFont Technical Specification 2.04 (E-mu, 2006), sections 5 and 7.2.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from synth_engine.datasets.soundfont import SoundfontError

_TEXTS = {b"INAM": "name", b"IENG": "engineers", b"ICOP": "copyright", b"ICMT": "comment"}
_PRESET_HEADER_BYTES = 38


@dataclass(frozen=True)
class FontFile:
    """What a soundfont file says of itself.

    Attributes
    ----------
    path : Path
        The file.
    texts : dict
        "name", "engineers", "copyright" and "comment" as the font's makers wrote them; those it has.
    presets : dict
        Name of every preset by (bank, program).
    """

    path: Path
    texts: dict[str, str]
    presets: dict[tuple[int, int], str]

    def digest(self) -> str:
        """SHA-256 of the file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def read_font_file(path: Path) -> FontFile:
    """Read the texts and preset headers of an .sf2 or .sf3 file; the samples are skipped.

    Raises
    ------
    SoundfontError
        If there is no such file or it is no soundfont.
    """
    if not path.is_file():
        raise SoundfontError(
            f"{path}: no such soundfont (Debian: fluid-soundfont-gm, musescore-general-soundfont)"
        )
    texts: dict[str, str] = {}
    presets: dict[tuple[int, int], str] = {}
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:12] != b"sfbk":
            raise SoundfontError(f"{path}: not a soundfont (no RIFF sfbk header)")
        for kind, size in _chunks(file, path.stat().st_size):
            body = file.read(4) if kind == b"LIST" and size >= 4 else b""
            if body in (b"INFO", b"pdta"):
                for inner, inner_size in _chunks(file, file.tell() + size - 4):
                    if inner in _TEXTS:
                        texts[_TEXTS[inner]] = _text(file.read(inner_size))
                    elif inner == b"phdr":
                        presets = _presets(file.read(inner_size))
    if not presets:
        raise SoundfontError(f"{path}: a soundfont without presets, or cut short")
    return FontFile(path, texts, presets)


def _chunks(file: BinaryIO, end: int) -> Iterator[tuple[bytes, int]]:
    """Yield (kind, size) with the file at the chunk's body, up to byte `end`."""
    place = file.tell()
    while place + 8 <= end:
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            return
        kind, size = struct.unpack("<4sI", head)
        yield kind, size
        place += 8 + size
        if size % 2:  # a zero byte should follow; FluidR3Mono has none
            file.seek(place)
            place += file.read(1) == b"\0"


def _presets(headers: bytes) -> dict[tuple[int, int], str]:
    presets = {}
    for start in range(
        0, len(headers) - 2 * _PRESET_HEADER_BYTES + 1, _PRESET_HEADER_BYTES
    ):  # the last ends it
        name, program, bank = struct.unpack_from("<20sHH", headers, start)
        presets[bank, program] = _text(name)
    return presets


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("utf-8", "replace").strip()
