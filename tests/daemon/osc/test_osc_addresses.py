"""What each address does with its arguments; no sockets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from daemon.events import (
    AllNotesOff,
    AllSoundOff,
    LatentAnchors,
    LatentRandom,
    LoadPreset,
    NoteOff,
    NoteOn,
    Panic,
    PitchBend,
    SavePreset,
    SetParameter,
    SetPosition,
)
from daemon.osc.addresses import (
    REMEMBERED_PATTERNS,
    Dispatcher,
    UnknownAddressError,
    build_addresses,
    error_reply,
)
from daemon.osc.calls import Call
from daemon.osc.codec import Impulse, TimeTag, Value
from daemon.osc.endpoints import Endpoint, parse_endpoint
from daemon.osc.listeners import Listeners
from mappings.catalogue import CATALOGUE
from mappings.parameters import ParameterSpec, Target

SENDER = Endpoint("127.0.0.1", 7000)
SOURCE = "osc:127.0.0.1:7000"
STAMP = 123


@dataclass
class StubDoor:
    """A door without a network."""

    dispatcher: Dispatcher
    listeners: Listeners = field(
        default_factory=lambda: Listeners(lambda *_: None, lambda who: who.port == 9700)
    )
    forgotten: int = 0

    def forget_waiting(self) -> None:
        self.forgotten += 1

    def describe_addresses(self) -> Iterator[tuple[str, str, str]]:
        return self.dispatcher.descriptions()

    def parameter_paths(self) -> Iterable[str]:
        return CATALOGUE

    def report(self) -> Iterable[tuple[str, int]]:
        return [("osc_received", 1)]


@pytest.fixture
def surface(make_surface):
    return make_surface()


@pytest.fixture
def door():
    return StubDoor(Dispatcher())


@pytest.fixture
def send(surface, door):
    def perform(address: str, *arguments: Value):
        surface.commands.clear()
        call = Call(address, arguments, STAMP, SENDER, SOURCE, surface, door)
        return door.dispatcher.perform(call)

    return perform


@pytest.mark.parametrize(
    ("address", "arguments", "command"),
    [
        ("/note", (60, 127), NoteOn(60, 1.0, 0, STAMP, SOURCE)),
        ("/note", (60.0, 0.5, 3), NoteOn(60, 0.5, 3, STAMP, SOURCE)),
        ("/note", (60, 1), NoteOn(60, 1 / 127, 0, STAMP, SOURCE)),
        ("/note", (60, 1.0), NoteOn(60, 1.0, 0, STAMP, SOURCE)),
        ("/note", (60, 63.5), NoteOn(60, 0.5, 0, STAMP, SOURCE)),
        ("/note", ("60", "127"), NoteOn(60, 1.0, 0, STAMP, SOURCE)),
        ("/note", ("60", "0.25"), NoteOn(60, 0.25, 0, STAMP, SOURCE)),
        ("/note", (60, True), NoteOn(60, 1.0, 0, STAMP, SOURCE)),
        ("/note", (60, False), NoteOff(60, 0.0, 0, STAMP, SOURCE)),
        ("/note", (60, 0, 15), NoteOff(60, 0.0, 15, STAMP, SOURCE)),
        ("/note/on", (60, 0.0), NoteOff(60, 0.0, 0, STAMP, SOURCE)),
        ("/note/off", (60,), NoteOff(60, 0.0, 0, STAMP, SOURCE)),
        ("/note/off", (60, 127, 2), NoteOff(60, 1.0, 2, STAMP, SOURCE)),
        ("/bend", (-1.5,), PitchBend(-1.5, 0, STAMP, SOURCE)),
        ("/bend", (2, 9), PitchBend(2.0, 9, STAMP, SOURCE)),
        ("/notes/off", (), AllNotesOff(-1, STAMP, SOURCE)),
        ("/sound/off", (1.0,), AllSoundOff(-1, STAMP, SOURCE)),
        ("/panic", (True,), Panic(SOURCE)),
        ("/panic", (Impulse.BANG,), Panic(SOURCE)),
        ("/gain", ("-12.5",), SetParameter("/gain", -12.5, SOURCE)),
        ("/pedal", (True,), SetParameter("/pedal", 1.0, SOURCE)),
        ("/pedal", (False,), SetParameter("/pedal", 0.0, SOURCE)),
        ("/pca/3/normalized", (0.75,), SetPosition("/pca/3", 0.75, SOURCE)),
        ("/latent/random", (), LatentRandom(None, SOURCE)),
        ("/latent/random", (True,), LatentRandom(None, SOURCE)),
        ("/latent/random", (42.0,), LatentRandom(42, SOURCE)),
        ("/latent/anchor", ("bright",), LatentAnchors((("bright", 1.0),), SOURCE)),
        ("/latent/anchor", ("a", 1, "b", 2), LatentAnchors((("a", 1.0), ("b", 2.0)), SOURCE)),
        ("/latent/mix", ("a", 0.5, "b", "1"), LatentAnchors((("a", 0.5), ("b", 1.0)), SOURCE)),
        ("/preset/load", (3,), LoadPreset("3", SOURCE)),
        ("/preset/load", (3.0,), LoadPreset("3", SOURCE)),
        ("/preset/load", ("glass",), LoadPreset("glass", SOURCE)),
        ("/preset/save", (" glass ",), SavePreset("glass", SOURCE)),
    ],
)
def test_a_message_becomes_a_command(send, surface, address, arguments, command):
    assert send(address, *arguments) == []
    assert surface.commands == [command]


@pytest.mark.parametrize(
    ("address", "arguments", "words"),
    [
        ("/note", (60,), "takes KEY VELOCITY [CHANNEL], got 1 argument"),
        ("/note", (128, 1), "KEY must be a whole number from 0 to 127, got 128"),
        ("/note", (60.5, 1), "got 60.5"),
        ("/note", (60, -1), "VELOCITY must be"),
        ("/note", (60, 1, 16), "CHANNEL must be a whole number from 0 to 15"),
        ("/note", (None, 1), "got nothing (N)"),
        ("/gain", ("loud",), "the value must be a number, got the text 'loud'"),
        ("/gain", ("nan",), "must be a number"),
        ("/gain", ("1_0",), "must be a number"),
        ("/gain", (b"1234",), "got 4 raw bytes"),
        ("/gain", ((1.0,),), "got an array"),
        ("/gain", (TimeTag(1),), "got a time tag"),
        ("/gain", (Impulse.BANG,), "got an impulse"),
        ("/gain", (1, 2), "got 2 arguments"),
        ("/latent/random", (-1,), "SEED must be"),
        ("/latent/mix", ("a", 1, "b"), "in pairs, got 3"),
        ("/latent/mix", (1, "a"), "NAME must be text"),
        ("/latent/anchor", ("brigth",), "did you mean bright"),
        ("/preset/save", ("",), "1 to 64 printable"),
        ("/preset/save", ("a\nb",), "printable"),
        ("/preset/save", ("x" * 65,), "1 to 64"),
        ("/preset/load", (-1,), "NUMBER must be"),
        ("/panic", ("now",), "the button's argument must be a number"),
        ("/listeners/add", ("example.org:9000",), "numeric IP address"),
        ("/listeners/add", ("127.0.0.1",), "expected HOST:PORT"),
        ("/listeners/add", ("127.0.0.1:0",), "port from 1 to 65535"),
        ("/listeners/add", ("0.0.0.0:9000",), "not the address of one machine"),
        ("/listeners/add", ("239.1.1.1:9000",), "not the address of one machine"),
        ("/listeners/add", (True,), "expected HOST:PORT"),
        ("/listeners/add", (9700,), "cannot listen to itself"),
        ("/listeners/del", ("127.0.0.1:9",), "is not listening"),
    ],
)
def test_a_wrong_message_is_refused_in_words_with_its_address(send, address, arguments, words):
    ((error, (offending, text)),) = send(address, *arguments)
    assert (error, offending) == ("/error", address)
    assert words in text
    assert text.isascii()


@pytest.mark.parametrize(
    ("address", "argument", "value", "words"),
    [
        ("/gain", 20, 6.0, "20 is out of range; set to 6 dB"),
        ("/attack", -1, 0.001, "-1 is out of range; set to 0.001 s"),
        ("/bend", 99, 48.0, "bent by 48 semitones"),
        ("/gain/normalized", 1.5, 1.0, "1.5 is out of range; set to 1"),
        ("/gain", 1e308, 6.0, "set to 6 dB"),
    ],
)
def test_what_is_out_of_range_is_clipped_and_said(send, surface, address, argument, value, words):
    ((_, (offending, text)),) = send(address, argument)
    assert offending == address
    assert words in text
    (command,) = surface.commands
    assert value in (getattr(command, name, None) for name in ("value", "position", "semitones"))


def test_velocity_above_127_is_played_and_said(send, surface):
    ((_, (_, text)),) = send("/note", 60, 200)
    assert surface.commands == [NoteOn(60, 1.0, 0, STAMP, SOURCE)]
    assert "127" in text


@pytest.mark.parametrize("address", ["/panic", "/notes/off", "/sound/off", "/pca/reset", "/sync", "/latent"])
@pytest.mark.parametrize("released", [0, 0.0, False, "0"])
def test_a_button_let_go_does_nothing(send, surface, address, released):
    assert send(address, released) == []
    assert surface.commands == []


def test_a_random_button_let_go_does_nothing(send, surface):
    assert send("/latent/random", False) == []
    assert surface.commands == []


def test_panic_forgets_what_waits(send, door):
    send("/panic")
    assert door.forgotten == 1


def test_pca_reset_puts_every_direction_back(send, surface):
    send("/pca/reset")
    expected = [
        SetParameter(p, float(s.default), SOURCE) for p, s in CATALOGUE.items() if s.target is Target.LATENT
    ]
    assert surface.commands == expected


def test_queries_are_answered(send):
    assert send("/latent") == [("/latent/random", (5,))]
    assert send("/latent/anchors") == [("/latent/anchors", ("bright", "warm"))]
    assert send("/pca/names") == [
        ("/pca/names", (1, "brighter", -2.0, 3.0)),
        ("/pca/names", (2, "longer", -3.0, 3.0)),
    ]
    assert send("/preset/list") == [("/preset/list", (0, "glass")), ("/preset/list", (1, "reed organ"))]
    assert ("/status", ("osc_received", 1)) in send("/status")
    assert send("/ping", 1, "x", None) == [("/pong", (1, "x", "nothing (N)"))]
    assert [row[1][0] for row in send("/help")] == list(build_addresses())
    assert send("/sync")[-1] == ("/sync/done", (len(CATALOGUE) + 1,))


def test_an_empty_list_is_still_an_answer(send, surface):
    surface.presets = []
    assert send("/preset/list") == [("/preset/list", ())]
    assert send("/listeners") == [("/listeners", ())]


def test_listeners_come_and_go(send):
    assert send("/listeners/add") == [("/listeners/add", ("127.0.0.1:7000",))]
    assert send("/listeners/add", 9001.0) == [("/listeners/add", ("127.0.0.1:9001",))]
    assert send("/listeners/add", "[::1]:9001") == [("/listeners/add", ("[::1]:9001",))]
    assert send("/listeners/add", "localhost:9001") == [("/listeners/add", ("127.0.0.1:9001",))]
    assert len(send("/listeners")) == 3
    assert send("/listeners/del", "127.0.0.1:9001") == [("/listeners/del", ("127.0.0.1:9001",))]
    assert send("/listeners/clear") == [("/listeners", ())]


@pytest.mark.parametrize(("who", "heard"), [("10.0.0.5:9000", True), ("127.0.0.1:9000", False)])
def test_a_listener_belongs_to_a_sender_on_its_own_machine_only(send, door, who, heard):
    sent = []
    door.listeners = Listeners(lambda _, to: sent.append(str(to)), lambda _: False)
    send("/listeners/add", who)
    door.listeners.changed("/gain", -3.0, SOURCE)
    door.listeners.flush(0)
    assert sent == ([who] if heard else [])


def test_the_list_of_listeners_is_bounded(send):
    for port in range(1, 33):
        assert send("/listeners/add", port)[0][0] == "/listeners/add"
    assert "already 32 listeners" in send("/listeners/add", 33)[0][1][1]
    assert send("/listeners/add", 5)[0][0] == "/listeners/add"  # already on the list


def test_a_pattern_reaches_every_parameter_it_matches(send, surface):
    assert send("/pca/[1-3]", 0.5) == []
    assert [command.path for command in surface.commands] == ["/pca/1", "/pca/2", "/pca/3"]
    assert len(send("/pca/*")) == sum(path.startswith("/pca/") for path in CATALOGUE)


@pytest.mark.parametrize("pattern", ["/*", "/*/*", "/pani?", "/{panic,gain}", "/*/off"])
def test_a_pattern_never_reaches_what_a_stray_star_must_not(send, surface, pattern):
    with suppress(UnknownAddressError):
        send(pattern)
    assert surface.commands == []


def test_an_unknown_address_is_explained(door):
    with pytest.raises(UnknownAddressError):
        door.dispatcher.find("/gian")
    assert "did you mean /gain" in door.dispatcher.explain_unknown("/gian")
    assert "ask /addresses" in door.dispatcher.explain_unknown("/zzzzzzzzzzzzzzzzzz")
    assert "pattern" in door.dispatcher.explain_unknown("/zz*")


def test_only_so_many_patterns_are_remembered(door):
    for number in range(3 * REMEMBERED_PATTERNS):
        door.dispatcher.find(f"/{{gain,x{number}}}")
        assert len(door.dispatcher._found) <= REMEMBERED_PATTERNS


def test_a_refusal_is_cut_to_what_fits_a_datagram():
    assert len(error_reply("/x", "y" * 10_000)[1][1]) == 400


def row(path: str) -> ParameterSpec:
    return ParameterSpec(path, "X", "db", -10, 10, 0, Target.CONTROL, "x", "A throw-away row.")


@pytest.mark.parametrize("path", ["/panic", "/error", "/pong", "/gain/normalized"])
def test_a_parameter_may_not_take_an_address_that_has_a_meaning(path):
    with pytest.raises(ValueError, match=path):
        build_addresses({**CATALOGUE, path: row(path)})


def test_every_address_is_legal_described_and_in_ascii():
    for path, address in build_addresses().items():
        assert path.startswith("/")
        assert not set(path) & set(" #*,?[]{}")
        assert address.description.endswith(".")
        assert (path + address.usage + address.description).isascii()


@pytest.mark.parametrize(
    "text", ["", ":", "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:70000", "1.2.3.4:²", "a" * 300 + ":1"]
)
def test_what_is_no_endpoint_is_refused(text):
    with pytest.raises(ValueError, match="expected"):
        parse_endpoint(text, "127.0.0.1")
