"""Find the latent point whose note comes nearest to a recorded one.

The nearest anchors are tried first; from each of them gradients through the network lead on, a stretch of the
note a step, and the best of all points tried, anchors included, is the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from keras import ops
from numpy.typing import NDArray

from synth_engine.generator.entry import Entry, one_hots_of_pitches
from synth_engine.generator.harmonic import maps_of_pitch
from synth_engine.generator.model import Model
from synth_engine.generator.runtime import NoteRenderer
from synth_engine.generator.spectral import normalise, waves_to_spectrograms
from synth_engine.training import losses
from synth_engine.training.crop import Crop
from synth_engine.training.cropped import CroppedGenerator
from synth_engine.training.recorded_note import distance_db
from synth_engine.training.steps import Tensor, Tensors, adam, adam_rate, compiled, value_and_gradients

FloatArray = NDArray[np.float32]
Progress = Callable[[int, int], None]

_RATE = 0.05
_NORMALITY_WEIGHT = 2e-4  # a nat from N(0, I) against a normalised decibel


@dataclass(frozen=True)
class Captured:
    """What a capture found.

    Attributes
    ----------
    latent : NDArray[np.float32], shape (latent_size,)
        The nearest point.
    start : str
        The nearest anchor.
    before_db, after_db : float
        Distance of the nearest anchor's note and of the point's to the recording: see `distance_db`.
    """

    latent: FloatArray
    start: str
    before_db: float
    after_db: float


class CannotCapture(ValueError):
    """The model cannot be led to a recording."""


class Capturer:
    """Leads a model to recordings.

    Parameters
    ----------
    model : Model
        With harmonic maps and anchors.
    steps : int
        Gradient steps.
    starts : int
        Anchors to begin at.

    Raises
    ------
    CannotCapture
        If the model has no harmonic maps or no anchors.
    """

    def __init__(self, model: Model, steps: int = 120, starts: int = 4) -> None:
        if not model.architecture.harmonic_maps or not model.anchors:
            raise CannotCapture("expected a model with harmonic maps and anchors")
        self._model, self._steps = model, steps
        self._starts = min(starts, len(model.anchors))
        self._entry, self._renderer = Entry(model), NoteRenderer(model)
        size = model.architecture
        block = max(1, size.blocks - 3)
        rows = size.start_frames * 2 ** (block - 1)
        self._crop = Crop(block, min(rows, max(3, round(0.4 * rows))))
        network = CroppedGenerator(size, 0, "float32", block)
        network.assign_named_weights(model.weights)
        weights = [ops.convert_to_tensor(v) for v in network.trainable_variables]
        fixed = [ops.convert_to_tensor(v) for v in network.non_trainable_variables]

        def loss(values: Tensors, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
            made, _ = network.stateless_call(weights, fixed, {**batch, "latents": values[0]})
            magnitude, frequency = losses.reconstruction(made, batch["real"], batch["frame_weights"])
            pooled = losses.pooled(made, batch["real"], batch["frame_weights"])
            nats = ops.mean(ops.sum(ops.square(values[0]), axis=-1))
            return 5.0 * magnitude + frequency + 4.0 * pooled + _NORMALITY_WEIGHT * nats, magnitude

        gradients = value_and_gradients(loss)

        def update(state: list[Tensors], batch: dict[str, Tensor], rate: Tensor) -> list[Tensors]:
            _, slopes = gradients(state[0], batch)
            return list(adam(state[0], state[1], state[2], slopes, rate))

        self._update = compiled(update)

    def capture(self, wave: FloatArray, pitch: float, progress: Progress | None = None) -> Captured:
        """Find the point nearest to a note.

        Parameters
        ----------
        wave : NDArray[np.float32], shape (wave_frames,)
            From `prepare_note`.
        pitch : float
            MIDI pitch, continuous.
        progress : callable or None
            Told steps done and in all; may raise to interrupt.
        """
        real = waves_to_spectrograms(wave[None], self._model.representation)[0]
        names = list(self._model.anchors)
        anchors = np.stack([self._model.anchors[name].latent for name in names])
        distances = self._distances(anchors, pitch, real)
        order = np.argsort(distances)[: self._starts]
        latents = self._descend(anchors[order], pitch, real, progress)
        tried = np.concatenate([latents, anchors[order[:1]]])
        reached = self._distances(tried, pitch, real)
        best = int(np.argmin(reached))
        return Captured(tried[best], names[order[0]], float(distances[order[0]]), float(reached[best]))

    def _distances(self, latents: FloatArray, pitch: float, real: FloatArray) -> NDArray[np.float64]:
        distances = []
        for latent in latents:
            pitches = np.array([pitch])
            made = self._renderer.spectrograms(self._entry.activate(latent[None], pitches), pitches)[0]
            distances.append(distance_db(made[..., 0], real[..., 0]))
        return np.array(distances)

    def _descend(
        self, starts: FloatArray, pitch: float, real: FloatArray, progress: Progress | None
    ) -> FloatArray:
        """Walk from each start and return where the walks end, averaged over their last third."""
        size, count = self._model.architecture, len(starts)
        maps = maps_of_pitch(pitch, size.representation)
        rng = np.random.default_rng(0)
        values = [ops.convert_to_tensor(starts)]
        state = [values, [ops.zeros_like(values[0])], [ops.zeros_like(values[0])]]
        normal, ends = normalise(real), []
        for step in range(self._steps):
            rows, frames, weights = self._crop.draw(size, count, rng)
            batch = {
                "one_hots": np.repeat(one_hots_of_pitches(np.array([pitch]), size.pitches), count, axis=0),
                "maps": np.repeat(maps.channels[None], count, axis=0),
                "slots": np.repeat(maps.slots[None], count, axis=0),
                "base_steps": np.repeat(maps.base_step[None], count, axis=0),
                "rows": rows,
                "frames": frames,
                "frame_weights": weights,
                "real": normal[frames],
            }
            rate = adam_rate(_RATE * (1.0 - 0.8 * step / self._steps), step + 1)
            tensors = {name: ops.convert_to_tensor(array) for name, array in batch.items()}
            state = self._update(state, tensors, ops.convert_to_tensor(np.float32(rate)))
            if step >= 2 * self._steps // 3:
                ends.append(np.array(ops.convert_to_numpy(state[0][0])))
            if progress is not None:
                progress(step + 1, self._steps)
        return np.mean(ends, axis=0).astype(np.float32) if ends else starts
