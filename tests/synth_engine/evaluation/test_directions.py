"""Notes along directions: the right offsets are rendered, and both hooks are the network's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pca_cache.basis import Basis
from pca_cache.describe import QUALITIES, describe
from synth_engine.evaluation.direction_pictures import draw_effects
from synth_engine.evaluation.directions import (
    ENDS,
    LEVELS,
    DirectionProbe,
    notes_to_follow,
    probe_notes,
    random_offsets,
)
from synth_engine.evaluation.map_pictures import draw_map
from synth_engine.evaluation.note_sets import Note
from synth_engine.evaluation.second_hook import SecondHookRenderer, second_layer
from synth_engine.evaluation.space_map import map_space, places_of
from synth_engine.generator.entry import Entry
from synth_engine.generator.model import Model
from synth_engine.generator.random_model import make_random_model
from synth_engine.generator.runtime import NoteRenderer
from tests.synth_engine.evaluation.sounds import note


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return make_random_model(tmp_path_factory.mktemp("model"), seed=0)


@dataclass
class TonePlayer:
    """The offset's first number makes the note brighter, its second longer."""

    played: list[tuple[int, float]] = field(default_factory=list)

    def wave(self, probe: Note, offset: NDArray[np.float32]) -> NDArray[np.float32]:
        bright, short = float(offset.flat[0]), float(offset.flat[1])
        self.played.append((probe.pitch, bright))
        f0_hz = 440.0 * 2 ** ((probe.pitch - 69) / 12)
        return note(f0_hz, slope=1.5 - 0.3 * bright, decay_s=1.5 * 2.0**-short)


def test_directions_are_followed_at_every_level_from_every_point_and_named() -> None:
    offsets = np.zeros((2, 1, 1, 4), np.float32)
    offsets[0, 0, 0, 0] = -1.0
    offsets[1, 0, 0, 1] = 1.0
    probes = [Note("a", pitch, np.zeros(4, np.float32)) for pitch in (48, 55, 60, 67)]
    player, told = TonePlayer(), []
    probe = DirectionProbe([player], probes, lambda: told.append(1))
    found = probe.follow(offsets, LEVELS)
    assert len(player.played) == len(told) == notes_to_follow(2, LEVELS, 4) == 52
    assert found.qualities.shape == (2, 7, 4, len(QUALITIES))
    still = DirectionProbe([player], probes).follow(np.zeros_like(offsets), ENDS)
    labels, signs = describe(found, still)
    assert signs[0] == -1.0
    assert labels[0].name.startswith("brighter")
    assert "longer" in labels[1].name
    assert signs[1] == -1.0
    assert all(label.drift_cents < 1.0 for label in labels)
    assert all(label.beats_random for label in labels)


def test_random_directions_are_as_long_as_their_counterparts() -> None:
    offsets = np.random.default_rng(0).standard_normal((3, 2, 16, 8)).astype(np.float32)
    drawn = random_offsets(offsets, seed=1)
    lengths = [np.linalg.norm(x.reshape(3, -1), axis=1) for x in (offsets, drawn)]
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-5)
    assert np.array_equal(drawn, random_offsets(offsets, seed=1))


def test_probes_are_mixes_and_random_points_inside_the_models_pitches(model: Model) -> None:
    probes = probe_notes(model, 8, seed=3)
    assert len(probes) == 8
    assert sum("+" in probe.group for probe in probes) == 4
    assert {probe.pitch for probe in probes} <= set(model.pitches)
    assert [p.pitch for p in probes] == [p.pitch for p in probe_notes(model, 8, seed=3)]


def test_an_offset_at_the_second_hook_that_is_the_way_to_another_note_gives_that_note(model: Model) -> None:
    entry, second = Entry(model), second_layer(model)
    pitches = np.array([60.0])
    latents = np.random.default_rng(0).standard_normal((2, model.latent_size), dtype=np.float32)
    here, there = (entry.activate(latents[n : n + 1], pitches) for n in range(2))
    plain, hooked = NoteRenderer(model), SecondHookRenderer(model)
    assert hooked.spectrograms(here, pitches) == pytest.approx(plain.spectrograms(here, pitches), abs=1e-4)
    hooked.offset = (second(there) - second(here))[0]
    target = plain.spectrograms(there, pitches)
    assert np.abs(hooked.spectrograms(here, pitches) - target).max() < 0.01 * np.abs(target).max()


def test_pictures_of_directions_are_drawn(tmp_path: Path) -> None:
    offsets = np.eye(2, 4, dtype=np.float32).reshape(2, 1, 1, 4)
    probes = [Note("a", pitch, np.zeros(4, np.float32)) for pitch in (48, 60)]
    found = DirectionProbe([TonePlayer()], probes).follow(offsets, ENDS)
    labels, signs = describe(found, found)
    draw_effects(tmp_path / "effects.png", labels, found, found, signs)
    assert (tmp_path / "effects.png").read_bytes().startswith(b"\x89PNG")


def test_the_map_holds_every_point_once_inside_the_pad_and_is_the_same_again(
    model: Model, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    randoms = {str(n): rng.standard_normal(model.latent_size).astype(np.float32) for n in range(8)}
    places = places_of(model, randoms)
    components = rng.standard_normal((2, *model.hook_shape)).astype(np.float32)
    components /= np.linalg.norm(components.reshape(2, -1), axis=1).reshape(2, 1, 1, 1)
    basis = Basis(
        model.digest, "block_1/conv0", model.pitches, components,
        np.ones(2, np.float32), np.full(2, 0.1, np.float32), 10, 0,
    )  # fmt: skip
    found = map_space(model, basis, places, seed=0, threads=1)
    rows = found.to_json()
    assert [row["name"] for row in rows] == [*model.anchors, *randoms]
    assert all(0.0 <= row[axis] <= 1.0 for row in rows for axis in ("x", "y"))
    assert rows[-1]["family"] == "random"
    assert set(found.pitches.tolist()) == {48, 60, 72}
    assert rows == map_space(model, basis, places, seed=0, threads=2).to_json()
    draw_map(tmp_path / "map.png", found)
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
