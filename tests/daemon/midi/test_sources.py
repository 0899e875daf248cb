from __future__ import annotations

from pathlib import Path

import pytest

from daemon.midi.alsa import Sequencer, display_name
from daemon.midi.backends import AlsaSystem
from daemon.midi.ports import list_inputs, system_makers
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


def test_a_python_rtmidi_that_does_not_load_is_no_more_than_a_missing_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def import_module(name: str) -> object:
        raise ImportError("libasound.so.2: cannot open shared object file")

    monkeypatch.setattr("importlib.import_module", import_module)
    (make_system,) = system_makers("jack")
    with pytest.raises(OSError, match=r"python-rtmidi does not load: libasound\.so\.2"):
        make_system()
    with pytest.raises(OSError, match=r"libasound"):
        list_inputs()


def test_no_midi_system_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "timbred-test-nobody")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    with pytest.raises(OSError, match="no JACK server answers"):
        list_inputs("jack")


def test_alsa_is_not_even_asked_without_a_sequencer(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OSError, match="no ALSA sequencer"):
        AlsaSystem(Sequencer(tmp_path)).inputs()
    assert capfd.readouterr().err == ""


CLIENTS = """\
Client info
  cur  clients : 5
  peak clients : 6
  max  clients : 192

Client   0 : "System" [Kernel Legacy]
  Port   0 : "Timer" (Rwe-)
  Port   1 : "Announce" (R-e-)
Client  20 : "Launchkey "Mini"" [Kernel Legacy]
  Port   0 : "Launchkey MIDI 1" (RWeX) [In/Out]
    Connecting To: 129:0[r:1], 128:0
    Connected From: 130:0
Client 128 : "timbred" [User Legacy]
  Port   0 : "in" (-We-)
    Connected From: 20:0
Client 129 : "timbred" [User Legacy]
  Port   0 : "Launchkey Mini Launchkey MIDI 1" (-We-)
    Connected From: 20:0[r:1]
Client 130 : "VMPK" [User Legacy]
  Port   0 : "out" (R-e-)
    Connecting To: 20:0, 77:7
Client 131 : "Sequencer" [User Legacy]
  Port   0 : "out" (R-e-)
"""


@pytest.fixture
def sequencer(tmp_path: Path) -> Sequencer:
    (tmp_path / "clients").write_text(CLIENTS)
    (tmp_path / "controlC1").touch()
    return Sequencer(tmp_path, tmp_path / "clients")


def test_alsa_tells_devices_from_programs_and_who_is_connected(sequencer: Sequencer) -> None:
    keys, vmpk, free = "Launchkey:Launchkey MIDI 1 20:0", "VMPK:out 130:0", "Sequencer:out 131:0"
    sources = sequencer.sources([keys, vmpk, free])
    assert [sources[name].hardware for name in (keys, vmpk, free)] == [True, False, False]
    assert sources[keys].peers == ("timbred:Launchkey Mini Launchkey MIDI 1", "timbred:in")
    assert sources[vmpk].peers == ('Launchkey "Mini":Launchkey MIDI 1', "77:7")
    assert sources[free].peers == ()
    assert sources[keys].feeds_virtual_port()


def test_a_card_plugged_in_again_under_the_same_numbers_is_another(
    sequencer: Sequencer, tmp_path: Path
) -> None:
    name = "Launchkey:Launchkey MIDI 1 20:0"
    before = sequencer.sources([name])
    assert sequencer.sources([name]) == before
    (tmp_path / "new").touch()  # while the old file exists, so that the number cannot be the same
    (tmp_path / "new").replace(tmp_path / "controlC1")
    assert sequencer.sources([name]) != before


def test_a_kernel_that_tells_nothing_is_no_error(tmp_path: Path) -> None:
    sources = Sequencer(tmp_path, tmp_path / "none").sources(["Keys 24:0", "No address"])
    assert [source.peers for source in sources.values()] == [(), ()]
