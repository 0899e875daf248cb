from __future__ import annotations

import pytest

from daemon import events
from daemon.midi.decoder import Decoder
from mappings.controller_map import ControllerMap

SOURCE = "midi:test"
STAMP = 1234


def decode(*data: int, decoder: Decoder | None = None) -> list[events.Command]:
    return (decoder or Decoder(SOURCE)).feed(bytes(data), STAMP)


def note_on(key: int, velocity: int, channel: int = 0) -> events.NoteOn:
    return events.NoteOn(key, velocity / 127, channel, STAMP, SOURCE)


def note_off(key: int, velocity: int = 64, channel: int = 0) -> events.NoteOff:
    return events.NoteOff(key, velocity / 127, channel, STAMP, SOURCE)


def bend(semitones: float, channel: int = 0) -> events.PitchBend:
    return events.PitchBend(pytest.approx(semitones, abs=1e-12), channel, STAMP, SOURCE)


def sustain(value: float, channel: int = 0) -> events.Sustain:
    return events.Sustain(value, channel, STAMP, SOURCE)


SYSEX = (0xF0, 0x7E, 0x7F, 0x06, 0x01, 0xF7)
RPN_0 = (0xB0, 101, 0, 0xB0, 100, 0)
FULL_BEND_UP = (0xE0, 0x7F, 0x7F)

