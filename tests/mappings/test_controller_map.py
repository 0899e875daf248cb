from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.catalogue import CATALOGUE
from mappings.controller_map import ControllerMap, port_matches
from mappings.map_entries import MapError
from mappings.parameters import Curve
from mappings.routes import CURVES, SourceKind, controller_position

HEAD = "format_version = 1\n"


def entry(**fields: Any) -> str:
    fields = {"source": "cc 20", "target": "/pca/1"} | fields
    lines = ["[[map]]"]
    for key, value in fields.items():
        text = str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')
        lines.append(f"{key} = {text}")
    return "\n".join(lines) + "\n"


def value_of(position: float, **fields: Any) -> float:
    ((_, value),) = ControllerMap.parse(HEAD + entry(**fields)).translate(SourceKind.CONTROL, 0, 20, position)
    return value


def test_a_knob_reaches_both_ends_of_its_range() -> None:
    assert value_of(0.0, range=[-3, 3]) == -3
    assert value_of(0.5, range=[-3, 3]) == 0
    assert value_of(1.0, range=[-3, 3]) == 3


def test_an_inverted_range_runs_the_other_way() -> None:
    assert value_of(0.0, range=[3, -3]) == 3
    assert value_of(1.0, range=[3, -3]) == -3


def test_without_a_range_the_whole_parameter_is_covered_by_its_own_curve() -> None:
    assert value_of(0.0) == -4
    assert value_of(1.0) == 4
    assert value_of(0.5, target="/attack") == pytest.approx((0.001 * 5) ** 0.5)


def test_curves_bend_the_way_between_the_ends() -> None:
    halves = {
        curve: value_of(0.5, target="/attack", range=[0.01, 1], curve=curve)
        for curve in ("linear", "exponential", "squared", "root", "s")
    }
    assert halves["linear"] == halves["s"] == pytest.approx(0.505)
    assert halves["exponential"] == pytest.approx(0.1)
    assert halves["squared"] == pytest.approx(0.2575)
    assert halves["root"] == pytest.approx(0.01 + 0.99 * 0.5**0.5)


def test_a_switch_knows_only_its_ends() -> None:
    assert [value_of(p, target="/pedal") for p in (0.0, 0.49, 0.5, 1.0)] == [0, 0, 1, 1]


@given(
    st.sampled_from(sorted(CATALOGUE)),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from(sorted(CURVES)),
    st.floats(0, 1),
)
def test_a_value_is_always_between_the_ends_of_its_range(
    path: str, low: float, high: float, curve: str, position: float
) -> None:
    spec = CATALOGUE[path]
    ends = [spec.position_to_value(low), spec.position_to_value(high)]
    if curve == "exponential" and ends[0] * ends[1] <= 0:
        curve = "linear"
    value = value_of(position, target=path, range=ends, curve=curve)
    slack = 1e-9 * max(map(abs, ends))
    assert min(ends) - slack <= value <= max(ends) + slack


