"""The state survives everything, most of all being killed."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import state as state_module
from daemon.state import State, StateKeeper, format_state, parse_state
from mappings.documents import DocumentError

STATE = State({"/gain": -6.0, "/pca/1": 1.5}, {"kind": "seed", "seed": 9}, "Reed", ("10.0.0.5:9000",))

WRITER = """
import sys
from pathlib import Path
from daemon.state import State, format_state
from mappings.atomic_files import write_atomic
n = 0
while True:
    n += 1
    write_atomic(Path(sys.argv[1]), format_state(State({f"/p/{i}": float(n) for i in range(200)})))
    print(n, flush=True)
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "AUTOSAVE_S", 0.01)


@given(
    parameters=st.dictionaries(
        st.text(max_size=9), st.floats(allow_nan=False, allow_infinity=False), max_size=4
    ),
    preset=st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
    listeners=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=9), max_size=3),
)
def test_a_state_comes_back_as_it_was_written(
    parameters: dict[str, float], preset: str, listeners: list[str]
) -> None:
    state = State(parameters, {"kind": "seed", "seed": 1}, preset, tuple(listeners), {"window": [1, 2]})
    assert parse_state(format_state(state)) == state


def test_one_bad_value_costs_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    plain = {"format_version": 1, "parameters": {"/a": 1, "/b": "x", "/c": True}, "listeners": ["h:1", 7]}
    assert parse_state(json.dumps(plain).encode()) == State({"/a": 1.0}, listeners=("h:1",))
    assert "saved value of /b is 'x'" in caplog.text


@pytest.mark.parametrize(
    "changes", [{"parameters": 1}, {"latent": []}, {"preset": 1}, {"listeners": {}}, {"format_version": 99}]
)
def test_a_state_that_is_no_state_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(DocumentError):
        parse_state(json.dumps({"format_version": 1} | changes).encode())


async def _settle(path: Path, words: str) -> None:
    async with asyncio.timeout(20):
        while not (path.exists() and words in path.read_text()):
            await asyncio.sleep(0.005)


def test_a_change_is_saved_by_itself_and_many_changes_are_few_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[float] = []

    def counted(path: Path, data: bytes) -> None:
        writes.append(json.loads(data)["parameters"]["/gain"])
        path.write_bytes(data)

    monkeypatch.setattr(state_module, "write_atomic", counted)

    async def play() -> None:
        value = 0.0
        keeper = StateKeeper(tmp_path, lambda: State({"/gain": value}))
        await keeper.start()
        for n in range(500):
            value = float(n)
            keeper.changed()
        await _settle(tmp_path / "state.json", "499")
        await keeper.stop()

    asyncio.run(play())
    assert set(writes) == {499.0}
    assert len(writes) <= 2  # stopping in the middle of a write does it again


def test_stopping_saves_what_changed_last_and_nothing_if_nothing_did(tmp_path: Path) -> None:
    async def play(*, change: bool) -> None:
        keeper = StateKeeper(tmp_path, lambda: STATE)
        await keeper.start()
        if change:
            keeper.changed()
        await keeper.stop()

    asyncio.run(play(change=False))
    assert not (tmp_path / "state.json").exists()
    asyncio.run(play(change=True))
    assert StateKeeper(tmp_path, lambda: STATE).load() == STATE


def test_what_another_version_wrote_is_kept(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_bytes(
        format_state(State({"/new": 3, "/gain": 1}, extra={"tuning": "just"}))
    )

    async def play() -> None:
        keeper = StateKeeper(tmp_path, lambda: STATE)
        keeper.load()
        keeper.changed()
        await keeper.stop()

    asyncio.run(play())
    loaded = StateKeeper(tmp_path, lambda: STATE).load()
    assert loaded is not None
    assert loaded.extra == {"tuning": "just"}
    assert loaded.preset == "Reed"
    assert loaded.parameters == {**STATE.parameters, "/new": 3.0}


def test_a_broken_state_is_set_aside_and_the_one_before_it_comes_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state.json.1").write_bytes(format_state(STATE))
    (tmp_path / "state.json").write_bytes(format_state(STATE)[:50])
    assert StateKeeper(tmp_path, lambda: STATE).load() == STATE
    assert "set aside: not JSON" in caplog.text
    assert "going on from the earlier state" in caplog.text
    assert (tmp_path / "state.json.broken").exists()


def test_no_state_at_all_is_none(tmp_path: Path) -> None:
    assert StateKeeper(tmp_path / "none", lambda: STATE).load() is None


def test_a_full_disk_is_told_once_and_saving_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[int] = []

    def full_at_first(path: Path, data: bytes) -> None:
        tries.append(1)
        if len(tries) < 4:
            raise OSError(28, "No space left on device")
        path.write_bytes(data)

    monkeypatch.setattr(state_module, "write_atomic", full_at_first)

    async def play() -> None:
        keeper = StateKeeper(tmp_path, lambda: STATE)
        await keeper.start()
        keeper.changed()
        await _settle(tmp_path / "state.json", "Reed")
        await keeper.stop()

    with caplog.at_level(logging.INFO):
        asyncio.run(play())
    assert caplog.text.count("cannot be saved") == 1
    assert caplog.text.count("can be saved again") == 1
    assert len(tries) >= 4


def test_twenty_kills_at_any_moment_leave_a_readable_state_each_time(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    moments = random.Random(5)
    for _ in range(20):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        written = int(writer.stdout.readline())
        time.sleep(moments.uniform(0, 0.02))
        writer.kill()
        written = max([written, *map(int, writer.stdout.read().split(b"\n")[:-1])])
        writer.wait()
        writer.stdout.close()
        state = parse_state(path.read_bytes())
        assert len(set(state.parameters.values())) == 1  # never a mixture of two
        assert next(iter(state.parameters.values())) >= written  # nothing that was said to be saved is lost
        for generation in (1, 2):
            earlier = path.with_name(f"state.json.{generation}")
            if earlier.exists():
                parse_state(earlier.read_bytes())
