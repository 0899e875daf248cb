"""What the patch it is named after did wrong (`docs/differences.md`) is right here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from pca_cache.latent_point import LatentPoint
from pca_cache.latent_space import LatentSpace
from synth_engine.offline.hallucination import Plan, hallucinate, pan_of, requests, shaped, stations
from synth_engine.offline.levelled_file import write_levelled
from synth_engine.offline.note_source import NoteRequest

RATE_HZ = 16_000
ANCHORS = {name: np.eye(4, dtype=np.float32)[n] for n, name in enumerate("abc")}
SPACE = LatentSpace(None, ANCHORS, 4)


class ToneSource:
    """A note source whose notes are sines as strong as the latent says."""

    rate_hz = RATE_HZ
    held_s, seconds = 3.0, 4.0

    def stream(self, asked: Sequence[NoteRequest]) -> Iterator[np.ndarray]:
        for request in asked:
            frames = round((request.seconds or self.seconds) * RATE_HZ)
            hz = 440 * 2 ** ((request.pitch - 69) / 12)
            wave = np.sin(2 * np.pi * hz * np.arange(frames) / RATE_HZ)
            yield (float(request.latent[0]) * wave).astype(np.float32)


def keys(names: str) -> list[tuple[str, LatentPoint]]:
    return [(name, LatentPoint.from_anchors({name: 1.0})) for name in names]


def mix(names: str, plan: Plan, between: int = 0) -> np.ndarray:
    source = ToneSource()
    asked = requests(source, SPACE, stations(SPACE, keys(names), between), plan)
    return np.concatenate(list(hallucinate(source, asked, plan)))


@given(count=st.integers(1, 6), between=st.integers(0, 5))
def test_every_key_point_is_heard_once(count: int, between: int) -> None:
    names = "abcabc"[:count]
    path = stations(SPACE, keys(names), between)
    assert len(path) == count + (count - 1) * between
    assert [station.title for station in path if ">" not in station.title] == list(names)
    for name, station in zip(names, path[:: between + 1], strict=True):
        np.testing.assert_allclose(station.latent, ANCHORS[name], atol=1e-7)


def test_between_keys_the_point_walks_the_arc_and_the_coordinates_the_line() -> None:
    ends = [("a", keys("a")[0][1].moved((0.0, 2.0))), ("b", keys("b")[0][1].moved((4.0,)))]
    path = stations(SPACE, ends, 3)
    np.testing.assert_allclose(path[2].latent, np.sqrt(0.5) * (ANCHORS["a"] + ANCHORS["b"]), atol=1e-6)
    assert [station.coordinates for station in path] == [(0, 2), (1, 1.5), (2, 1), (3, 0.5), (4, 0)]


def test_pitches_are_taken_in_turn() -> None:
    plan = Plan(pitches=(60, 64))
    asked = requests(ToneSource(), SPACE, stations(SPACE, keys("abc"), 0), plan)
    assert [request.pitch for request in asked] == [60, 64, 60]


def test_the_end_is_the_last_sounds_end_to_the_frame() -> None:
    plan = Plan(spacing_s=0.33, attack_s=0.1, sustain_s=0.21, release_s=0.7, rate_hz=RATE_HZ, channels=1)
    sound = mix("aba", plan)
    assert len(sound) == round(0.66 * RATE_HZ) + round(0.1 * RATE_HZ) + round(0.21 * RATE_HZ) + round(
        0.7 * RATE_HZ
    )


def test_sounds_start_where_the_spacing_says_and_end_with_their_envelope() -> None:
    plan = Plan(spacing_s=1.0, attack_s=0.0, sustain_s=0.2, release_s=0.0, rate_hz=RATE_HZ, channels=1)
    sound = np.abs(mix("aaa", plan)[:, 0])
    for start in (0, RATE_HZ, 2 * RATE_HZ):
        assert sound[start : start + 160].max() > 0.9
        assert sound[start + 3300 : start + 15_000].max(initial=0.0) == 0.0


def test_there_is_no_limit_of_eight_sounds() -> None:
    plan = Plan(spacing_s=0.05, attack_s=0.0, sustain_s=0.02, release_s=0.0, rate_hz=RATE_HZ, channels=1)
    assert len(mix("ab", plan, between=198)) == round((199 * 0.05 + 0.02) * RATE_HZ)


def test_silence_divides_nothing_by_zero(tmp_path: Path) -> None:
    plan = Plan(rate_hz=RATE_HZ, channels=2)
    written = write_levelled(tmp_path / "b.wav", [mix("b", plan)], RATE_HZ, 2)
    sound, _ = soundfile.read(tmp_path / "b.wav")
    assert written.silent
    assert written.in_words() == "silent"
    assert not sound.any()


@pytest.mark.parametrize("sign", [1, -1])
def test_the_level_is_that_of_the_largest_magnitude_of_the_whole(tmp_path: Path, sign: int) -> None:
    block = np.array([[0.1], [0.2 * sign], [-0.1 * sign]], np.float32)
    write_levelled(tmp_path / "a.wav", [block, block * 0.5], RATE_HZ, 1)
    sound, _ = soundfile.read(tmp_path / "a.wav")
    assert np.abs(sound).max() == pytest.approx(10 ** (-1 / 20), rel=1e-5)
    assert len(sound) == 6


def test_an_envelope_longer_than_the_note_has_it_held_on() -> None:
    plan = Plan(trim_s=0.5, attack_s=1.0, sustain_s=3.0, release_s=2.0, rate_hz=RATE_HZ, channels=1)
    (request,) = requests(ToneSource(), SPACE, stations(SPACE, keys("a"), 0), plan)
    assert request.seconds == 6.5
    sound = mix("a", plan)[:, 0]
    assert len(sound) == 6 * RATE_HZ
    assert np.abs(sound[4 * RATE_HZ - 400 : 4 * RATE_HZ]).max() > 0.9
    assert Plan(attack_s=1.0, sustain_s=1.0, release_s=1.0).note_s(3.0) is None


def test_the_envelope_rises_and_falls_in_straight_lines() -> None:
    plan = Plan(attack_s=0.5, sustain_s=0.25, release_s=0.25, rate_hz=RATE_HZ)
    sound = shaped(np.ones(4 * RATE_HZ, np.float32), RATE_HZ, plan)
    np.testing.assert_allclose(sound[:8000], np.linspace(0.0, 1.0, 8000), atol=2e-4)
    np.testing.assert_allclose(sound[8000:12_000], 1.0, atol=1e-6)
    assert sound[-1] == 0.0


def test_sounds_are_spread_but_stay_in_the_room() -> None:
    places = [pan_of(number, 0.6) for number in range(50)]
    assert places[0] == 0.0
    assert max(places) > 0.5
    assert min(places) < -0.5
    assert max(map(abs, places)) <= 0.6
    assert set(places[:5]) != {0.0}
    assert {pan_of(number, 0.0) for number in range(9)} == {0.0}
