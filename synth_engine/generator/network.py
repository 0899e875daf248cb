"""The generator as a Keras model: the reference every runtime is measured against, and what is trained.

    latent and one-hot pitch, joined, pixel norm
      -> block 1: dense to 2 x 16, then a 3 x 3 convolution
      -> blocks 2..B: nearest x2 in both axes, two 3 x 3 convolutions
      -> 1 x 1 convolution to two channels, tanh; while growing, several blocks' outputs, weighted and summed
      -> full size (nearest), denormalised

Every hidden layer is scaled convolution, bias, leaky ReLU, pixel norm. Axis 1 is time, axis 2 frequency.

Source: Engel et al., GANSynth: Adversarial Neural Audio Synthesis (ICLR 2019); the released
`mel_prog_hires` configuration is `Architecture()` with its default sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from synth_engine.generator.architecture import LEAKY_SLOPE, NORM_FLOOR, Architecture, runtime_scale
from synth_engine.generator.harmonic import HARMONIC_SLOTS, LOBE_CHANNEL
from synth_engine.generator.trim import BESIDE_LOBE, KINDS, WITHIN_LOBE, curves

Tensor: TypeAlias = Any  # Keras has no common type for the backends' tensors


def pixel_norm(x: Tensor) -> Tensor:
    """Divide by the root mean square over channels, at every position by itself."""
    power = ops.mean(ops.square(ops.cast(x, "float32")), axis=-1, keepdims=True)
    return x * ops.cast(ops.rsqrt(power + NORM_FLOOR), x.dtype)


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU, then pixel norm: what ends every hidden layer."""
    return pixel_norm(ops.leaky_relu(x, negative_slope=LEAKY_SLOPE))


# Which tap (last axis) of a 3-tap kernel behind a nearest x2 meets which neighbour (middle axis): at the
# first and at the second of the two positions that each becomes.
_TAPS = np.array([[[1, 0, 0], [0, 1, 1], [0, 0, 0]], [[0, 0, 0], [1, 1, 0], [0, 0, 1]]], np.float32)


def fold_upsampling(kernel: Tensor) -> Tensor:
    """Turn a 3 x 3 kernel behind a nearest x2 into a 4 x 4 stride-2 transposed kernel: the same sums.

    Parameters
    ----------
    kernel : tensor, shape (3, 3, in, out)

    Returns
    -------
    tensor, shape (4, 4, out, in)
        As `keras.ops.conv_transpose` wants it; 4/9 of the multiplications.
    """
    for axis in (0, 1):
        behind = [[0, 1] if a == axis else [0, 0] for a in range(4)]
        before = [[1, 0] if a == axis else [0, 0] for a in range(4)]
        kernel = ops.pad(kernel, behind) + ops.pad(kernel, before)
    return ops.transpose(ops.flip(kernel, (0, 1)), (0, 1, 3, 2))


def upsample_convolve(x: Tensor, kernel: Tensor) -> Tensor:
    """Nearest x2 in both axes, then a 3 x 3 convolution, without making the large map first.

    Parameters
    ----------
    x : tensor, shape (n, h, w, in)
    kernel : tensor, float32, shape (3, 3, in, out)

    Returns
    -------
    tensor of x's type, shape (n, 2 h, 2 w, out)
    """
    if keras.backend.backend() != "jax":
        folded = ops.cast(fold_upsampling(kernel), x.dtype)
        return ops.conv_transpose(x, folded, strides=2, padding="same")
    # The gradient of XLA's transposed convolution takes 40 times longer on processors than that of this one,
    # which makes the four positions (2 x 2) that each position becomes.
    _, frames, bins, channels = x.shape
    width = kernel.shape[-1]
    parts = ops.einsum("pui,qvj,ijcf->uvcpqf", _TAPS, _TAPS, kernel)
    parts = ops.cast(ops.reshape(parts, (3, 3, channels, 4 * width)), x.dtype)
    y = ops.reshape(ops.conv(x, parts, padding="same"), (-1, frames, bins, 2, 2, width))
    return ops.reshape(ops.transpose(y, (0, 1, 3, 2, 4, 5)), (-1, 2 * frames, 2 * bins, width))


def _repeat(image: Tensor | None, times: int) -> Tensor | None:
    """Every position `times` times along both axes (nearest upsampling)."""
    if image is None or times == 1:
        return image
    return ops.repeat(ops.repeat(image, times, axis=1), times, axis=2)


