"""Render notes at play time: NumPy and OpenVINO only, never TensorFlow or Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from synth_engine.generator.compiled import build_graph
from synth_engine.generator.entry import Entry
from synth_engine.generator.harmonic import maps_of_pitch
from synth_engine.generator.model import Model
from synth_engine.generator.partials import spectrograms_to_partials
from synth_engine.generator.spectral import spectrograms_to_waves
from synth_engine.generator.tracks import Tracks, bin_tracks, partial_tracks
from synth_engine.generator.trim import Trim
from synth_engine.generator.voicing import NoteMaps

__all__ = ["Entry", "NoteRenderer"]

FloatArray = NDArray[np.float32]


class NoteRenderer:
    """Hooks and pitches in, notes out.

    Parameters
    ----------
    model : Model
        Verified model.
    threads : int
        Processor threads of one call, 1 or more.
    cache_dir : Path or None
        Folder for compiled networks (one folder a digest below it), which makes the next start faster; None
        keeps none.
    precision : {"float32", "bfloat16"}
        bfloat16 is about twice as fast where the processor has it, and 0.006 half turns a frame off in
        frequency (mean): good for previews, not for what is kept.

    **Thread**: worker; one renderer serves one thread at a time.
    """

    def __init__(
        self,
        model: Model,
        *,
        threads: int = 1,
        cache_dir: Path | None = None,
        precision: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        self._model = model
        self._size = model.representation
        core = ov.Core()
        options = {
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            # Pinned, every renderer of one thread has the first core, whatever else runs there.
            "ENABLE_CPU_PINNING": False,
            # Left alone, OpenVINO takes bfloat16 wherever the processor has it.
            "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
        }
        if cache_dir is not None:
            options["CACHE_DIR"] = str(cache_dir / (model.digest or "unsaved"))
        self._maps = NoteMaps(model.architecture, model.weights)
        self._trim = Trim(model.architecture, model.weights)
        graph = build_graph(model.architecture, model.weights)
        self._request = core.compile_model(graph, "CPU", options).create_infer_request()

    def spectrograms(self, hooks: FloatArray, pitches: NDArray[np.floating]) -> FloatArray:
        """Run the network.

        Parameters
        ----------
        hooks : NDArray[np.float32], shape (n, *hook_shape)
            From `Entry.activate`, edited or not.
        pitches : NDArray[np.floating], shape (n,)
            MIDI pitches (continuous) whose harmonic maps are used; without maps they change nothing.

        Returns
        -------
        NDArray[np.float32], shape (n, frames, bins, 2)
            Natural log of mel power, and phase step in units of pi. The channels are planes in memory.

        Raises
        ------
        ValueError
            If the shapes do not fit.
        """
        hooks, pitches = np.asarray(hooks, np.float32), np.asarray(pitches, np.float64)
        if hooks.shape != (len(pitches), *self._model.hook_shape):
            expected = f"({len(pitches)}, {', '.join(map(str, self._model.hook_shape))})"
            raise ValueError(f"hooks: expected shape {expected}, found {hooks.shape}")
        planes = np.empty((len(hooks), 2, self._size.frames, self._size.bins), np.float32)
        # One note a call: a batch is no faster a note, and short calls let a more urgent note go first.
        for note, (hook, pitch) in enumerate(zip(hooks, pitches, strict=True)):
            self._request.infer(self._inputs(hook, float(pitch)), share_inputs=True)
            planes[note] = self._request.get_output_tensor(0).data[0]
            if self._trim:
                planes[note, 0] += self._trim.of_note(hook, float(pitch))
        return np.moveaxis(planes, 1, -1)

    def _inputs(self, hook: FloatArray, pitch: float) -> list[FloatArray]:
        inputs = [np.ascontiguousarray(hook[None])]
        if self._model.architecture.harmonic_maps:
            base_step = maps_of_pitch(pitch, self._size).base_step
            inputs += [self._maps.of_note(hook, pitch)[None, None], base_step[None, None, None]]
        return inputs

    def waves(self, hooks: FloatArray, pitches: NDArray[np.floating]) -> FloatArray:
        """Render notes: partials phase-locked where the model has harmonic maps, else as GANSynth does.

        Parameters
        ----------
        hooks, pitches
            As in `spectrograms`.

        Returns
        -------
        NDArray[np.float32], shape (n, wave_frames)
            Samples at 16 kHz, not normalised.

        Raises
        ------
        ValueError
            If the shapes do not fit.
        """
        spectrograms = self.spectrograms(hooks, pitches)
        if self._model.architecture.harmonic_maps:
            return spectrograms_to_partials(spectrograms, np.asarray(pitches, np.float64), self._size)
        return spectrograms_to_waves(spectrograms, self._size)

    def tracks(self, hook: FloatArray, pitch: float) -> Tracks:
        """Render one note taken apart, to be held as long as one likes.

        Parameters
        ----------
        hook : NDArray[np.float32], shape hook_shape
        pitch : float
            MIDI pitch, continuous.

        Raises
        ------
        ValueError
            If the shape does not fit.
        """
        spectrogram = self.spectrograms(hook[None], np.array([pitch]))[0]
        if self._model.architecture.harmonic_maps:
            return partial_tracks(spectrogram, pitch, self._size)
        return bin_tracks(spectrogram, self._size)
