from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from daemon import events
from daemon.midi.decoder import Decoder
from mappings.controller_map import ControllerMap

EVERYTHING_MAPPED = ControllerMap.parse(
    "format_version = 1\n"
    + "".join(
        f'[[map]]\nsource = "{source}"\ntarget = "/pca/1"\n{more}\n'
        for source, more in [
            *((f"cc {n}", "bits = 14" if n < 16 else "") for n in range(98) if not 32 <= n < 48),
            ("pressure", ""),
            ("key_pressure", "default = 1"),
            ("bend", "sound = true"),
            ("notes 30-50", "channel = 3"),
            ("notes 51-60", "sound = true"),
        ]
    )
    + "".join(
        f'[[map]]\nsource = "{source}"\ntarget = "{target}"\n{more}\n'
        for source, target, more in [
            ("cc 102", "/panic", ""),
            ("cc 103", "/latent/random", ""),
            ("cc 104", "/preset/load", "range = [0, 9]"),
            ("notes 61-64", "/latent/random", "range = [1, 4]"),
            ("note 65", "/preset/load", "range = [3, 3]"),
        ]
    )
)

channels = st.integers(0, 15)
sevens = st.integers(0, 127)
channel_messages = st.one_of(
    st.tuples(st.integers(0x80, 0xBF), sevens, sevens),
    st.tuples(st.integers(0xC0, 0xDF), sevens),
    st.tuples(st.integers(0xE0, 0xEF), sevens, sevens),
    st.tuples(
        st.integers(0xB0, 0xBF), st.sampled_from([6, 38, 64, 96, 97, 98, 99, 100, 101, 121, 123]), sevens
    ),
)
loose = st.one_of(
    st.binary(max_size=6).map(tuple),
    st.lists(sevens, max_size=20).map(lambda body: (0xF0, *body)),
    st.sampled_from([(0xF7,), (0xF8,), (0xFE,), (0xFF,), (0xF2, 1), (0xF4,)]),
)
streams = st.lists(st.one_of(channel_messages, loose), max_size=40).map(
    lambda parts: [byte for part in parts for byte in part]
)
maps = st.sampled_from([ControllerMap(), EVERYTHING_MAPPED])


@given(st.lists(st.integers(-5, 300), max_size=300), maps)
def test_no_input_raises(data: list[int], controller_map: ControllerMap) -> None:
    Decoder("midi:x", controller_map=controller_map).feed(data, 0)


@given(streams, st.lists(st.integers(0, 200)), maps)
def test_any_split_gives_the_same_commands(
    stream: list[int], cuts: list[int], controller_map: ControllerMap
) -> None:
    whole = Decoder("midi:x", controller_map=controller_map)
    parts = Decoder("midi:x", controller_map=controller_map)
    ends = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(ends)]
    assert [c for piece in pieces for c in parts.feed(piece, 7)] == whole.feed(stream, 7)
    assert (parts.malformed, parts.ignored) == (whole.malformed, whole.ignored)


@given(streams, maps)
def test_every_value_is_within_its_bounds(stream: list[int], controller_map: ControllerMap) -> None:
    for command in Decoder("midi:x", controller_map=controller_map).feed(stream, 7):
        match command:
            case events.NoteOn(key, velocity, channel):
                assert 0 < velocity <= 1
                assert 0 <= key < 128
                assert 0 <= channel < 16
            case events.NoteOff(_, velocity, _) | events.Sustain(velocity, _):
                assert 0 <= velocity <= 1
            case events.PitchBend(semitones, _):
                assert abs(semitones) < 128
            case events.SetParameter("/pca/1", value, _):
                assert -4 <= value <= 4
            case events.ProgramChange(program, _):
                assert 0 <= program < 128


@dataclass
class Model:
    """What a listener knows who only counts keys."""

    down: set[tuple[int, int]] = field(default_factory=set)

    def take(self, command: events.Command) -> None:
        match command:
            case events.NoteOn(key, _, channel):
                self.down.add((channel, key))
            case events.NoteOff(key, _, channel):
                self.down.discard((channel, key))
            case events.AllNotesOff(channel) | events.AllSoundOff(channel):
                self.down = {held for held in self.down if held[0] != channel}


@given(streams, maps)
def test_release_all_leaves_no_key_down(stream: list[int], controller_map: ControllerMap) -> None:
    decoder, model = Decoder("midi:x", controller_map=controller_map), Model()
    for command in decoder.feed(stream, 7):
        model.take(command)
    assert model.down == decoder.held
    for command in decoder.release_all(8):
        model.take(command)
    assert not model.down
    assert not decoder.held


@given(st.lists(st.lists(sevens), max_size=3), streams)
def test_sysex_of_any_length_changes_nothing_and_keeps_nothing(
    bodies: list[list[int]], stream: list[int]
) -> None:
    plain, interrupted = Decoder("midi:x"), Decoder("midi:x")
    ended = [*stream, 0xF7]  # ends whatever the stream left open, in both
    expected = plain.feed(ended, 7) + plain.feed([0x90, 60, 1], 7)
    got = interrupted.feed(ended, 7)
    for body in bodies:
        got += interrupted.feed([0xF0, *body * 50, 0xF7], 7)
    assert got + interrupted.feed([0x90, 60, 1], 7) == expected


@given(st.lists(st.tuples(st.sampled_from([6, 38, 96, 97]), sevens), max_size=30))
def test_nrpn_data_never_reaches_the_bend_range(entries: list[tuple[int, int]]) -> None:
    decoder = Decoder("midi:x")
    decoder.feed([0xB0, 101, 0, 100, 0, 99, 1, 98, 2], 0)
    for number, value in entries:
        decoder.feed([0xB0, number, value], 0)
    (command,) = decoder.feed([0xE0, 0x7F, 0x7F], 0)
    assert isinstance(command, events.PitchBend)
    assert command.semitones == 2.0
