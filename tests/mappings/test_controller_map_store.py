from __future__ import annotations

import os
from pathlib import Path

import pytest

from mappings.actions import ACTIONS
from mappings.catalogue import CATALOGUE
from mappings.map_store import MapStore
from mappings.routes import SourceKind, controller_position

OWN = 'format_version = 1\n[match]\nport = "%s"\n[[map]]\nsource = "cc 20"\ntarget = "%s"\n'
CONTROL = SourceKind.CONTROL


class Store(MapStore):
    """A store that keeps what it reports."""

    def __init__(self, directory: Path | None) -> None:
        self.errors: list[str] = []
        super().__init__(directory, self.errors.append)

    def target(self, port: str, number: int = 20) -> list[str]:
        return [path for path, _ in self.map_for(port).translate(CONTROL, 0, number, 0.5)]


def write(path: Path, text: str, age: int = 0) -> None:
    path.write_text(text)
    os.utime(
        path, ns=(10**18 + age, 10**18 + age)
    )  # file systems with coarse clocks must not decide the test


def test_the_default_map_serves_any_controller() -> None:
    default = Store(None).map_for("Some Keyboard")

    def at(number: int, value: int) -> list[tuple[str, float]]:
        return default.translate(CONTROL, 9, number, controller_position(value))

    assert at(1, 0) == [("/pca/1", 0)]
    assert at(1, 127) == [("/pca/1", 3)]
    for knob in range(8):
        assert at(70 + knob, 0) == [(f"/pca/{knob + 1}", -3)]
        assert at(70 + knob, 64) == [(f"/pca/{knob + 1}", 0)]
        assert at(70 + knob, 127) == [(f"/pca/{knob + 1}", 3)]
    assert at(7, 127) == [("/volume", 1)]
    assert at(7, 0) == [("/volume", 0)]
    assert at(10, 0) == [("/pan", -1)]
    assert at(10, 64) == [("/pan", 0)]
    assert at(11, 127) == [("/expression", 1)]
    assert at(64, 127) == []


def test_general_midi_volume_at_half_is_12_db_down() -> None:
    ((_, gain),) = Store(None).map_for("x").translate(CONTROL, 0, 7, controller_position(64))
    assert gain == pytest.approx((64 / 127) ** 2, rel=0.02)


@pytest.mark.parametrize(
    ("port", "name"),
    [
        ("nanoKONTROL2:nanoKONTROL2 nanoKONTROL2 _ CTR", "Korg nanoKONTROL2"),
        ("Launchkey Mini MK3:Launchkey Mini MK3 MIDI 1", "Novation Launchkey"),
        ("MPK mini 3:MPK mini 3 MIDI 1", "Akai MPK mini mk3"),
        ("a2j:nanoKONTROL2 [24] (capture): nanoKONTROL2 MIDI 1", "Korg nanoKONTROL2"),
        ("Unknown", "Any controller"),
    ],
)
def test_shipped_maps_are_found_by_the_names_their_controllers_show(port: str, name: str) -> None:
    assert Store(None).map_for(port).name == name


def test_the_nanokontrol_has_no_mod_wheel_and_no_second_pedal() -> None:
    nano = Store(None).map_for("nanoKONTROL2")
    assert [route.target.path for route in nano.routes(CONTROL, 0, 1)] == ["/decay"]
    assert [route.target.path for route in nano.routes(CONTROL, 0, 64)] == ["/pedal"]
    assert not nano.routes(CONTROL, 0, 71)


def test_shipped_maps_name_only_parameters_and_actions_there_are() -> None:
    store = Store(None)
    for port in ("nanoKONTROL2", "Launchkey", "MPK mini 3", "other"):
        for route in store.map_for(port):
            assert route.target is {**CATALOGUE, **ACTIONS}[route.target.path]


