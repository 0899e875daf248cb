"""Discriminator, losses and gradients at the original's golden points, by the backend of this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from keras import ops, tree

from synth_engine.gansynth.bundle import BundleReader
from synth_engine.gansynth.names import original_name
from synth_engine.gansynth.schedule import Stage
from synth_engine.generator.architecture import Architecture
from synth_engine.training.gansynth import updates
from synth_engine.training.gansynth.autodiff import compiled, gradients
from synth_engine.training.gansynth.discriminator import weight_shapes
from synth_engine.training.gansynth.heads import Head
from synth_engine.training.gansynth.stages import networks_of_stage
from synth_engine.training.gansynth.updates import Networks

GOLDEN = Path(__file__).parents[5] / "shared" / "golden" / "gansynth"
SETS = {"small_final": Stage(4, 3, 0, 1), "small_blend": Stage(3, 3, 0, 1)}
ARCHITECTURE = Architecture((8, 8, 4), latent_size=16, wave_frames=320)
_JUDGING = "Discriminator/progressive_gan_discriminator/progressive_gan_"
_PITCHES = "Discriminator/discriminator_cond/classification_logits"

Arrays = dict[str, np.ndarray]


def read_golden(name: str) -> Arrays:
    with np.load(GOLDEN / f"{name}.npz") as file:
        return {key: file[key] for key in file.files}


def _judging_name(name: str) -> str:
    if name.startswith("heads/pitch/"):
        return name.replace("heads/pitch/kernel", f"{_PITCHES}/dense/kernel").replace("heads/pitch", _PITCHES)
    inner = "/dense/kernel" if "/logits/" in name else "/conv2d/kernel"
    return _JUDGING + name.replace("/kernel", inner)


def answers(name: str) -> Arrays:
    """Everything the golden file holds of training, under its names."""
    golden, stage = read_golden(name), SETS[name]
    grown = networks_of_stage(ARCHITECTURE, stage)
    networks = Networks(grown.architecture, (Head("pitch", 61, True, 10.0),), grown.enlargement, "float32")
    rows = np.eye(61, dtype=np.float32)
    making = {ours: original_name(ours, False) for ours in grown.architecture.weight_shapes()}
    judging = {ours: _judging_name(ours) for ours in weight_shapes(grown.architecture, {"pitch": 61})}
    inputs = {
        "making": _read(name, making),
        "judging": _read(name, judging),
        "latents": golden["z"],
        "one_hots": rows[golden["labels"]],
        "real_one_hots": rows[golden["real_labels"]],
        "real": golden["real_raw"],
        "generated": golden["mel_specgram_raw_weights"],
    }
    tensors = tree.map_structure(lambda array: ops.convert_to_tensor(array, "float32"), inputs)
    fade = ops.convert_to_tensor(np.float32(0.25)) if grown.fades else None
    found = compiled(lambda given, fade: _compute(networks, given, fade))(tensors, fade)
    return {
        f"ggrad:{making[key[6:]]}" if key.startswith("ggrad:") else key: np.asarray(value)
        for key, value in found.items()
    }


def _read(name: str, names: dict[str, str]) -> Arrays:
    (index,) = (GOLDEN / "ckpt" / name).glob("stage_*/model.ckpt-*.index")
    found = BundleReader(index.with_suffix("")).read_many(names.values())
    return {ours: found[theirs] for ours, theirs in names.items()}


def _compute(networks: Networks, given: Any, fade: Any) -> dict[str, Any]:
    making, judging = given["making"], given["judging"]
    batch = {**given, "labels": {"pitch": given["one_hots"]}}
    by_generator, generator_terms = gradients(
        lambda w: updates.generator_loss(networks, w, judging, batch, fade), making
    )
    real = updates.blend_real(given["real"], fade)
    own = {
        "real": given["real"],
        "generated": given["generated"],
        "labels": {"pitch": given["real_one_hots"]},
        "mix": ops.zeros((4,)),  # the file's penalty is taken at the real notes themselves
    }
    _, terms = updates.discriminator_loss(networks, judging, own, fade, updates.Penalties())
    on_real, on_fake = (networks.judge(judging, images, fade) for images in (real, given["generated"]))
    slopes, _ = gradients(lambda x: (ops.sum(networks.judge(judging, x, fade).scores), ()), real)
    return {
        "mel_specgram_raw_weights": networks.generate(making, batch, fade),
        "real_blended": real,
        "d_logits_real": on_real.scores[:, None],
        "d_logits_fake": on_fake.scores[:, None],
        "d_class_logits_real": on_real.logits["pitch"],
        "d_class_logits_fake": on_fake.logits["pitch"],
        "d_last_conv_real": on_real.last[:, None, None, :],
        "d_grad_wrt_real": slopes,
        "loss_wgan_d": -terms["distance"],
        "loss_wgan_g": -ops.mean(on_fake.scores),
        "loss_gradient_penalty_on_real": terms["penalty"],
        "loss_real_score_penalty": terms["drift"],
        "loss_ac_real": terms["real_pitch"],
        "loss_ac_fake": generator_terms["generated_pitch"],
        "loss_total_d": terms["discriminator"],
        "loss_total_g": generator_terms["generator"],
        **{f"ggrad:{ours}": slope for ours, slope in by_generator.items()},
    }
