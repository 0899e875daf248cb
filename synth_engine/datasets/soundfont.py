"""Play single notes of a soundfont through libfluidsynth, in float, without a device.

The library is reached through ctypes because the usual Python binding only hands out 16-bit samples.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

RENDER_RATE_HZ = 48_000  # rendering straight at 16 kHz aliases bright waves by about 3 dB; decimate instead
_BLOCK_FRAMES = 64  # FluidSynth's own block: notes then start on the same frame whatever came before
_ALL_CHANNELS = -1
_HIGHEST_INTERPOLATION = 7  # FLUID_INTERP_7THORDER


# Generators of the SoundFont specification (section 8.1.3); what is set here is added to the preset's own.
_VIBRATO_CENTS, _CUTOFF_CENTS, _ATTACK_TIMECENTS, _RELEASE_TIMECENTS, _COARSE_TUNE = 6, 8, 34, 38, 51


class SoundfontError(RuntimeError):
    """The soundfont or the library that plays it cannot be used."""


@dataclass(frozen=True)
class Variation:
    """How a preset is bent into another instrument; the defaults leave it as it is.

    Attributes
    ----------
    cutoff_cents : float
        Added to the filter's cutoff, which mostly begins at 20 kHz.
    attack_timecents, release_timecents : float
        Added to the envelope's times: 1200 is twice as long.
    vibrato_cents : float
        Added to the vibrato's depth.
    shift_semitones : int
        The sample of a key that many semitones higher is played, tuned back by as much.
    is_right : bool
        The right channel rather than the left.
    """

    cutoff_cents: float = 0.0
    attack_timecents: float = 0.0
    release_timecents: float = 0.0
    vibrato_cents: float = 0.0
    shift_semitones: int = 0
    is_right: bool = False


PLAIN = Variation()


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
        "fluid_synth_set_gen": (integer, [pointer, integer, integer, ctypes.c_float]),
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

    Notes depend a little on those before (the phases of oscillators); those of a new player do not. Players
    of one file share its samples, so a second one is quick to open while the first is.

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
        self._variation = PLAIN
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

    def select(self, bank: int, program: int, variation: Variation = PLAIN) -> None:
        """Choose what `play` plays.

        Raises
        ------
        SoundfontError
            If the soundfont has no such preset.
        """
        library, synth = self._library, self._synth
        if library.fluid_synth_program_select(synth, 0, self._font, bank, program) != 0:
            raise SoundfontError(f"the soundfont has no program {program} in bank {bank}")
        library.fluid_synth_set_interp_method(synth, -1, _HIGHEST_INTERPOLATION)
        for generator, value in (
            (_CUTOFF_CENTS, variation.cutoff_cents),
            (_ATTACK_TIMECENTS, variation.attack_timecents),
            (_RELEASE_TIMECENTS, variation.release_timecents),
            (_VIBRATO_CENTS, variation.vibrato_cents),
            (_COARSE_TUNE, -variation.shift_semitones),
        ):
            library.fluid_synth_set_gen(synth, 0, generator, value)
        self._variation = variation

    def play(self, pitch: int, velocity: int, held_s: float, release_s: float) -> NDArray[np.float32]:
        """Render one note of the selected preset.

        Returns
        -------
        NDArray[np.float32], shape (frames,)
            One channel at `RENDER_RATE_HZ`, because stereo samples comb when averaged.
        """
        library, synth = self._library, self._synth
        library.fluid_synth_all_sounds_off(synth, _ALL_CHANNELS)  # a reset would let the last note ring out
        self._write(_BLOCK_FRAMES)
        key = pitch + self._variation.shift_semitones
        library.fluid_synth_noteon(synth, 0, key, velocity)
        held = self._write(round(held_s * RENDER_RATE_HZ))
        library.fluid_synth_noteoff(synth, 0, key)
        return np.concatenate([held, self._write(round(release_s * RENDER_RATE_HZ))])

    def _write(self, frames: int) -> NDArray[np.float32]:
        left = np.zeros(-(-frames // _BLOCK_FRAMES) * _BLOCK_FRAMES, np.float32)
        right = np.zeros_like(left)
        self._library.fluid_synth_write_float(
            self._synth, len(left), left.ctypes.data, 0, 1, right.ctypes.data, 0, 1
        )
        return (right if self._variation.is_right else left)[:frames]
