"""Any order of saving, hand-editing and restarting agrees with a dictionary."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mappings.catalogue import CATALOGUE
from mappings.preset_file import format_preset, preset_rows
from mappings.presets import Preset, PresetError, PresetStore

DEFAULTS = {path: row.default for path, row in preset_rows(CATALOGUE).items()}
names = st.sampled_from(
    ["Shipped", "a", "A", "b/c", "b:c", "b_c", "..", "7", "ß", "ss", "Ünï", "x.json", "con"]
)
attacks = st.sampled_from([0.01, 0.5, 2.0])


class Presets(RuleBasedStateMachine):
    """The model is a dictionary from case-folded name to (name, attack)."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        (self.root / "shipped").mkdir()
        (self.root / "shipped" / "01.json").write_bytes(format_preset(Preset("Shipped", DEFAULTS)))
        self.expected = {"shipped": ("Shipped", DEFAULTS["/attack"])}
        self.store = self._open()

    def _open(self) -> PresetStore:
        return PresetStore(self.root / "shipped", self.root / "user")

    @rule(name=names, attack=attacks)
    def save(self, name: str, attack: float) -> None:
        self.store.save(Preset(name, DEFAULTS | {"/attack": attack}))
        self.expected[name.casefold()] = (name, attack)

    @rule()
    def restart(self) -> None:
        self.store = self._open()

    @rule()
    def refresh(self) -> None:
        self.store.refresh()

    @rule(data=st.sampled_from([b"", b"{", b"[]"]))
    def lay_a_broken_file(self, data: bytes) -> None:
        (self.root / "user").mkdir(exist_ok=True)
        (self.root / "user" / "broken.json").write_bytes(data)

    @invariant()
    def all_are_found_by_name_and_number(self) -> None:
        listed = self.store.names()
        own = sorted(self.expected.keys() - {"shipped"})
        assert listed == tuple(self.expected[key][0] for key in ["shipped", *own])
        for number, name in enumerate(listed):
            assert self.store.load(name).parameters["/attack"] == self.expected[name.casefold()][1]
            assert self.store.load(number).name == name
            assert self.store.number(name) == number
        with pytest.raises(PresetError):
            self.store.load(len(listed))

    def teardown(self) -> None:
        shutil.rmtree(self.root)


TestPresets = Presets.TestCase
TestPresets.settings = settings(max_examples=20, stateful_step_count=15, deadline=None)
