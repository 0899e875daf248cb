"""Presets: reading, writing, finding, and what happens to files that are not as they should be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.atomic_files import generation_path
from mappings.catalogue import CATALOGUE
from mappings.preset_file import format_preset, parse_preset, preset_rows
from mappings.presets import Preset, PresetError, PresetStore

DEFAULTS = {path: row.default for path, row in preset_rows(CATALOGUE).items()}


def document(**changes: object) -> bytes:
    plain = {"format_version": 1, "name": "Reed", "latent": {"kind": "seed", "seed": 3}, "parameters": {}}
    return json.dumps(plain | changes).encode()


def put(directory: Path, file: str, **changes: object) -> None:
    directory.mkdir(exist_ok=True)
    (directory / file).write_bytes(document(**changes))


@pytest.fixture
def store(tmp_path: Path) -> PresetStore:
    put(tmp_path / "shipped", "02-second.json", name="Second")
    put(tmp_path / "shipped", "01-first.json", name="First")
    put(tmp_path / "user", "z.json", name="apple")
    put(tmp_path / "user", "a.json", name="Zebra")
    return PresetStore(tmp_path / "shipped", tmp_path / "user")


finite = st.floats(allow_nan=False, allow_infinity=False)
names = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=40).filter(str.strip)


@given(
    values=st.fixed_dictionaries(
        {p: st.floats(r.minimum, r.maximum) for p, r in preset_rows(CATALOGUE).items()}
    ),
    name=names,
    notes=st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
)
def test_a_preset_comes_back_as_it_was_written(values: dict[str, float], name: str, notes: str) -> None:
    preset = Preset(name, values, {"kind": "seed", "seed": 5}, "somebody", notes)
    read = parse_preset(format_preset(preset), CATALOGUE)
    assert read.parameters == pytest.approx(values, rel=1e-8, abs=1e-300)
    assert (read.notes, read.author, read.latent) == (notes, "somebody", {"kind": "seed", "seed": 5})
    assert format_preset(read) == format_preset(replace(preset, name=read.name, parameters=read.parameters))


def test_absent_parameters_take_their_defaults() -> None:
    assert parse_preset(document(parameters={"/attack": 0.5}), CATALOGUE).parameters == DEFAULTS | {
        "/attack": 0.5
    }


def test_a_value_out_of_range_is_moved_into_it_with_a_warning() -> None:
    preset = parse_preset(document(parameters={"/attack": 99}), CATALOGUE)
    assert preset.parameters["/attack"] == 5
    assert preset.warnings == ("/attack was 99, outside 0.001..5 s; using 5",)


def test_an_unknown_parameter_is_a_warning_with_a_hint_and_is_kept() -> None:
    preset = parse_preset(document(parameters={"/atack": 1, "/shimmer": "much"}), CATALOGUE)
    assert "did you mean '/attack'?" in preset.warnings[0]
    assert json.loads(format_preset(preset))["parameters"]["/shimmer"] == "much"


def test_what_belongs_to_the_room_is_kept_but_not_used() -> None:
    preset = parse_preset(document(parameters={"/gain": 6}), CATALOGUE)
    assert "/gain" not in preset.parameters
    assert preset.unknown_parameters == {"/gain": 6}


def test_unknown_keys_are_kept_on_rewriting() -> None:
    preset = parse_preset(document(tags=["warm"], rating=5), CATALOGUE)
    written = json.loads(format_preset(preset))
    assert (written["tags"], written["rating"]) == (["warm"], 5)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"format_version": 1, "name": "x"', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "expected a JSON object, got list"),
        (b"{}", "format_version is None"),
        (b" " * 1_000_001, "expected at most 1000000"),
        (document(format_version=2), "format_version 2 is newer than this program, which reads up to 1"),
        (document(format_version=True), "format_version is True"),
        (document(name=""), "needs a name"),
        (document(name=7), "name is 7, expected text"),
        (document(name="a\nb"), "cannot be shown"),
        (document(name="x" * 65), "at most 64"),
        (document(latent=[1]), "latent is [1], expected a JSON object"),
        (document(parameters=3), "parameters is 3, expected a JSON object"),
        (document(parameters={"/attack": "slow"}), "/attack is 'slow', expected a number"),
        (document(parameters={"/attack": True}), "/attack is True, expected a number"),
        (document(parameters={"/attack": 10**400}), "expected a number"),
        (document().replace(b"3", b"NaN"), "NaN is not a number"),
    ],
)
def test_a_broken_preset_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(PresetError) as caught:
        parse_preset(data, CATALOGUE)
    assert words in str(caught.value)


@given(st.binary(max_size=200))
def test_no_bytes_do_worse_than_a_preset_error(data: bytes) -> None:
    with pytest.raises(PresetError):
        parse_preset(data, CATALOGUE)


def test_an_older_format_is_brought_up_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mappings.preset_file.PRESET_FORMAT_VERSION", 3)
    steps = {
        1: lambda d: {**d, "parameters": {"/atk": d["parameters"]["attack"]}},
        2: lambda d: {**d, "parameters": {"/attack": d["parameters"]["/atk"] / 1000}},
    }
    assert parse_preset(document(parameters={"attack": 500}), CATALOGUE, steps).parameters["/attack"] == 0.5
    with pytest.raises(PresetError, match="no way is known from format_version 2 to 3"):
        parse_preset(document(parameters={"attack": 500}), CATALOGUE, {1: steps[1]})


def test_shipped_presets_come_in_numbered_order_then_the_players_by_name(store: PresetStore) -> None:
    assert store.names() == ("First", "Second", "apple", "Zebra")
    assert [store.number(name) for name in store.names()] == [0, 1, 2, 3]


def test_a_preset_is_found_by_name_in_any_case_and_by_number(store: PresetStore) -> None:
    assert store.load("second").name == store.load(1).name == store.load("1").name == "Second"


def test_an_unknown_name_is_answered_with_the_nearest(store: PresetStore) -> None:
    with pytest.raises(PresetError, match="did you mean 'Zebra'"):
        store.load("Zebro")
    with pytest.raises(PresetError, match="no preset has number 4, expected 0 to 3"):
        store.load(4)
    with pytest.raises(PresetError, match="number -1"):
        store.load("-1")


def test_a_broken_file_does_not_hide_the_others_and_says_what_is_wrong(
    store: PresetStore, tmp_path: Path
) -> None:
    (tmp_path / "user" / "torn.json").write_bytes(b'{"format')
    store.refresh()
    assert store.names() == ("First", "Second", "apple", "Zebra")
    assert any("torn.json cannot be read: not JSON" in warning for warning in store.warnings)
    with pytest.raises(PresetError, match=r"torn.json cannot be read: not JSON"):
        store.load("torn")


def test_saving_puts_the_preset_in_its_alphabetical_place(store: PresetStore, tmp_path: Path) -> None:
    path = store.save(Preset("Morning Glass", DEFAULTS | {"/release": 2.0}))
    assert path == tmp_path / "user" / "Morning Glass.json"
    assert store.names() == ("First", "Second", "apple", "Morning Glass", "Zebra")
    again = PresetStore(tmp_path / "shipped", tmp_path / "user")
    assert again.names() == store.names()
    assert again.load("morning glass").parameters["/release"] == 2.0


def test_a_players_preset_takes_the_place_of_the_shipped_one_of_that_name(
    store: PresetStore, tmp_path: Path
) -> None:
    store.save(Preset("First", DEFAULTS | {"/attack": 1.0}))
    assert store.names() == ("First", "Second", "apple", "Zebra")
    assert store.load(0).parameters["/attack"] == 1.0
    assert json.loads((tmp_path / "shipped" / "01-first.json").read_text())["parameters"] == {}


def test_overwriting_keeps_two_generations_and_what_was_not_given_anew(
    store: PresetStore, tmp_path: Path
) -> None:
    put(tmp_path / "user", "z.json", name="apple", colour="green", author="Ann", notes="sour")
    store.refresh()
    for attack in (0.1, 0.2, 0.3):
        path = store.save(Preset("apple", DEFAULTS | {"/attack": attack}))
    attacks = [
        json.loads(generation_path(path, g).read_bytes())["parameters"].get("/attack") for g in range(3)
    ]
    assert attacks == [0.3, 0.2, 0.1]
    assert store.load("apple").extra == {"colour": "green"}
    assert (store.load("apple").author, store.load("apple").notes) == ("Ann", "sour")
    assert not generation_path(path, 3).exists()


@given(name=names)
def test_no_name_leads_out_of_the_players_directory(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("presets")
    store = PresetStore(directory / "none", directory / "user")
    path = store.save(Preset(f"../{name}"[:64], DEFAULTS))
    assert path.resolve().parent == (directory / "user").resolve()
    assert PresetStore(directory / "none", directory / "user").names() == store.names()


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", ".hidden", "..", "con\\x", "🎻" * 60])
def test_odd_names_become_safe_file_names_and_are_found_again(name: str, store: PresetStore) -> None:
    path = store.save(Preset(name, DEFAULTS))
    assert len(path.name.encode()) < 200
    assert not path.name.startswith(".")
    store.refresh()
    assert store.load(name).name == name


def test_two_names_that_look_alike_as_files_stay_two_presets(store: PresetStore, tmp_path: Path) -> None:
    paths = {store.save(Preset(name, DEFAULTS)) for name in ("a/b", "a:b", "a_b")}
    put(tmp_path / "user", "Swap.json", name="Other")
    store.refresh()
    paths.add(store.save(Preset("Swap", DEFAULTS)))
    assert len(paths) == 4
    assert store.load("Other").name == "Other"


def test_a_directory_that_cannot_be_written_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = PresetStore(tmp_path / "none", tmp_path / "file" / "user")
    with pytest.raises(PresetError, match="could not be written"):
        store.save(Preset("x", DEFAULTS))