CASES = {
    "note on": ((0x90, 60, 100), [note_on(60, 100)]),
    "note off with release velocity": ((0x83, 60, 17), [note_off(60, 17, 3)]),
    "velocity 0 is note off at 64": ((0x91, 60, 0), [note_off(60, 64, 1)]),
    "running status": ((0x90, 60, 1, 62, 2, 60, 0), [note_on(60, 1), note_on(62, 2), note_off(60)]),
    "clock inside a message": ((0x90, 0xF8, 60, 0xF8, 100), [note_on(60, 100)]),
    "sensing and start inside a message": ((0x90, 60, 0xFE, 0xFA, 100), [note_on(60, 100)]),
    "running status goes on after clock": ((0x90, 60, 1, 0xF8, 62, 2), [note_on(60, 1), note_on(62, 2)]),
    "sysex is skipped": ((*SYSEX, 0x90, 60, 1), [note_on(60, 1)]),
    "sysex cancels running status": ((0x90, 60, 1, *SYSEX, 62, 2), [note_on(60, 1)]),
    "clock inside sysex": ((0xF0, 1, 0xF8, 2, 0xF7, 0x90, 60, 1), [note_on(60, 1)]),
    "a status ends an unfinished sysex": ((0xF0, 1, 2, 0x90, 60, 1), [note_on(60, 1)]),
    "song position is no note": ((0xF2, 60, 100, 0x90, 60, 1), [note_on(60, 1)]),
    "system common cancels running status": ((0x90, 60, 1, 0xF3, 5, 62, 2), [note_on(60, 1)]),
    "a status breaks off a message": ((0x90, 60, 0x80, 62, 3), [note_off(62, 3)]),
    "pedal down at 64": ((0xB2, 64, 64), [sustain(0.5, 2)]),
    "pedal up": ((0xB0, 64, 0), [sustain(0.0)]),
    "half pedal keeps its value": ((0xB0, 64, 32), [sustain(0.25)]),
    "bend centre": ((0xE0, 0, 64), [bend(0.0)]),
    "bend fully up": (FULL_BEND_UP, [bend(2.0)]),
    "bend fully down": ((0xE5, 0, 0), [bend(-2.0, 5)]),
    "bend range 12 by RPN 0": ((*RPN_0, 0xB0, 6, 12, *FULL_BEND_UP), [bend(12.0)]),
    "bend range in cents": ((*RPN_0, 0xB0, 6, 1, 0xB0, 38, 50, *FULL_BEND_UP), [bend(1.5)]),
    "more than 99 cents count as 99": ((*RPN_0, 0xB0, 6, 1, 0xB0, 38, 127, *FULL_BEND_UP), [bend(1.99)]),
    "RPN select in the other order": ((0xB0, 100, 0, 0xB0, 101, 0, 0xB0, 6, 7, *FULL_BEND_UP), [bend(7.0)]),
    "RPN with running status": ((0xB0, 101, 0, 100, 0, 6, 5, *FULL_BEND_UP), [bend(5.0)]),
    "increment is one cent": ((*RPN_0, 0xB0, 96, 0, *FULL_BEND_UP), [bend(2.01)]),
    "decrement is one cent": ((*RPN_0, 0xB0, 97, 0, *FULL_BEND_UP), [bend(1.99)]),
    "decrement stops at 0": ((*RPN_0, 0xB0, 6, 0, 0xB0, 97, 0, *FULL_BEND_UP), [bend(0.0)]),
    "null RPN shuts data entry off": (
        (*RPN_0, 0xB0, 101, 127, 0xB0, 100, 127, 0xB0, 6, 24, *FULL_BEND_UP),
        [bend(2.0)],
    ),
    "NRPN does not disturb": ((*RPN_0, 0xB0, 99, 0, 0xB0, 98, 0, 0xB0, 6, 24, *FULL_BEND_UP), [bend(2.0)]),
    "RPN after NRPN works": (
        (0xB0, 99, 0, 0xB0, 98, 0, 0xB0, 6, 99, *RPN_0, 0xB0, 6, 24, *FULL_BEND_UP),
        [bend(24.0)],
    ),
    "other RPNs do not set it": ((0xB0, 101, 0, 0xB0, 100, 1, 0xB0, 6, 24, *FULL_BEND_UP), [bend(2.0)]),
    "half a select is none": ((0xB0, 101, 0, 0xB0, 6, 24, *FULL_BEND_UP), [bend(2.0)]),
    "bend range belongs to its channel": ((*RPN_0, 0xB0, 6, 12, 0xE1, 0x7F, 0x7F), [bend(2.0, 1)]),
    "a new range moves a bend that is held": ((*FULL_BEND_UP, *RPN_0, 0xB0, 6, 7), [bend(2.0), bend(7.0)]),
    "all sound off": ((0xB4, 120, 0), [events.AllSoundOff(4, STAMP, SOURCE)]),
    "reset controllers": ((0xB4, 121, 0), [events.ResetControllers(4, STAMP, SOURCE)]),
    "local control is nothing": ((0xB4, 122, 127), []),
    **{
        f"CC {number} is all notes off": ((0xB4, number, 0), [events.AllNotesOff(4, STAMP, SOURCE)])
        for number in (123, 124, 125, 126, 127)
    },
    "sostenuto and soft are nothing": ((0xB0, 66, 127, 0xB0, 67, 127), []),
    "bank select is nothing": ((0xB0, 0, 1, 0xB0, 32, 1), []),
    "program change": ((0xC9, 5), [events.ProgramChange(5, SOURCE)]),
    "program change with running status": (
        (0xC0, 5, 6),
        [events.ProgramChange(5, SOURCE), events.ProgramChange(6, SOURCE)],
    ),
    "unmapped pressure is nothing": ((0xD0, 100, 0xA0, 60, 100), []),
    "system reset lets go of what is held": ((0x90, 60, 1, 0xFF), [note_on(60, 1), note_off(60)]),
}


@pytest.mark.parametrize(("data", "expected"), CASES.values(), ids=CASES.keys())
def test_messages_mean_what_the_specification_says(
    data: tuple[int, ...], expected: list[events.Command]
) -> None:
    assert decode(*data) == expected


def test_stray_bytes_and_broken_messages_are_counted() -> None:
    decoder = Decoder(SOURCE)
    decoder.feed([1, 2, 0x90, 60, 0xB0, 66, 1, 300, -1], STAMP)
    assert decoder.malformed == 5  # 1, 2, the broken note, 300, -1
    assert decoder.ignored == 1  # CC 66


def test_a_range_from_the_settings_serves_until_the_sender_sets_its_own() -> None:
    decoder = Decoder(SOURCE, bend_range_semitones=7.0)
    assert decode(*FULL_BEND_UP, decoder=decoder) == [bend(7.0)]
    decode(*RPN_0, 0xB0, 6, 3, decoder=decoder)
    assert decode(*FULL_BEND_UP, decoder=decoder) == [bend(3.0)]


