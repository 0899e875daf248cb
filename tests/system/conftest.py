"""What the system tests stand on. Without it they are skipped, but in CI that is a failure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.daemon_process import Home, new_home
from tests.system.jack_server import JackServer, jack_server


def require(found: object, what: str) -> None:
    """Skip the test if ``found`` is false; where the environment variable ``CI`` is set, fail."""
    if found:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI has to install {what}")
    pytest.skip(f"needs {what}")


@pytest.fixture(scope="session")
def jack_tools() -> None:
    """JACK's server program."""
    require(shutil.which("jackd") and shutil.which("setpriv"), "the Debian package jackd2")


@pytest.fixture
def server(jack_tools: None, tmp_path: Path) -> Iterator[JackServer]:
    """A JACK server of the test's own, 48 kHz, 128 frames."""
    with jack_server(tmp_path) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Directories for one daemon, empty but for the compiled kernel."""
    return new_home(tmp_path / "home")
