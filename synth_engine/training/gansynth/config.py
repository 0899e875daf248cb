"""Every number of a GANSynth training, from one TOML file; what it leaves out has the original's value.

The shipped presets beside this module are such files: `full` is GANSynth's `mel_prog_hires`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from synth_engine.datasets.labels import FAMILIES, QUALITIES, SOURCES
from synth_engine.gansynth.schedule import STABLE_IMAGES, TOTAL_IMAGES, TRANSITION_IMAGES, Stage, stages
from synth_engine.generator.architecture import Architecture
from synth_engine.generator.conditions import Condition
from synth_engine.training.gansynth.adam import Adam
from synth_engine.training.gansynth.config_file import ConfigError, EntryError, line_of, parse, read_toml
from synth_engine.training.gansynth.heads import Head
from synth_engine.training.gansynth.updates import Penalties

PRESETS = Path(__file__).parent / "presets"
PRECISIONS = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Network:
    """Sizes of generator and discriminator: see `synth_engine.generator.architecture.Architecture`."""

    channels: tuple[int, ...] = (256, 256, 256, 256, 128, 64, 32)
    noise_size: int = 256
    start_frames: int = 2
    start_bins: int = 16
    wave_frames: int = 64_000
    kind: str = "mel"
    lowest_pitch: int = 24
    highest_pitch: int = 84


@dataclass(frozen=True)
class Conditions:
    """What the model is told beside pitch: families and sources one-hot, qualities bit by bit."""

    family: bool = False
    source: bool = False
    qualities: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schedule:
    """Notes a step, and how many real notes ("images") a stage sees; without growing, the last stage only."""

    batch: int = 8
    stable_images: int = STABLE_IMAGES
    transition_images: int = TRANSITION_IMAGES
    total_images: int = TOTAL_IMAGES
    progressive: bool = True


@dataclass(frozen=True)
class Optimiser:
    """Adam for both networks, and the decay of the generator's moving average."""

    generator_rate: float = 8e-4
    discriminator_rate: float = 8e-4
    first_decay: float = 0.0
    second_decay: float = 0.99
    floor: float = 1e-8
    averaging: float = 0.999


@dataclass(frozen=True)
class Losses:
    """Weights of the terms of both losses."""

    gradient_penalty: float = 10.0
    score_drift: float = 1e-3
    pitch: float = 10.0
    family: float = 10.0
    source: float = 10.0
    qualities: float = 10.0


@dataclass(frozen=True)
class Run:
    """What else decides the numbers: seed, and the type convolutions are computed in."""

    seed: int = 0
    convolutions: str = "float32"


@dataclass(frozen=True)
class Output:
    """What is written while it runs, and how often; a resumed run may have another."""

    checkpoint_minutes: float = 10.0
    samples_minutes: float = 10.0
    samples_images: int = 0
    sample_notes: int = 24
    curve_images: int = 800


@dataclass(frozen=True)
class TrainingConfig:
    """One training run.

    Raises
    ------
    ConfigError
        If values do not fit each other.
    """

    network: Network = field(default_factory=Network)
    conditions: Conditions = field(default_factory=Conditions)
    schedule: Schedule = field(default_factory=Schedule)
    optimiser: Optimiser = field(default_factory=Optimiser)
    losses: Losses = field(default_factory=Losses)
    run: Run = field(default_factory=Run)
    output: Output = field(default_factory=Output)

    def __post_init__(self) -> None:
        _check_known("conditions", "qualities", self.conditions.qualities, QUALITIES)
        _check_known("run", "convolutions", (self.run.convolutions,), PRECISIONS)
        if not 0 <= self.network.lowest_pitch <= self.network.highest_pitch <= 127:
            raise ConfigError("[network] lowest_pitch, highest_pitch: expected 0..127, the lowest first")
        if min(self.schedule.batch, self.schedule.stable_images, self.output.curve_images) < 1:
            raise ConfigError("[schedule] batch, stable_images, [output] curve_images: expected 1 or more")
        if self.schedule.total_images < self.stages[-1].first_image:
            least = self.stages[-1].first_image
            raise ConfigError(f"[schedule] total_images: expected {least} or more, to reach the last stage")
        try:
            _ = self.architecture
        except ValueError as error:
            raise ConfigError(f"[network] {error}") from None

    @property
    def architecture(self) -> Architecture:
        """The finished generator."""
        size = self.network
        conditions = self.condition_groups
        return Architecture(
            channels=size.channels,
            latent_size=size.noise_size + sum(len(c.values) for c in conditions),
            pitches=tuple(range(size.lowest_pitch, size.highest_pitch + 1)),
            wave_frames=size.wave_frames,
            start_frames=size.start_frames,
            start_bins=size.start_bins,
            kind=size.kind,  # type: ignore[arg-type]  # Architecture checks the word
            conditions=conditions,
        )

    @property
    def condition_groups(self) -> tuple[Condition, ...]:
        """The conditions asked for, in their order in the latent point."""
        asked = self.conditions
        groups = (
            Condition("family", FAMILIES, True) if asked.family else None,
            Condition("source", SOURCES, True) if asked.source else None,
            Condition("qualities", asked.qualities, False) if asked.qualities else None,
        )
        return tuple(group for group in groups if group)

    @property
    def heads(self) -> tuple[Head, ...]:
        """What the discriminator must name: pitch, and every condition."""
        weights = asdict(self.losses)
        pitch = Head("pitch", len(self.architecture.pitches), True, weights["pitch"])
        others = [Head(c.name, len(c.values), c.exclusive, weights[c.name]) for c in self.condition_groups]
        return (pitch, *others)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of the training, first to last."""
        plan = self.schedule
        listed = stages(
            len(self.network.channels), plan.stable_images, plan.transition_images, plan.total_images
        )
        last = listed[-1]
        return listed if plan.progressive else (Stage(last.number, last.blocks, 0, plan.total_images),)

    def adam(self, rate: float) -> Adam:
        """An optimiser of that learning rate."""
        return Adam(rate, self.optimiser.first_decay, self.optimiser.second_decay, self.optimiser.floor)

    @property
    def penalties(self) -> Penalties:
        """The discriminator's regularisers."""
        return Penalties(self.losses.gradient_penalty, self.losses.score_drift, self.optimiser.averaging)

    def decisive(self) -> dict[str, dict[str, object]]:
        """All values that decide the numbers of the run: everything but [output]."""
        values = json.loads(json.dumps(asdict(self)))
        return {table: entries for table, entries in values.items() if table != "output"}

    @property
    def digest(self) -> str:
        """Names the decisive values."""
        return hashlib.sha256(json.dumps(self.decisive(), sort_keys=True).encode()).hexdigest()[:16]


def _check_known(table: str, key: str, found: tuple[str, ...], known: tuple[str, ...]) -> None:
    for word in found:
        if word not in known:
            raise ConfigError(f"[{table}] {key}: expected any of {', '.join(known)}, found {word!r}")
    if len(set(found)) < len(found):
        raise ConfigError(f"[{table}] {key}: expected each once, found {', '.join(found)}")


def load_config(path: Path) -> TrainingConfig:
    """Read a TOML file.

    Raises
    ------
    ConfigError
        If it is not TOML, has an unknown table or key, or a value of another type or out of range; the text
        names the file, the table and the key.
    OSError
        If it cannot be read.
    """
    try:
        return parse(TrainingConfig, read_toml(path))
    except EntryError as error:
        line = line_of(path, error.table, error.key)
        raise ConfigError(f"{path}, line {line}: {error}" if line else f"{path}: {error}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