def _sum(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    if first is None or second is None:
        return second if first is None else first
    return first + second


def _starts_at_zero(name: str) -> bool:
    # A random voicing or trim only has to be unlearned.
    return name.endswith("/bias") or name.startswith(("voicing/", "trim/"))


class Generator(keras.Model):  # type: ignore[misc]  # Keras has no types
    """Latent points and pitches in, spectrograms out.

    Parameters
    ----------
    architecture : Architecture
        Sizes.
    seed : int
        Seed of the N(0, 1) kernels; biases, voicing and trim start at zero.
    convolution_dtype : str
        "bfloat16" makes training 1.4 times faster where the processor has AVX512_BF16; weights, norms and the
        output layer stay in float32.
    """

    def __init__(self, architecture: Architecture, seed: int = 0, convolution_dtype: str = "float32") -> None:
        super().__init__(name="generator")
        self.architecture = architecture
        self._convolution_dtype = convolution_dtype
        draw = keras.initializers.RandomNormal(0.0, 1.0, seed=keras.random.SeedGenerator(seed))
        self._by_name = {
            name: self.add_weight(
                shape=shape,
                initializer="zeros" if _starts_at_zero(name) else draw,
                name=name.replace("/", "_"),
            )
            for name, shape in architecture.weight_shapes().items()
        }
        self.built = True

    def call(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Render spectrograms.

        Parameters
        ----------
        inputs : mapping
            `latents` (n, latent_size) and `one_hots` (n, pitches); with harmonic maps also `maps`
            (n, bins, 5) and `base_steps` (n, bins), with voicing or trim `slots` (n, bins, int32); while
            growing, `blend` (blocks,) in place of the architecture's own weights of the outputs that it has.
            The rest float32.

        Returns
        -------
        tensor, float32, shape (n, frames, bins, 2)
            What the two channels are is the architecture's `kind`: natural log of mel power, and phase step
            per frame in units of pi, unless it says otherwise.
        """
        hook = self.hook(inputs["latents"], inputs["one_hots"])
        maps = self.note_maps(hook, inputs.get("maps"), inputs.get("slots"))
        made = self.spectrograms(hook, maps, inputs.get("base_steps"), inputs.get("blend"))
        return self.trimmed(made, hook, inputs)

    def trimmed(self, made: Tensor, hook: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Add the trim, where the architecture has one, to spectrograms.

        With `frames` (n, frames) among the inputs they are these frames only.
        """
        knots = self.architecture.trim_frames
        if not knots:
            return made
        dense = ops.einsum("nhwc,hwcf->nf", hook, self._kernel("trim/kernel")) + self._by_name["trim/bias"]
        numbers = ops.reshape(dense, (-1, len(knots) * KINDS, HARMONIC_SLOTS))
        laid = ops.matmul(numbers, ops.transpose(ops.one_hot(inputs["slots"], HARMONIC_SLOTS), (0, 2, 1)))
        laid = ops.reshape(laid, (-1, len(knots), KINDS, laid.shape[-1]))
        lobe = inputs["maps"][:, None, :, LOBE_CHANNEL]
        share = ops.clip((lobe - BESIDE_LOBE) / (WITHIN_LOBE - BESIDE_LOBE), 0.0, 1.0)
        laid = share * laid[:, :, 0] + (1.0 - share) * laid[:, :, 1]
        weights = ops.convert_to_tensor(curves(knots, self.architecture.representation.frames).T)
        if "frames" in inputs:
            trim = ops.matmul(ops.take(weights, inputs["frames"], axis=0), laid)
        else:
            trim = ops.einsum("tk,nkb->ntb", weights, laid)
        return ops.stack([made[..., 0] + trim, made[..., 1]], axis=-1)

    def note_maps(self, hook: Tensor, maps: Tensor | None, slots: Tensor | None) -> Tensor | None:
        """Maps of the pitch and, where the architecture has it, the note's voicing behind them.

        Raises
        ------
        ValueError
            If the architecture has a voicing and `maps` or `slots` are missing.
        """
        voicing = self.architecture.voicing
        if not voicing:
            return maps
        if maps is None or slots is None:
            raise ValueError("maps, slots: expected both, since the model has a voicing")
        dense = ops.einsum("nhwc,hwcf->nf", hook, self._kernel("voicing/kernel"))
        numbers = ops.reshape(dense + self._by_name["voicing/bias"], (-1, HARMONIC_SLOTS, voicing))
        laid = ops.matmul(ops.one_hot(slots, HARMONIC_SLOTS), numbers)
        lobed = laid[..., : voicing // 2] * maps[..., LOBE_CHANNEL : LOBE_CHANNEL + 1]
        return ops.concatenate([maps, lobed, laid[..., voicing // 2 :]], axis=-1)

    def hook(self, latents: Tensor, one_hots: Tensor) -> Tensor:
        """Activation of block 1's first layer, shape (n, *hook_shape): where PCA edits are added."""
        joined = pixel_norm(ops.concatenate([latents, one_hots], axis=-1))
        # A VALID convolution over a zero-padded 1 x 1 map, so each output meets one tap, counted backwards.
        kernel = ops.flip(self._kernel("block_1/conv0/kernel"), (0, 1))
        dense = ops.einsum("nc,hwcf->nhwf", joined, kernel)
        return activate(dense + self._by_name["block_1/conv0/bias"])

    def spectrograms(
        self,
        hook: Tensor,
        maps: Tensor | None = None,
        base_steps: Tensor | None = None,
        blend: Tensor | None = None,
    ) -> Tensor:
        """Everything behind the hook, given the note's maps; the rest is as in `call`."""
        x = self._convolve("block_1/conv1", ops.cast(hook, self._convolution_dtype))
        image = self._image(1, x, blend)
        for block in range(2, self.architecture.blocks + 1):
            bias = self._maps_bias(block, maps) if self.architecture.has_maps(block) else 0.0
            x = self._upsample_convolve(f"block_{block}/conv0", x, bias)
            x = self._convolve(f"block_{block}/conv1", x)
            image = _sum(_repeat(image, 2), self._image(block, x, blend))
        image = _repeat(image, self.architecture.repeats(self.architecture.blocks))
        return self._denormalise(image, base_steps)

    def _image(self, block: int, x: Tensor, blend: Tensor | None) -> Tensor | None:
        """Weighted output of a block in the network's range, None where the architecture has none."""
        weights = self.architecture.output_weights
        if block not in weights:
            return None
        image = self._to_rgb(f"block_{block}/to_rgb", x)
        if blend is not None:
            return image * blend[block - 1]
        return image if len(weights) == 1 else image * weights[block]

    def _to_rgb(self, name: str, x: Tensor) -> Tensor:
        rgb = ops.conv(ops.cast(x, "float32"), self._kernel(f"{name}/kernel"))
        return ops.tanh(rgb + self._by_name[f"{name}/bias"])

    def _denormalise(self, image: Tensor, base_steps: Tensor | None) -> Tensor:
        size = self.architecture
        channels = (image - np.array(size.offset, np.float32)) / np.array(size.scale, np.float32)
        if base_steps is None or not size.harmonic_maps:
            return channels
        steps = channels[..., 1] + base_steps[:, None, :]
        steps = steps - 2.0 * ops.floor(0.5 * (steps + 1.0))  # wrapped into -1..1
        return ops.stack([channels[..., 0], steps], axis=-1)

    def _kernel(self, name: str) -> Tensor:
        weight = self._by_name[name]
        return weight * runtime_scale(name, tuple(weight.shape))

    def _convolve(self, name: str, x: Tensor) -> Tensor:
        kernel = ops.cast(self._kernel(f"{name}/kernel"), x.dtype)
        y = ops.conv(x, kernel, padding="same")
        return activate(y + ops.cast(self._by_name[f"{name}/bias"], x.dtype))

    def _upsample_convolve(self, name: str, x: Tensor, bias: Tensor | float) -> Tensor:
        y = upsample_convolve(x, self._kernel(f"{name}/kernel"))
        return activate(y + ops.cast(self._by_name[f"{name}/bias"] + bias, x.dtype))

    def _maps_bias(self, block: int, maps: Tensor) -> Tensor:
        """Maps do not change in time, so they are a bias per bin: shape (n, 1, block's bins, channels)."""
        pool = self.architecture.representation.bins // self.architecture.block_bins(block)
        rows = maps[:, None, :, :]
        if pool > 1:
            rows = ops.average_pool(rows, (1, pool), strides=(1, pool))
        return ops.conv(rows, self._kernel(f"block_{block}/conv0/maps_kernel"), padding="same")

    def named_weights(self) -> dict[str, NDArray[np.float32]]:
        """Return a copy of all weights by name, as stored (not scaled)."""
        return {name: np.array(weight.numpy()) for name, weight in self._by_name.items()}

    def assign_named_weights(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        """Set all weights by name.

        Raises
        ------
        KeyError
            If a weight is missing.
        ValueError
            If a shape differs.
        """
        for name, variable in self._by_name.items():
            variable.assign(weights[name])
