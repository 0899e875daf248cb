"""A journey on a controller with a recording instrument and a clock of the test's own."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from daemon import events
from daemon.controller import Controller
from daemon.events import JourneyWay
from daemon.journey import STEP_S, Journey
from daemon.key_points import KeyPoints
from daemon.latent_control import LatentControl
from daemon.state import State, format_state, parse_state
from mappings.catalogue import CATALOGUE
from mappings.presets import PresetStore
from pca_cache.latent_point import LatentPoint
from pca_cache.latent_space import LatentSpace
from tests.daemon.test_controller import RecordingInstrument, Turn

EAST, NORTH, UP = (np.eye(4, dtype=np.float32)[n] * 2 for n in range(3))
ANCHORS = {"east": EAST, "north": NORTH, "up": UP}


class Voyage:
    """A controller that travels, and time."""

    def __init__(self, directory: Path, start: str = "east") -> None:
        self.instrument, self.turn = RecordingInstrument(), Turn()
        self.latent = LatentControl(
            LatentSpace(None, ANCHORS, 4), LatentPoint.from_anchors({start: 1.0}), self.instrument, self.turn
        )
        presets = PresetStore(directory / "shipped", directory / "own")
        self.controller = Controller(self.instrument, CATALOGUE, self.latent, presets)
        self.sounding = True
        self.told: list[bool] = []
        self.journey = Journey(self.controller, lambda: self.sounding, self.told.append)
        self.controller.travel_by(self.journey, KeyPoints(self.controller.anchor_names(), presets))
        self.now_s = 100.0
        self.journey.step(self.now_s)
        self.set("/journey/seconds", 2.0)

    def set(self, path: str, value: float, source: str = "osc:a") -> None:
        self.controller.handle(events.SetParameter(path, value, source))

    def start(self, *points: str | int, way: JourneyWay = JourneyWay.ROUND) -> None:
        self.controller.handle(events.StartJourney(points, way, "osc:a"))

    def go(self, seconds: float) -> list[np.ndarray]:
        """The points the instrument was sent to meanwhile."""
        before = len(self.instrument.points)
        for _ in range(round(seconds / STEP_S)):
            self.now_s += STEP_S
            self.journey.step(self.now_s)
            self.turn.run()
        return [latent for latent, _, _ in self.instrument.points[before:]]

    @property
    def here(self) -> np.ndarray:
        return self.controller.present_latent()

    @property
    def word(self) -> object:
        return self.journey.state()[0][1][0]


@pytest.fixture
def voyage(tmp_path: Path) -> Voyage:
    return Voyage(tmp_path)


def angle(a: np.ndarray, b: np.ndarray) -> float:
    return math.acos(float(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1)))


def test_it_goes_evenly_along_the_arc_from_where_the_instrument_stands(voyage: Voyage) -> None:
    voyage.start("north")
    points = [EAST, *voyage.go(1.9)]
    steps = [angle(a, b) for a, b in pairwise(points)]
    np.testing.assert_allclose(steps, math.pi / 2 * STEP_S / 2.0, rtol=1e-3)
    np.testing.assert_allclose([np.linalg.norm(point) for point in points], 2.0, rtol=1e-5)


def test_one_point_is_a_glide_that_stays(voyage: Voyage) -> None:
    voyage.start("north")
    voyage.go(2.5)
    np.testing.assert_allclose(voyage.here, NORTH, atol=1e-6)
    assert voyage.word == "stopped"
    assert not voyage.go(1.0)
    assert voyage.told == [True, False]


@pytest.mark.parametrize(
    ("way", "names"),
    [
        (JourneyWay.ROUND, ["north", "up", "east", "north", "up"]),
        (JourneyWay.BACK, ["north", "up", "east", "up", "north"]),
        (JourneyWay.ONCE, ["north", "up", "east"]),
    ],
)
def test_ways_differ_at_their_last_point(voyage: Voyage, way: JourneyWay, names: list[str]) -> None:
    voyage.start("north", "up", "east", way=way)
    reached = []
    for _ in names:
        reached.append(voyage.journey.state()[0][1][1])
        voyage.go(2.05)
    assert reached == names
    assert (voyage.word == "stopped") == (way is JourneyWay.ONCE)


def test_it_wanders_to_new_points_for_ever(voyage: Voyage) -> None:
    voyage.controller.handle(events.StartJourney((), JourneyWay.WANDER, "osc:a"))
    seeds = set()
    for _ in range(4):
        seeds.add(voyage.journey.state()[0][1][1])
        voyage.go(2.05)
    assert len(seeds) == 4
    assert voyage.word == "moving"


def test_it_rests_in_silence_and_goes_on_where_it_was(voyage: Voyage) -> None:
    voyage.start("north")
    voyage.go(0.5)
    voyage.sounding = False
    here = voyage.here
    assert not voyage.go(30.0)
    assert voyage.word == "resting"
    voyage.sounding = True
    (first, *_) = voyage.go(0.1)
    assert angle(first, here) < 0.1


def test_speed_0_holds_it_and_2_is_twice_as_fast(voyage: Voyage) -> None:
    voyage.start("north")
    voyage.set("/journey/speed", 0.0)
    assert not voyage.go(3.0)
    assert voyage.word == "held"
    voyage.set("/journey/speed", 2.0)
    voyage.go(0.5)
    assert angle(voyage.here, EAST) == pytest.approx(math.pi / 4, rel=1e-3)


@pytest.mark.parametrize(
    "command",
    [
        events.LatentRandom(3, "osc:b"),
        events.LatentAnchors((("up", 1.0),), "osc:b"),
        events.StopJourney("osc:b"),
    ],
)
def test_a_players_choice_stops_it_and_the_answer_says_so(voyage: Voyage, command: events.Command) -> None:
    voyage.start("north", "up")
    voyage.go(0.5)
    replies = voyage.controller.handle(command)
    assert ("/journey", ("stopped",)) in replies
    chosen = voyage.here
    voyage.turn.run()
    assert not voyage.go(3.0)
    np.testing.assert_array_equal(voyage.here, chosen)
    assert voyage.told[-1] is False


def test_knobs_stay_the_players_unless_the_journey_moves_them(voyage: Voyage) -> None:
    voyage.set("/pca/2", 2.0)
    voyage.controller.handle(events.SavePreset("two", "osc:a"))
    voyage.set("/pca/2", 0.0)
    voyage.start("two", "north")
    voyage.set("/pca/5", 1.0)
    voyage.go(1.0)
    assert voyage.word == "moving"
    assert voyage.controller.parameter_value("/pca/2") == pytest.approx(1.0)
    assert voyage.controller.parameter_value("/pca/5") == 1.0
    voyage.set("/pca/2", -1.0)
    assert voyage.word == "stopped"
    voyage.go(1.0)
    assert voyage.controller.parameter_value("/pca/2") == -1.0


def test_who_stays_too_long_at_one_place_is_taken_along(voyage: Voyage) -> None:
    voyage.set("/journey/dwell", 5.0)
    voyage.go(4.0)
    voyage.set("/pca/1", 0.5)  # not idle
    voyage.go(4.0)
    assert voyage.word == "stopped"
    voyage.go(1.5)
    assert voyage.word == "moving"
    voyage.controller.handle(events.LatentAnchors((("up", 1.0),), "osc:a"))
    assert voyage.word == "stopped"
    voyage.go(5.1)
    assert voyage.word == "moving"


def test_after_a_players_choice_the_dwell_rule_takes_the_old_way_up_from_there(voyage: Voyage) -> None:
    voyage.set("/journey/dwell", 1.0)
    voyage.start("north", "up")
    voyage.go(2.5)
    voyage.controller.handle(events.LatentAnchors((("east", 1.0),), "osc:a"))
    voyage.go(1.1)
    assert voyage.journey.state()[0][1][:2] == ("moving", "up")


def test_it_goes_on_after_a_restart_with_what_was_left_of_the_leg(voyage: Voyage, tmp_path: Path) -> None:
    voyage.start("north", "up", way=JourneyWay.BACK)
    voyage.go(2.0 + 1.5)
    document, here = voyage.journey.to_document(), voyage.latent.to_document()
    later = Voyage(tmp_path)
    later.latent.use_document(here)
    later.turn.run()
    later.journey.restore(document)
    assert later.journey.state()[0][1][:2] == ("moving", "up")
    later.go(0.45)
    assert later.journey.state()[0][1][1] == "up"
    later.go(0.15)
    assert later.journey.state()[0][1][1] == "north"


@pytest.mark.parametrize(
    "change",
    [{"keys": 3}, {"keys": []}, {"to": 9}, {"way": "sideways"}, {"left": 0}, {"direction": 5},
     {"keys": [{"name": "x", "point": {"kind": "anchors", "weights": {"nowhere": 1}}}]}],
)  # fmt: skip
def test_a_saved_journey_that_does_not_fit_is_left_out(
    voyage: Voyage, change: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    voyage.start("north")
    document = {**voyage.journey.to_document(), **change}
    voyage.journey.stop()
    voyage.journey.restore(document)
    assert voyage.word == "stopped"
    assert "not taken up" in caplog.text


def test_an_unknown_point_is_told_with_the_nearest_and_nothing_starts(voyage: Voyage) -> None:
    with pytest.raises(events.CommandError, match="did you mean 'north'"):
        voyage.start("up", "nroth")
    assert voyage.word == "stopped"


def test_a_machine_that_slept_does_not_jump(voyage: Voyage) -> None:
    voyage.start("north")
    voyage.now_s += 3600.0
    voyage.go(STEP_S)
    assert angle(voyage.here, EAST) < math.pi / 2 * 0.3 / 2.0


def test_the_state_keeps_it(voyage: Voyage) -> None:
    voyage.start("north", "up")
    document = voyage.journey.to_document()
    assert parse_state(format_state(State(journey=document))).journey == document
    assert parse_state(b'{"format_version": 1, "journey": 7}').journey == {}
