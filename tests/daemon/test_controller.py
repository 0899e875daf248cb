"""The controller: commands in, instrument and listeners out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from daemon import events
from daemon.controller import Controller
from daemon.latent_control import LatentControl
from mappings.catalogue import CATALOGUE
from mappings.parameters import Curve, ParameterSpec, Target
from mappings.presets import PresetStore
from pca_cache.latent_point import LatentPoint
from pca_cache.latent_space import LatentSpace
from synth_engine.abi import KernelParameter

ANCHORS = {"violin": np.ones(4, np.float32), "flute": np.zeros(4, np.float32)}


class RecordingInstrument:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.parameters: dict[KernelParameter, float] = {}
        self.points: list[tuple[np.ndarray, np.ndarray | None, str]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: self.calls.append((name, *args, *kwargs.values()))

    def set_kernel_parameter(self, parameter: KernelParameter, value: float) -> None:
        self.parameters[parameter] = value

    def set_point(self, latent: np.ndarray, offset: np.ndarray | None, identity: str) -> None:
        self.points.append((latent, offset, identity))


class Turn:
    """An event loop's ``call_soon`` that runs when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def __call__(self, callback: Callable[[], None]) -> None:
        self.waiting.append(callback)

    def run(self) -> None:
        callbacks, self.waiting = self.waiting, []
        for callback in callbacks:
            callback()


@pytest.fixture
def instrument() -> RecordingInstrument:
    return RecordingInstrument()


@pytest.fixture
def turn() -> Turn:
    return Turn()


def build(
    instrument: RecordingInstrument,
    turn: Turn,
    directory: Path,
    catalogue: dict[str, ParameterSpec] = CATALOGUE,
) -> Controller:
    space = LatentSpace(None, ANCHORS, 4)
    latent = LatentControl(space, LatentPoint.from_seed(1), instrument, turn)
    presets = PresetStore(directory / "shipped", directory / "own", catalogue)
    return Controller(instrument, catalogue, latent, presets)


@pytest.fixture
def controller(instrument: RecordingInstrument, turn: Turn, tmp_path: Path) -> Controller:
    return build(instrument, turn, tmp_path)


def test_every_kernel_row_names_a_kernel_parameter() -> None:
    for row in CATALOGUE.values():
        if row.target is Target.KERNEL:
            assert row.key in KernelParameter.__members__, row.path


def test_defaults_reach_the_kernel_at_the_start(
    controller: Controller, instrument: RecordingInstrument
) -> None:
    assert controller.parameter_value("/gain") == CATALOGUE["/gain"].default
    assert instrument.parameters[KernelParameter.MASTER_GAIN] == pytest.approx(
        10 ** (CATALOGUE["/gain"].default / 20)
    )
    assert instrument.parameters[KernelParameter.RELEASE_S] == CATALOGUE["/release"].default


def test_a_value_is_clamped_and_told_with_its_source(controller: Controller) -> None:
    told: list[tuple[str, float, str]] = []
    controller.listen(lambda *change: told.append(change))
    controller.handle(events.SetParameter("/pan", 7.0, "osc:a"))
    controller.handle(events.SetPosition("/pan", 0.25, "midi:b"))
    assert told == [("/pan", 1.0, "osc:a"), ("/pan", -0.5, "midi:b")]


def test_unknown_path_is_answered_with_the_nearest(controller: Controller) -> None:
    with pytest.raises(events.CommandError, match="did you mean '/release'"):
        controller.handle(events.SetParameter("/relaese", 1.0, "x"))


def test_many_coordinates_in_one_turn_make_one_point(
    controller: Controller, instrument: RecordingInstrument, turn: Turn
) -> None:
    turn.run()
    instrument.points.clear()
    for n in range(1, 17):
        controller.handle(events.SetParameter(f"/pca/{n}", 1.0, "x"))
    turn.run()
    assert len(instrument.points) == 1


def test_an_unknown_anchor_changes_nothing(
    controller: Controller, instrument: RecordingInstrument, turn: Turn
) -> None:
    turn.run()
    before = controller.latent_state()
    with pytest.raises(events.CommandError, match="violin"):
        controller.handle(events.LatentAnchors((("violn", 1.0),), "x"))
    assert controller.latent_state() == before
    assert not turn.waiting


def test_a_drawn_seed_is_told_and_brings_the_point_back(
    controller: Controller, instrument: RecordingInstrument, turn: Turn
) -> None:
    (address, (seed,)), *_ = controller.handle(events.LatentRandom(None, "x"))
    turn.run()
    assert address == "/latent/random"
    assert isinstance(seed, int)
    drawn = instrument.points[-1]
    controller.handle(events.LatentAnchors((("flute", 1.0),), "x"))
    controller.handle(events.LatentRandom(seed, "x"))
    turn.run()
    assert instrument.points[-1][2] == drawn[2]
    np.testing.assert_array_equal(instrument.points[-1][0], drawn[0])


