"""One training step as a function of its state: an update of the generator, then one of the discriminator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from keras import ops

from synth_engine.generator.architecture import Architecture
from synth_engine.generator.network import Generator
from synth_engine.training.gansynth import losses
from synth_engine.training.gansynth.adam import Adam
from synth_engine.training.gansynth.autodiff import gradients
from synth_engine.training.gansynth.discriminator import Discriminator, Judgement, halve
from synth_engine.training.gansynth.heads import Head

Tensor: TypeAlias = Any
Tensors: TypeAlias = Mapping[str, Tensor]
State: TypeAlias = Mapping[str, Tensors]


@dataclass(frozen=True)
class Penalties:
    """Weights of the discriminator's two regularisers, and the decay of the generator's moving average.

    Attributes
    ----------
    gradient : float
        Weight of the gradient penalty.
    drift : float
        Weight of the mean squared score of real notes.
    averaging : float
        Decay a step.
    """

    gradient: float = 10.0
    drift: float = 1e-3
    averaging: float = 0.999


class Networks:
    """Generator and discriminator of one stage, as functions of their weights.

    Parameters
    ----------
    architecture : Architecture
        Of the stage: its spectrograms have the size of its last block.
    heads : sequence of Head
        What the discriminator names.
    enlargement : int
        How many times longer each side of a finished spectrogram is.
    convolution_dtype : str
        Type convolutions are computed in.
    """

    def __init__(
        self, architecture: Architecture, heads: Sequence[Head], enlargement: int, convolution_dtype: str
    ) -> None:
        self.heads = tuple(heads)
        self.enlargement = enlargement
        self._generator = Generator(architecture, 0, convolution_dtype)
        self._generator_names = tuple(architecture.weight_shapes())
        sizes = {head.name: head.size for head in heads}
        self._discriminator = Discriminator(architecture, sizes, convolution_dtype)
        self._blocks = architecture.blocks

    def generate(self, weights: Tensors, batch: Tensors, fade: Tensor | None) -> Tensor:
        """Spectrograms of `latents` and `one_hots`; `fade` is the share of the last block's image."""
        inputs = {"latents": batch["latents"], "one_hots": batch["one_hots"]}
        if fade is not None:
            earlier = [ops.zeros_like(fade)] * (self._blocks - 2)
            inputs["blend"] = ops.stack([*earlier, 1.0 - fade, fade])
        values = [weights[name] for name in self._generator_names]
        return self._generator.stateless_call(values, [], inputs)[0]

    def judge(self, weights: Tensors, images: Tensor, fade: Tensor | None) -> Judgement:
        """What the discriminator says of spectrograms."""
        values = [weights[name] for name in self._discriminator.weight_names]
        judgement: Judgement = self._discriminator.stateless_call(values, [], images, fade)[0]
        return judgement


def blend_real(images: Tensor, fade: Tensor | None) -> Tensor:
    """Show real notes as blurred as generated ones are while a block is faded in."""
    if fade is None:
        return images
    blurred = ops.repeat(ops.repeat(halve(images), 2, axis=1), 2, axis=2)
    return fade * images + (1.0 - fade) * blurred


def generator_loss(
    networks: Networks, weights: Tensors, judging: Tensors, batch: Mapping[str, Any], fade: Tensor | None
) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss of the generator, and its terms by name."""
    judgement = networks.judge(judging, networks.generate(weights, batch, fade), fade)
    named = losses.label_losses(networks.heads, judgement.logits, batch["labels"])
    score = ops.mean(judgement.scores)
    total = losses.weighted_sum(networks.heads, named) - score
    return total, {"generator": total, **{f"generated_{head}": loss for head, loss in named.items()}}


def discriminator_loss(
    networks: Networks, weights: Tensors, batch: Mapping[str, Any], fade: Tensor | None, penalties: Penalties
) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss of the discriminator, and its terms by name.

    Parameters
    ----------
    networks : Networks
    weights : mapping
        The discriminator's.
    batch : mapping
        `real` and `generated` spectrograms, the real ones' `labels`, and `mix` (n,) uniform in 0..1: where
        between a real and a generated one the gradient penalty looks.
    fade : tensor or None
    penalties : Penalties
    """
    real, generated = blend_real(batch["real"], fade), batch["generated"]
    on_real = networks.judge(weights, real, fade)
    on_generated = ops.mean(networks.judge(weights, generated, fade).scores)
    distance = ops.mean(on_real.scores) - on_generated
    mixed = real + batch["mix"][:, None, None, None] * (generated - real)
    slopes, _ = gradients(lambda x: (ops.sum(networks.judge(weights, x, fade).scores), ()), mixed)
    penalty = losses.gradient_penalty(slopes, networks.enlargement)
    drift = ops.mean(ops.square(on_real.scores))
    named = losses.label_losses(networks.heads, on_real.logits, batch["labels"])
    total = -distance + penalties.gradient * penalty + penalties.drift * drift
    total = total + losses.weighted_sum(networks.heads, named)
    terms = {"discriminator": total, "distance": distance, "penalty": penalty, "drift": drift}
    return total, {**terms, **{f"real_{head}": loss for head, loss in named.items()}}


@dataclass(frozen=True)
class Updates:
    """Both updates of a stage.

    Attributes
    ----------
    networks : Networks
    generator_adam, discriminator_adam : Adam
    penalties : Penalties
    """

    networks: Networks
    generator_adam: Adam
    discriminator_adam: Adam
    penalties: Penalties

    def step(
        self, state: State, batch: Mapping[str, Mapping[str, Any]], fade: Tensor | None
    ) -> tuple[State, dict[str, Tensor]]:
        """Update the generator and its moving average, then the discriminator.

        Parameters
        ----------
        state : dict
            `generator`, `average`, `discriminator`, `generator_adam`, `discriminator_adam`.
        batch : mapping
            `generator`: `latents`, `one_hots`, `labels`. `discriminator`: its own `latents` and `one_hots`,
            `real` with their `labels`, and `mix`.
        fade : tensor or None
            Share of the last block, None where there is nothing to fade.

        Returns
        -------
        state : dict
        terms : dict of str to tensor
            Terms of both losses, scalars.
        """
        networks, judging = self.networks, state["discriminator"]
        by_generator, generator_terms = gradients(
            lambda w: generator_loss(networks, w, judging, batch["generator"], fade), state["generator"]
        )
        made, made_adam = self.generator_adam.apply(state["generator"], by_generator, state["generator_adam"])
        decay = self.penalties.averaging
        average = {n: decay * old + (1.0 - decay) * made[n] for n, old in state["average"].items()}
        own = dict(batch["discriminator"])
        own["generated"] = networks.generate(made, own, fade)
        by_discriminator, terms = gradients(
            lambda w: discriminator_loss(networks, w, own, fade, self.penalties), judging
        )
        adam = self.discriminator_adam
        judged, judged_adam = adam.apply(judging, by_discriminator, state["discriminator_adam"])
        return {
            "generator": made, "average": average, "discriminator": judged,
            "generator_adam": made_adam, "discriminator_adam": judged_adam,
        }, {**generator_terms, **terms}  # fmt: skip