def test_release_all_ends_keys_pedals_and_bends_of_this_port_only_once() -> None:
    decoder = Decoder(SOURCE)
    decode(0x90, 60, 100, 0x93, 64, 100, 0xB3, 64, 127, *FULL_BEND_UP, decoder=decoder)
    assert decoder.release_all(STAMP) == [note_off(60), bend(0.0), note_off(64, channel=3), sustain(0.0, 3)]
    assert decoder.release_all(STAMP) == []


def test_all_notes_off_forgets_the_keys_but_not_the_pedal() -> None:
    decoder = Decoder(SOURCE)
    decode(0x90, 60, 100, 0xB0, 64, 127, 0xB0, 123, 0, decoder=decoder)
    assert decoder.release_all(STAMP) == [sustain(0.0)]


MAP = ControllerMap.parse(
    """
format_version = 1
[[map]]
source = "cc 1"
target = "/pca/1"
range = [0, 3]
[[map]]
source = "cc 11"
target = "/expression"
[[map]]
source = "cc 20"
target = "/pca/2"
bits = 14
range = [-4, 4]
[[map]]
source = "cc 21"
target = "/pca/3"
default = 1.5
[[map]]
source = "cc 6"
target = "/pan"
[[map]]
source = "cc 66"
target = "/pedal"
[[map]]
source = "pressure"
target = "/pca/4"
range = [0, 2]
[[map]]
source = "key_pressure"
target = "/pca/5"
range = [0, 1]
[[map]]
source = "bend"
channel = 2
target = "/pca/6"
range = [-1, 1]
[[map]]
source = "notes 36-40"
channel = 10
target = "/pca/7"
range = [-2, 2]
[[map]]
source = "notes 0-20"
channel = 1
target = "/pca/8"
range = [0, 2]
sound = true
"""
)


def mapped() -> Decoder:
    return Decoder(SOURCE, controller_map=MAP)


def parameter(path: str, value: float) -> events.SetParameter:
    return events.SetParameter(path, pytest.approx(value, abs=1e-9), SOURCE)


MAPPED_CASES = {
    "control at the bottom": ((0xB0, 1, 0), [parameter("/pca/1", 0)]),
    "control at the top": ((0xB7, 1, 127), [parameter("/pca/1", 3)]),
    "14 bits, coarse half alone": ((0xB0, 20, 127), [parameter("/pca/2", 4)]),
    "14 bits, both halves": ((0xB0, 20, 64, 0xB0, 52, 0), [parameter("/pca/2", 0), parameter("/pca/2", 0)]),
    "14 bits, fine step": (
        (0xB0, 20, 0, 0xB0, 52, 1),
        [parameter("/pca/2", -4), parameter("/pca/2", -4 + 8 * 0.5 / 8192)],
    ),
    "data entry without an RPN is a control like any": ((0xB0, 6, 64), [parameter("/pan", 0)]),
    "data entry for an RPN is not": ((*RPN_0, 0xB0, 6, 64), []),
    "switch": (
        (0xB0, 66, 63, 0xB0, 66, 64),
        [parameter("/pedal", 0), parameter("/pedal", 1)],
    ),
    "channel pressure": ((0xD3, 127), [parameter("/pca/4", 2)]),
    "key pressure": ((0xA3, 60, 127), [parameter("/pca/5", 1)]),
    "mapped bend does not bend": ((0xE1, 0x7F, 0x7F), [parameter("/pca/6", 1)]),
    "bend on other channels does": (FULL_BEND_UP, [bend(2.0)]),
    "mapped keys do not sound": (
        (0x99, 38, 100, 0x89, 38, 0, 0x99, 40, 1),
        [parameter("/pca/7", 0), parameter("/pca/7", 2)],
    ),
    "unless asked to": (
        (0x90, 20, 127, 0x80, 20, 0),
        [parameter("/pca/8", 2), note_on(20, 127), note_off(20, 0)],
    ),
}


@pytest.mark.parametrize(("data", "expected"), MAPPED_CASES.values(), ids=MAPPED_CASES.keys())
def test_mapped_controls_move_their_parameters(data: tuple[int, ...], expected: list[events.Command]) -> None:
    assert decode(*data, decoder=mapped()) == expected