def test_a_saved_preset_brings_sound_and_values_back_but_not_the_rooms_gain(
    controller: Controller, instrument: RecordingInstrument, turn: Turn
) -> None:
    controller.handle(events.LatentAnchors((("violin", 1.0), ("flute", 3.0)), "x"))
    controller.handle(events.SetParameter("/release", 2.5, "x"))
    controller.handle(events.SetParameter("/pca/3", -1.5, "x"))
    controller.handle(events.SavePreset("mine", "x"))
    state = controller.latent_state()
    controller.handle(events.LatentRandom(5, "x"))
    controller.handle(events.SetParameter("/release", 0.1, "x"))
    controller.handle(events.SetParameter("/pca/3", 0, "x"))
    controller.handle(events.SetParameter("/gain", -20, "x"))
    replies = controller.handle(events.LoadPreset("mine", "x"))
    assert replies[0] == ("/preset/loaded", ("mine",))
    assert controller.latent_state() == state
    assert controller.parameter_value("/release") == 2.5
    assert controller.parameter_value("/pca/3") == -1.5
    assert controller.parameter_value("/gain") == -20


def test_program_change_calls_the_preset_of_that_number(controller: Controller) -> None:
    controller.handle(events.SavePreset("a first", "x"))
    controller.handle(events.SavePreset("b second", "x"))
    controller.handle(events.ProgramChange(1, "midi:x"))
    assert controller.preset_name == "b second"
    with pytest.raises(events.CommandError, match="99"):
        controller.handle(events.ProgramChange(99, "midi:x"))


def test_notes_pass_with_their_stamp_and_whether_the_kernel_has_them(
    controller: Controller, instrument: RecordingInstrument
) -> None:
    instrument.calls.clear()
    controller.handle(events.NoteOn(60, 0.5, 3, 1234, "midi:x", delivered=True))
    controller.handle(events.AllNotesOff(-1, 99, "osc:x"))
    assert instrument.calls == [("note_on", 60, 0.5, 3, 1234, True), ("all_notes_off", -1, 99, False)]


def test_reset_controllers_puts_expression_back_and_leaves_volume(controller: Controller) -> None:
    controller.handle(events.SetParameter("/expression", 0.2, "x"))
    controller.handle(events.SetParameter("/volume", 0.3, "x"))
    controller.handle(events.ResetControllers(0, 1, "x"))
    assert controller.parameter_value("/expression") == 1.0
    assert controller.parameter_value("/volume") == 0.3


def test_panic_lifts_the_pedal(controller: Controller, instrument: RecordingInstrument) -> None:
    controller.handle(events.SetParameter("/pedal", 1, "x"))
    controller.handle(events.Panic("x"))
    assert ("panic",) in instrument.calls
    assert controller.parameter_value("/pedal") == 0


def test_a_saved_state_that_does_not_fit_any_more_is_used_as_far_as_it_goes(controller: Controller) -> None:
    controller.restore({"/release": 1.5, "/gone": 3.0}, {"kind": "nonsense"}, "old")
    assert controller.parameter_value("/release") == 1.5
    assert controller.latent_state() == (("/latent/random", (1,)),)


def test_one_row_is_all_it_takes_to_add_a_parameter(
    instrument: RecordingInstrument, turn: Turn, tmp_path: Path
) -> None:
    row = ParameterSpec(
        "/throw/away", "Away", "s", 0.1, 10, 1, Target.KERNEL, "DECAY_S", "Nothing.", Curve.EXPONENTIAL
    )
    controller = build(instrument, turn, tmp_path, {**CATALOGUE, row.path: row})
    controller.handle(events.SetPosition("/throw/away", 1.0, "x"))
    assert controller.parameter_value("/throw/away") == pytest.approx(10)
    assert instrument.parameters[KernelParameter.DECAY_S] == pytest.approx(10)
    controller.handle(events.SavePreset("with it", "x"))
    controller.handle(events.SetParameter("/throw/away", 0.5, "x"))
    controller.handle(events.LoadPreset("with it", "x"))
    assert controller.parameter_value("/throw/away") == pytest.approx(10)


def test_the_answer_about_a_point_between_names_brings_it_back(controller: Controller, turn: Turn) -> None:
    controller.travel_to(np.array([0.1, -0.2, 0.3, 0.4], np.float32))
    turn.run()
    ((address, numbers),) = controller.latent_state()
    assert address == "/latent/vector"
    controller.handle(events.LatentRandom(5, "x"))
    controller.handle(events.LatentVector(tuple(map(float, numbers)), "x"))
    assert controller.latent_state() == ((address, numbers),)
    with pytest.raises(events.CommandError, match="2 numbers, expected 4"):
        controller.handle(events.LatentVector((1.0, 2.0), "x"))
