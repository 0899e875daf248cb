from __future__ import annotations

import pytest
import rtmidi

from daemon.midi.ports import RtMidiSystem, display_name, list_inputs, system_makers
from daemon.midi.sources import Choice, Source

DEVICE, PROGRAM = Source(1), Source(1, hardware=False)


@pytest.mark.parametrize(
    ("shown", "raw"),
    [
        ("Launchkey Mini MK3:Launchkey Mini MK3 MIDI 1", "Launchkey Mini MK3:Launchkey Mini MK3 MIDI 1 20:0"),
        (
            "Launchkey Mini MK3:Launchkey Mini MK3 MIDI 1",
            "Launchkey Mini MK3:Launchkey Mini MK3 MIDI 1 128:12",
        ),
        ("system:midi_capture_1", "system:midi_capture_1"),
    ],
)
def test_alsa_numbers_are_no_part_of_a_name(shown: str, raw: str) -> None:
    assert display_name(raw) == shown


def test_devices_are_wanted_at_once() -> None:
    assert Choice().wants("Keyboard 20:0", DEVICE, seen_before=False)


def test_a_program_is_given_time_to_connect_itself() -> None:
    assert not Choice().wants("player:out", PROGRAM, seen_before=False)
    assert Choice().wants("player:out", PROGRAM, seen_before=True)
    elsewhere = Source(1, hardware=False, peers=("synth:in",))
    assert not Choice().wants("player:out", elsewhere, seen_before=True)


def test_what_feeds_the_virtual_port_is_not_opened_a_second_time() -> None:
    feeding = Source(1, peers=("timbred:in",))
    assert not Choice().wants("Keyboard", feeding, seen_before=True)
    assert not Choice(("Keyboard",)).wants("Keyboard", feeding, seen_before=True)


def test_loopbacks_and_our_own_ports_are_left_alone_unless_named() -> None:
    through = "Midi Through:Midi Through Port-0 14:0"
    assert not Choice().wants(through, DEVICE, seen_before=True)
    assert Choice(("midi through",)).wants(through, DEVICE, seen_before=True)
    assert not Choice(("*",)).wants(through, DEVICE, seen_before=True)
    assert Choice(("*", "midi through")).wants(through, DEVICE, seen_before=True)
    assert not Choice(("timbred",)).wants("timbred:in 130:0", DEVICE, seen_before=True)


def test_a_star_among_the_patterns_wants_everything_as_no_pattern_does() -> None:
    assert Choice(("*",)).wants("Keyboard 20:0", DEVICE, seen_before=False)
    assert not Choice(("*",)).wants("player:out", PROGRAM, seen_before=False)
    assert Choice(("*", "player")).wants("player:out", PROGRAM, seen_before=False)


def test_patterns_choose_by_part_of_the_name_or_by_wildcard() -> None:
    choice = Choice(("launchkey", "nano*CTRL*"))
    assert choice.wants("Launchkey Mini MK3 20:0", DEVICE, seen_before=False)
    assert choice.wants("nanoKONTROL2:nanoKONTROL2 _ CTRL 24:0", PROGRAM, seen_before=False)
    assert not choice.wants("MPK mini 3 28:0", DEVICE, seen_before=True)


def test_an_unknown_midi_system_is_refused_with_the_known_ones() -> None:
    with pytest.raises(OSError, match=r'"asla" is not to be had here; there are: auto, .*'):
        system_makers("asla")


def test_no_midi_system_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "timbred-test-nobody")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    with pytest.raises(OSError, match="no JACK server answers"):
        list_inputs("jack")


def test_alsa_is_not_even_asked_without_a_sequencer(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("daemon.midi.ports._ALSA_SEQUENCER", "/dev/snd/not-there")
    with pytest.raises(OSError, match="no ALSA sequencer"):
        RtMidiSystem("alsa", rtmidi.API_LINUX_ALSA).inputs()
    assert capfd.readouterr().err == ""


def test_alsa_tells_drivers_from_programs_by_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    system = RtMidiSystem("fake", 0)
    monkeypatch.setattr(system, "_names", lambda: ["Keyboard 20:0", "Sequencer 128:0", "CoreMIDI thing"])
    hardware = {name: source.hardware for name, source in system.inputs().items()}
    assert hardware == {"Keyboard 20:0": True, "Sequencer 128:0": False, "CoreMIDI thing": True}