ACTION_MAP = ControllerMap.parse(
    """
format_version = 1
[[map]]
source = "cc 41"
target = "/panic"
[[map]]
source = "cc 42"
target = "/latent/random"
[[map]]
source = "cc 43"
target = "/preset/load"
range = [5, 5]
[[map]]
source = "cc 16"
target = "/preset/load"
range = [0, 3]
[[map]]
source = "notes 36-43"
target = "/preset/load"
range = [0, 7]
[[map]]
source = "notes 44-47"
target = "/latent/random"
range = [44, 47]
[[map]]
source = "note 48"
target = "/latent/random"
[[map]]
source = "note 49"
target = "/pca/1"
range = [0, 2]
"""
)
PANIC, RANDOM = events.Panic(SOURCE), events.LatentRandom(None, SOURCE)


def load(*programs: int) -> list[events.Command]:
    return [events.ProgramChange(program, SOURCE) for program in programs]


ACTION_CASES = {
    "a button acts when it is pressed": ((0xB0, 41, 127, 0xB0, 41, 0, 0xB0, 41, 127), [PANIC, PANIC]),
    "and not while it is held": ((0xB0, 42, 64, 0xB0, 42, 100, 0xB0, 42, 127), [RANDOM]),
    "nor when it is let go": ((0xB0, 42, 0), []),
    "channels have buttons of their own": ((0xB0, 42, 127, 0xB1, 42, 127), [RANDOM, RANDOM]),
    "a button loads its preset": ((0xB0, 43, 127, 0xB0, 43, 0, 0xB0, 43, 127), load(5, 5)),
    "a knob chooses presets": ((0xB0, 16, 0, 0xB0, 16, 5, 0xB0, 16, 64, 0xB0, 16, 127), load(0, 2, 3)),
    "pads load theirs every time": ((0x90, 36, 9, 0x90, 36, 9, 0x80, 36, 0, 0x90, 43, 9), load(0, 0, 7)),
    "a pad brings its own random point back": ((0x90, 45, 9), [events.LatentRandom(45, SOURCE)]),
    "or a new one every time": ((0x90, 48, 9, 0x90, 48, 9), [RANDOM, RANDOM]),
    "a key alone sets by its velocity": ((0x90, 49, 127), [events.SetParameter("/pca/1", 2.0, SOURCE)]),
}


@pytest.mark.parametrize(("data", "expected"), ACTION_CASES.values(), ids=ACTION_CASES.keys())
def test_mapped_buttons_act(data: tuple[int, ...], expected: list[events.Command]) -> None:
    assert decode(*data, decoder=Decoder(SOURCE, controller_map=ACTION_MAP)) == expected


def test_reset_controllers_brings_back_only_controls_that_were_moved() -> None:
    decoder = mapped()
    decode(0xB0, 1, 99, 0xB0, 11, 3, 0xB0, 21, 127, 0xB0, 20, 5, decoder=decoder)
    assert decode(0xB0, 121, 0, decoder=decoder) == [
        events.ResetControllers(0, STAMP, SOURCE),
        parameter("/pca/1", 0),
        parameter("/expression", 1),
        parameter("/pca/3", 1.5),
    ]
    assert decode(0xB0, 121, 0, decoder=decoder) == [events.ResetControllers(0, STAMP, SOURCE)]


def test_a_key_that_sounded_before_the_map_changed_is_still_released() -> None:
    decoder = Decoder(SOURCE)
    decode(0x99, 38, 100, decoder=decoder)
    decoder.controller_map = MAP
    decode(0x99, 38, 100, decoder=decoder)
    assert decode(0x89, 38, 64, decoder=decoder) == [note_off(38, channel=9)]


def test_a_key_that_was_muted_before_the_map_changed_stays_mute_to_its_end() -> None:
    decoder = mapped()
    decode(0x99, 38, 100, decoder=decoder)
    decoder.controller_map = ControllerMap()
    assert decode(0x89, 38, 64, decoder=decoder) == []
    assert decode(0x99, 38, 100, decoder=decoder) == [note_on(38, 100, 9)]


def test_a_14_bit_control_that_sends_both_halves_does_not_waver() -> None:
    decoder = mapped()
    decode(0xB0, 20, 1, 0xB0, 52, 0, decoder=decoder)
    values = [c.value for c in decode(0xB0, 20, 90, 0xB0, 52, 0, 0xB0, 52, 1, decoder=decoder)]  # type: ignore[union-attr]
    assert values == sorted(values)
    assert values[0] == values[1]
