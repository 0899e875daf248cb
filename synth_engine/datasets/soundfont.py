"""Play single notes of a soundfont through libfluidsynth, in float, without a device.

The library is reached through ctypes because the usual Python binding only hands out 16-bit samples.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

RENDER_RATE_HZ = 48_000  # rendering straight at 16 kHz aliases bright waves by about 3 dB; decimate instead
_BLOCK_FRAMES = 64  # FluidSynth's own block: notes then start on the same frame whatever came before
_ALL_CHANNELS = -1
_HIGHEST_INTERPOLATION = 7  # FLUID_INTERP_7THORDER


class SoundfontError(RuntimeError):
    """The soundfont or the library that plays it cannot be used."""


def _load_library() -> ctypes.CDLL:
    name = ctypes.util.find_library("fluidsynth") or "libfluidsynth.so.3"
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        raise SoundfontError(f"{name} cannot be loaded (Debian: libfluidsynth3): {error}") from error
    pointer, text, integer = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures: dict[str, tuple[object, list[object]]] = {
        "new_fluid_settings": (pointer, []),
        "delete_fluid_settings": (None, [pointer]),
        "fluid_settings_setnum": (integer, [pointer, text, ctypes.c_double]),
        "fluid_settings_setint": (integer, [pointer, text, integer]),
        "new_fluid_synth": (pointer, [pointer]),
        "delete_fluid_synth": (None, [pointer]),
        "fluid_synth_sfload": (integer, [pointer, text, integer]),
        "fluid_synth_program_select": (integer, [pointer, integer, integer, integer, integer]),
        "fluid_synth_set_interp_method": (integer, [pointer, integer, integer]),
        "fluid_synth_noteon": (integer, [pointer, integer, integer, integer]),
        "fluid_synth_noteoff": (integer, [pointer, integer, integer]),
        "fluid_synth_all_sounds_off": (integer, [pointer, integer]),
        "fluid_synth_write_float": (
            integer,
            [pointer, integer, pointer, integer, integer, pointer, integer, integer],
        ),
    }
    for function, (result, arguments) in signatures.items():
        entry = getattr(library, function)
        entry.restype, entry.argtypes = result, arguments
    return library


class SoundfontPlayer:
    """One soundfont in memory, rendered note by note; use it as a context manager.

    Parameters
    ----------
    path : Path
        An .sf2 or .sf3 file.

    Raises
    ------
    SoundfontError
        If the library is missing or the file is no soundfont.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise SoundfontError(f"{path}: no such soundfont (Debian: fluid-soundfont-gm)")
        self._library = _load_library()
        self._settings = self._library.new_fluid_settings()
        self._library.fluid_settings_setnum(self._settings, b"synth.sample-rate", float(RENDER_RATE_HZ))
        for effect in (b"synth.reverb.active", b"synth.chorus.active"):
            self._library.fluid_settings_setint(self._settings, effect, 0)
        self._synth = self._library.new_fluid_synth(self._settings)
        self._font = self._library.fluid_synth_sfload(self._synth, str(path).encode(), 0)
        if self._font < 0:
            self.close()
            raise SoundfontError(f"{path}: FluidSynth cannot read this soundfont")

    def __enter__(self) -> SoundfontPlayer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the synthesiser; calling it twice does no harm."""
        if self._synth:
            self._library.delete_fluid_synth(self._synth)
            self._library.delete_fluid_settings(self._settings)
            self._synth = self._settings = None

    def play(
        self, program: int, pitch: int, velocity: int, held_s: float, release_s: float
    ) -> NDArray[np.float32]:
        """Render one note of a bank-0 program.

        Returns
        -------
        NDArray[np.float32], shape (frames,)
            The left channel at `RENDER_RATE_HZ`. One channel, because stereo samples comb when averaged.

        Raises
        ------
        SoundfontError
            If the soundfont has no such program.
        """
        library, synth = self._library, self._synth
        library.fluid_synth_all_sounds_off(synth, _ALL_CHANNELS)  # a reset would let the last note ring out
        self._write(_BLOCK_FRAMES)
        if library.fluid_synth_program_select(synth, 0, self._font, 0, program) != 0:
            raise SoundfontError(f"the soundfont has no program {program} in bank 0")
        library.fluid_synth_set_interp_method(synth, -1, _HIGHEST_INTERPOLATION)
        library.fluid_synth_noteon(synth, 0, pitch, velocity)
        held = self._write(round(held_s * RENDER_RATE_HZ))
        library.fluid_synth_noteoff(synth, 0, pitch)
        return np.concatenate([held, self._write(round(release_s * RENDER_RATE_HZ))])

    def _write(self, frames: int) -> NDArray[np.float32]:
        left = np.zeros(-(-frames // _BLOCK_FRAMES) * _BLOCK_FRAMES, np.float32)
        right = np.zeros_like(left)
        self._library.fluid_synth_write_float(
            self._synth, len(left), left.ctypes.data, 0, 1, right.ctypes.data, 0, 1
        )
        return left[:frames]
