"""Where a measured daemon lives: its own folders, instance, port and shared maps; gone afterwards."""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from daemon.paths import Paths
from synth_engine.kernel.compiled import cache_directory, is_compiled, load_kernel

CONFIG_NAME = "timbred.toml"


@dataclass(frozen=True)
class Home:
    """One daemon's places, none of them the user's own.

    Attributes
    ----------
    folder : Path
        Holds everything but the shared maps.
    runtime : Path
        The shared maps.
    instance : str
        Nobody else's.
    osc_port : int
        Free when it was chosen.
    """

    folder: Path
    runtime: Path
    instance: str
    osc_port: int

    @property
    def config_path(self) -> Path:
        """Its ``timbred.toml``."""
        return self.folder / CONFIG_NAME

    @property
    def cache(self) -> Path:
        """What it can make again."""
        return self.folder / "cache" / "timbred"

    @property
    def environment(self) -> dict[str, str]:
        """For the compiled kernel, which is kept where the system says and not where the file says."""
        return {"XDG_CACHE_HOME": str(self.folder / "cache")}

    def keep_kernel(self) -> None:
        """Take over the user's compiled kernel, so that it is not compiled again; made if there is none."""
        if not is_compiled():
            load_kernel()
        if is_compiled():  # else the user's folder cannot be written, and this home compiles its own
            shutil.copytree(cache_directory(), self.cache / "kernel", dirs_exist_ok=True)

    def forget(self) -> None:
        """Throw away everything a start has made."""
        for name in ("cache", "state"):
            shutil.rmtree(self.folder / name, ignore_errors=True)


@contextmanager
def temporary_home() -> Iterator[Home]:
    """Make a home, and take it away at the end.

    Raises
    ------
    OSError
        If there is no room.
    """
    with tempfile.TemporaryDirectory(prefix="timbred-measure-") as name:
        folder = Path(name)
        instance = "measure-" + "".join(c for c in folder.name.rpartition("-")[2] if c.isalnum())
        home = Home(folder, Paths.default(instance).runtime, instance, _free_udp_port())
        _write_config(home)
        try:
            yield home
        finally:
            shutil.rmtree(home.runtime, ignore_errors=True)


def _write_config(home: Home) -> None:
    places = {name: home.folder / name for name in ("config", "state", "data")}
    places |= {"cache": home.cache, "runtime": home.runtime}
    lines = [f"instance = {json.dumps(home.instance)}", "greeting = false", "[midi]", "virtual_port = false"]
    lines += ["ports = []", "[osc]", f"port = {home.osc_port}", "[paths]"]
    lines += [f"{name} = {json.dumps(str(place))}" for name, place in places.items()]
    home.config_path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