@given(st.sampled_from([7, 14]), st.data())
def test_positions_rise_evenly_with_the_middle_in_the_middle(bits: int, data: st.DataObject) -> None:
    top = 2**bits - 1
    value = data.draw(st.integers(0, top - 1))
    assert controller_position(value, bits) < controller_position(value + 1, bits)
    assert controller_position(0, bits) == 0
    assert controller_position((top + 1) // 2, bits) == 0.5
    assert controller_position(top, bits) == 1


def test_a_channel_is_one_of_16_or_any() -> None:
    parsed = ControllerMap.parse(HEAD + entry(channel=3) + entry(source="cc 21"))
    assert [bool(parsed.routes(SourceKind.CONTROL, channel, 20)) for channel in range(4)] == [
        False,
        False,
        True,
        False,
    ]
    assert all(parsed.routes(SourceKind.CONTROL, channel, 21) for channel in range(16))


def test_one_control_may_move_several_parameters() -> None:
    parsed = ControllerMap.parse(HEAD + entry() + entry(target="/pan"))
    moved = parsed.translate(SourceKind.CONTROL, 5, 20, 1.0)
    assert moved == [("/pca/1", 4), ("/pan", 1)]


def test_a_run_of_keys_is_a_control() -> None:
    parsed = ControllerMap.parse(HEAD + entry(source="notes 36-51"))
    assert not parsed.routes(SourceKind.NOTE, 0, 35)
    assert parsed.routes(SourceKind.NOTE, 0, 36) == parsed.routes(SourceKind.NOTE, 0, 51)
    assert not parsed.routes(SourceKind.NOTE, 0, 52)


def test_the_default_map_serves_what_a_map_does_not_name() -> None:
    default = ControllerMap.parse(HEAD + entry(source="cc 1") + entry(source="cc 20", target="/pan"))
    own = ControllerMap.parse(HEAD + entry(source="cc 20", channel=1))
    both = own.over(default)
    assert both.translate(SourceKind.CONTROL, 0, 1, 1.0) == [("/pca/1", 4)]
    assert both.translate(SourceKind.CONTROL, 0, 20, 1.0) == [("/pca/1", 4)]
    assert both.translate(SourceKind.CONTROL, 1, 20, 1.0) == [("/pan", 1)]
    alone = ControllerMap.parse(HEAD + "inherit = false\n" + entry(source="cc 20", channel=1))
    assert alone.over(default) is alone


def test_every_parameter_can_be_mapped() -> None:
    for path, spec in CATALOGUE.items():
        parsed = ControllerMap.parse(HEAD + entry(target=path))
        assert parsed.translate(SourceKind.CONTROL, 0, 20, 1.0) == [(path, pytest.approx(spec.maximum))]
        (route,) = parsed
        assert route.curve == ("exponential" if spec.curve is Curve.EXPONENTIAL else "linear")


WRONG = {
    "no TOML": ("format_version = \n", "k.toml: not readable as TOML: .*line 1"),
    "no version": ("", "k.toml: format_version is missing; this timbred reads format_version = 1"),
    "a later version": ("format_version = 2", "format_version is 2"),
    "unknown key outside": (HEAD + "nmae = 'x'", r"unknown key 'nmae' \(did you mean \"name\"\?\)"),
    "unknown key in match": (HEAD + "[match]\nports = 'x'", r"\[match\]: unknown key 'ports'.*\"port\""),
    "port is a number": (HEAD + "[match]\nport = 3", "port must be a name pattern"),
    "unknown key in an entry": (
        HEAD + "\n" + entry(chanel=1),
        r"entry 1 \(line 3\): unknown key 'chanel' \(did",
    ),
    "second entry": (HEAD + entry() + entry(sorce="x"), r"entry 2 \(line 5\): unknown key 'sorce'"),
    "no source": (HEAD + '[[map]]\ntarget = "/pan"', "source is missing"),
    "no target": (HEAD + '[[map]]\nsource = "cc 1"', "target is missing"),
    "unknown target": (HEAD + entry(target="/pca1"), r"unknown target '/pca1' \(did you mean \"/pca/1\"\?\)"),
    "unknown source": (
        HEAD + entry(source="presure"),
        r"unknown source 'presure' \(did you mean \"pressure\"\?\)",
    ),
    "source is a number": (HEAD + entry(source=20), "unknown source 20; known are cc 0..119, pressure"),
    "cc out of range": (HEAD + entry(source="cc 128"), "unknown source 'cc 128'"),
    "cc that means something": (HEAD + entry(source="cc 123"), "cc 123 is a channel mode message"),
    "rpn select": (HEAD + entry(source="cc 101"), "cc 101 selects RPNs"),
    "keys the wrong way": (
        HEAD + entry(source="notes 51-36"),
        "notes 51-36 are no keys; wanted are two of 0..127",
    ),
    "keys too high": (HEAD + entry(source="notes 100-128"), "are no keys"),
    "range of one": (HEAD + entry(range=[1]), "range must be two numbers"),
    "range of words": (HEAD + entry(range=["a", "b"]), "range: 'a' is not a number"),
    "range too wide": (HEAD + entry(range=[-5, 3]), r"range: -5 is outside /pca/1, which goes -4 .. 4 sigma"),
    "range of nan": (
        HEAD + '[[map]]\nsource = "cc 1"\ntarget = "/pan"\nrange = [nan, 1]',
        "nan is outside /pan",
    ),
    "range of inf": (
        HEAD + '[[map]]\nsource = "cc 1"\ntarget = "/pan"\nrange = [0, inf]',
        "inf is outside /pan",
    ),
    "range of a huge number": (HEAD + entry(range=[10**400, 0]), "is outside /pca/1"),
    "a number of too many digits": (HEAD + "name = " + "9" * 5000, "not readable as TOML"),
    "endless nesting": (HEAD + "name = " + "[" * 50_000, "not readable as TOML"),
    "unknown curve": (HEAD + entry(curve="linar"), r"unknown curve 'linar' \(did you mean \"linear\"\?\)"),
    "exponential through 0": (HEAD + entry(curve="exponential"), "cannot reach or cross 0"),
    "channel 0": (HEAD + entry(channel=0), 'channel must be 1..16 or "any", not 0'),
    "channel true": (HEAD + entry(channel=True), "channel must be"),
    "bits": (HEAD + entry(bits=8), "bits must be 7 or 14, not 8"),
    "bits of a high control": (HEAD + entry(source="cc 70", bits=14), "needs a source from cc 0 to cc 31"),
    "bits of pressure": (HEAD + entry(source="pressure", bits=14), "needs a source from cc 0"),
    "sound": (HEAD + entry(sound="yes"), "sound must be true or false, not 'yes'"),
    "default": (HEAD + entry(default=9), "default: 9 is outside /pca/1"),
    "fine half mapped": (
        HEAD + entry(bits=14) + entry(source="cc 52"),
        "cc 52 is mapped, but it is the fine half of cc 20",
    ),
    "preset without a number": (HEAD + entry(target="/preset/load"), "/preset/load needs a range"),
    "default of an action": (HEAD + entry(target="/panic", default=0), "/panic happens"),
    "misspelt action": (HEAD + entry(target="/pannic"), r"did you mean \"/panic\"\?"),
    "map is a table": (HEAD + "[map]\nx = 1", "map must be a list"),
    "map of numbers": (HEAD + "map = [1]", "must be a .*map.* table"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_said_with_its_place(text: str, message: str) -> None:
    with pytest.raises(MapError, match=message) as caught:
        ControllerMap.parse(text, "k.toml")
    assert str(caught.value).startswith("k.toml")


toml_text = st.text(max_size=200) | st.lists(
    st.sampled_from(
        [HEAD, entry(), entry(source="bend"), "[match]\n", "inherit = 3\n", 'port = "x"\n', "[[map]]\n"]
    )
).map("".join)


@given(toml_text)
def test_any_text_parses_or_is_a_map_error(text: str) -> None:
    with suppress(MapError):
        ControllerMap.parse(text)


def test_port_patterns() -> None:
    assert port_matches("launchkey", "Launchkey Mini MK3:Launchkey Mini MK3 MIDI 1")
    assert port_matches("*nanokontrol2*", "nanoKONTROL2:nanoKONTROL2 _ CTRL")
    assert not port_matches("nano*", "USB nanoKONTROL2")
    assert not port_matches("launchpad", "Launchkey")
