from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import events
from daemon.midi.channels import Channels
from daemon.midi.decoder import Decoder

SOURCE = "midi:test"


def rpn(channel: int, number: int, value: int) -> list[int]:
    return [0xB0 | channel, 101, 0, 100, number, 6, value, 101, 127, 100, 127]


def zone(manager: int, members: int) -> list[int]:
    return rpn(manager, 6, members)


def decoder_with(*messages: list[int]) -> Decoder:
    decoder = Decoder(SOURCE)
    for message in messages:
        decoder.feed(message, 0)
    return decoder


def bends(commands: list[events.Command]) -> dict[int, float]:
    return {c.channel: c.semitones for c in commands if isinstance(c, events.PitchBend)}


def up(channel: int) -> list[int]:
    return [0xE0 | channel, 0x7F, 0x7F]


def test_members_bend_by_48_semitones_each_for_itself() -> None:
    decoder = decoder_with(zone(0, 3))
    assert bends(decoder.feed(up(2), 0)) == {2: 48.0}


def test_channels_outside_the_zone_are_ordinary() -> None:
    decoder = decoder_with(zone(0, 3))
    assert bends(decoder.feed(up(4), 0)) == {4: 2.0}


def test_the_managers_bend_is_added_to_every_member() -> None:
    decoder = decoder_with(zone(0, 2), up(1))
    assert bends(decoder.feed(up(0), 0)) == {0: 2.0, 1: 50.0, 2: 2.0}
    assert bends(decoder.feed([0xE1, 0, 64], 0)) == {1: 2.0}


def test_a_range_set_on_one_member_counts_for_all_of_them() -> None:
    decoder = decoder_with(zone(0, 3), rpn(2, 0, 24))
    assert bends(decoder.feed(up(1), 0)) == {1: 24.0}
    assert bends(decoder.feed(up(3), 0)) == {3: 24.0}
    assert bends(decoder.feed(up(0), 0))[0] == 2.0


def test_a_range_set_on_the_manager_is_its_own() -> None:
    decoder = decoder_with(zone(15, 2), rpn(15, 0, 12))
    assert bends(decoder.feed(up(15), 0)) == {15: 12.0, 14: 12.0, 13: 12.0}
    assert bends(decoder.feed(up(14), 0)) == {14: 60.0}


def test_a_new_range_moves_bends_that_are_held() -> None:
    decoder = decoder_with(zone(0, 2), up(1))
    assert bends(decoder.feed(rpn(2, 0, 24), 0)) == {1: 24.0, 2: 0.0}


def test_the_managers_pedal_holds_the_whole_zone() -> None:
    decoder = decoder_with(zone(0, 2))
    commands = decoder.feed([0xB0, 64, 127], 0)
    assert [c.channel for c in commands if isinstance(c, events.Sustain)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("number", "kind"),
    [(120, events.AllSoundOff), (121, events.ResetControllers), (123, events.AllNotesOff)],
)
def test_the_managers_mode_messages_count_for_the_whole_zone(number: int, kind: type) -> None:
    decoder = decoder_with(zone(0, 2), [0x91, 60, 1], [0x95, 61, 1])
    commands = decoder.feed([0xB0, number, 0], 0)
    assert [(type(c), c.channel) for c in commands] == [(kind, 0), (kind, 1), (kind, 2)]  # type: ignore[union-attr]
    assert (5, 61) in decoder.held


def test_a_configuration_message_ends_the_zones_notes_pedals_and_bends() -> None:
    decoder = decoder_with(zone(0, 3), [0x92, 60, 1], up(0), [0xB0, 64, 127], [0x97, 62, 1])
    commands = decoder.feed(zone(0, 0), 0)
    assert [c.key for c in commands if isinstance(c, events.NoteOff)] == [60]
    assert {c.channel for c in commands if isinstance(c, events.Sustain)} == {0, 1, 2, 3}
    assert set(bends(commands)) == {0, 1, 2, 3}
    assert decoder.held == {(7, 62)}
    assert bends(decoder.feed(up(1), 0)) == {1: 2.0}


def test_an_overlapping_zone_takes_members_from_the_other() -> None:
    decoder = decoder_with(zone(0, 10), zone(15, 6))
    assert bends(decoder.feed(up(8), 0)) == {8: 48.0}
    lower = bends(decoder.feed(up(0), 0))
    upper = bends(decoder.feed(up(15), 0))
    assert sorted(lower) == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert sorted(upper) == [9, 10, 11, 12, 13, 14, 15]


def test_configuration_on_a_middle_channel_means_nothing() -> None:
    decoder = decoder_with([0x93, 60, 1])
    assert decoder.feed(zone(3, 5), 0) == []


def test_release_all_forgets_the_zones() -> None:
    decoder = decoder_with(zone(0, 3))
    decoder.release_all(0)
    assert bends(decoder.feed(up(1), 0)) == {1: 2.0}


@given(st.lists(st.tuples(st.sampled_from([0, 15]), st.integers(0, 127)), max_size=8))
def test_zones_never_overlap(configurations: list[tuple[int, int]]) -> None:
    channels = Channels()
    for manager, members in configurations:
        channels.configure_zone(manager, members)
        lower, upper = channels.reach(0)[1:], channels.reach(15)[1:]
        if lower and upper:
            assert max(lower) < min(upper)
            assert max(lower) < 15
            assert min(upper) > 0