def test_the_players_file_goes_before_a_shipped_one(tmp_path: Path) -> None:
    write(tmp_path / "mine.toml", OWN % ("Launchkey", "/attack"))
    store = Store(tmp_path)
    assert store.target("Launchkey Mini") == ["/attack"]
    assert store.target("Launchkey Mini", 1) == ["/pca/1"]  # from the default map
    assert store.target("Launchkey Mini", 21) == []  # the shipped Launchkey map is out


def test_the_closest_pattern_wins(tmp_path: Path) -> None:
    write(tmp_path / "a.toml", OWN % ("*", "/attack"))
    write(tmp_path / "b.toml", OWN % ("Launchkey Mini", "/decay"))
    write(tmp_path / "c.toml", OWN % ("Launch*", "/release"))
    store = Store(tmp_path)
    assert store.target("Launchkey Mini MK3") == ["/decay"]
    assert store.target("Launchpad") == ["/release"]
    assert store.target("Other") == ["/attack"]


def test_the_player_can_replace_the_default_map(tmp_path: Path) -> None:
    write(tmp_path / "default.toml", 'format_version = 1\n[[map]]\nsource = "cc 20"\ntarget = "/tune"\n')
    store = Store(tmp_path)
    assert store.target("Anything") == ["/tune"]
    assert store.target("Anything", 1) == []
    assert store.target("Launchkey", 20) == ["/tune"]


def test_changes_are_seen_at_the_next_look(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert not store.poll()
    path = tmp_path / "keys.toml"
    write(path, OWN % ("Keys", "/attack"), 1)
    assert store.poll()
    assert store.target("Keys") == ["/attack"]
    assert not store.poll()
    write(path, OWN % ("Keys", "/decay"), 2)
    assert store.poll()
    assert store.target("Keys") == ["/decay"]
    path.unlink()
    assert store.poll()
    assert store.target("Keys") == []


def test_a_directory_that_comes_later_is_followed(tmp_path: Path) -> None:
    store = Store(tmp_path / "maps")
    (tmp_path / "maps").mkdir()
    write(tmp_path / "maps" / "keys.toml", OWN % ("Keys", "/attack"))
    assert store.poll()
    assert store.target("Keys") == ["/attack"]


def test_a_broken_file_keeps_the_last_good_map_and_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    write(path, OWN % ("Keys", "/attack"), 1)
    store = Store(tmp_path)
    write(path, OWN % ("Keys", "/atack"), 2)
    for _ in range(3):
        assert not store.poll()
    assert store.target("Keys") == ["/attack"]
    (error,) = store.errors
    assert error.startswith(
        "keys.toml, entry 1 (line 4): unknown target '/atack' (did you mean \"/attack\"?)"
    )
    assert error.endswith("; the last good version stays in force")
    write(path, OWN % ("Keys", "/decay"), 3)
    assert store.poll()
    assert store.target("Keys") == ["/decay"]
    assert len(store.errors) == 1


def test_a_file_broken_from_the_start_is_as_if_not_there(tmp_path: Path) -> None:
    write(tmp_path / "keys.toml", "no map")
    store = Store(tmp_path)
    assert store.target("Keys", 1) == ["/pca/1"]
    assert len(store.errors) == 1
    assert "last good" not in store.errors[0]


def test_a_file_that_is_no_text_or_for_no_controller_is_told(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    write(tmp_path / "nobody.toml", "format_version = 1\n")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / ".hidden.toml").write_text("x")
    (tmp_path / "large.toml").write_bytes(b"#" * 300_000)
    store = Store(tmp_path)
    assert [error.split(":")[0] for error in store.errors] == [
        "binary.toml",
        "folder.toml",
        "large.toml",
        "nobody.toml",
    ]
    assert "says for no controller" in store.errors[3]


def test_names_lists_the_players_maps_first(tmp_path: Path) -> None:
    write(tmp_path / "zebra.toml", OWN % ("Zebra", "/attack"))
    assert Store(tmp_path).names()[0] == "zebra.toml"
