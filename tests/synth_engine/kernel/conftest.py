from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.synth_engine.kernel.player import Player


@pytest.fixture
def player() -> Iterator[Player]:
    player = Player()
    yield player
    player.close()
