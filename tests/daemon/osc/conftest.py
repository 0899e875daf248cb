"""A recording controller and a UDP peer on loopback."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count

import pytest

from daemon.events import Command, CommandError, LatentAnchors, SetParameter, SetPosition
from daemon.osc.codec import Message, encode_message, parse_packet
from daemon.osc.server import OscServer
from daemon.osc.time_tags import NtpClock
from daemon.surface import Argument, Reply
from mappings.catalogue import CATALOGUE
from mappings.parameters import ParameterSpec
from pca_cache.labels import DirectionLabel


class RecordingSurface:
    """Remembers commands, keeps values, and feeds changes back as the controller does."""

    def __init__(self, catalogue: Mapping[str, ParameterSpec] = CATALOGUE) -> None:
        self.catalogue = catalogue
        self.values = {path: float(spec.default) for path, spec in catalogue.items()}
        self.commands: list[Command] = []
        self.presets = ["glass", "reed organ"]
        self.server: OscServer | None = None

    def handle(self, command: Command) -> Sequence[Reply]:
        self.commands.append(command)
        if isinstance(command, SetPosition):
            value = self.catalogue[command.path].position_to_value(command.position)
            command = SetParameter(command.path, value, command.source)
        if isinstance(command, SetParameter):
            self.values[command.path] = self.catalogue[command.path].clamp(command.value)
            if self.server is not None:
                self.server.parameter_changed(command.path, self.values[command.path], command.source)
        if isinstance(command, LatentAnchors) and command.weights[0][0] == "brigth":
            raise CommandError("unknown anchor 'brigth'; did you mean bright?")
        return ()

    def parameter_value(self, path: str) -> float:
        return self.values[path]

    def status(self) -> Mapping[str, Argument]:
        return {"model": "toy", "voices": 3}

    def anchor_names(self) -> Sequence[str]:
        return ["bright", "warm"]

    def direction_labels(self) -> Sequence[DirectionLabel]:
        return [DirectionLabel("brighter", -2.0, 3.0), DirectionLabel("longer")]

    def preset_names(self) -> Sequence[str]:
        return self.presets

    def latent_state(self) -> Sequence[Reply]:
        return [("/latent/random", (5,))]


class Peer:
    """A UDP socket that speaks OSC."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self._daemon = ("127.0.0.1", port)
        self._tickets = count(1)
        self.sent = 0
        self.port = self._socket.getsockname()[1]
        self.source = f"osc:127.0.0.1:{self.port}"

    def send(self, address: str, *arguments: Argument) -> None:
        self.send_raw(encode_message(address, arguments))

    def send_raw(self, data: bytes) -> None:
        self.sent += 1
        self._socket.sendto(data, self._daemon)

    async def datagrams(self, wait_s: float = 0.05) -> list[bytes]:
        """Everything that arrives until the door has answered a ping and been quiet for a while after it."""
        found: list[bytes] = []
        loop = asyncio.get_running_loop()
        pong, next_ping_s, quiet_s = b"", loop.time(), math.inf
        while loop.time() < quiet_s:
            if quiet_s == math.inf and loop.time() >= next_ping_s:  # a ping may be lost in a flood
                ticket = next(self._tickets)
                self.send("/ping", "settled?", ticket)
                pong, next_ping_s = encode_message("/pong", ("settled?", ticket)), loop.time() + 0.3
            try:
                data = self._socket.recv(65_536)
            except BlockingIOError:
                await asyncio.sleep(0.002)
                continue
            if data == pong:
                quiet_s = loop.time() + wait_s
            elif not data.startswith(b"/pong\0\0\0,si\0settled?"):
                found.append(data)
                quiet_s = quiet_s if quiet_s == math.inf else loop.time() + wait_s
        return found

    async def messages(self, wait_s: float = 0.05) -> list[Message]:
        return [message for data in await self.datagrams(wait_s) for message in parse_packet(data)]

    async def ask(self, address: str, *arguments: Argument) -> list[tuple[str, tuple[object, ...]]]:
        self.send(address, *arguments)
        return [(message.address, message.arguments) for message in await self.messages(0.02)]

    def close(self) -> None:
        self._socket.close()


class Session:
    """A running server with a recording controller and peers."""

    def __init__(self, surface: RecordingSurface, clock: NtpClock | None) -> None:
        self.surface = surface
        self.server = OscServer(surface, port=0, catalogue=surface.catalogue, clock=clock)
        surface.server = self.server
        self._peers: list[Peer] = []

    def peer(self) -> Peer:
        self._peers.append(Peer(self.server.port))
        return self._peers[-1]

    @staticmethod
    @asynccontextmanager
    async def open(
        surface: RecordingSurface | None = None, clock: NtpClock | None = None
    ) -> AsyncIterator[tuple[Session, Peer]]:
        session = Session(surface or RecordingSurface(), clock)
        await session.server.start()
        try:
            yield session, session.peer()
        finally:
            session.server.stop()
            for peer in session._peers:
                peer.close()


@pytest.fixture
def open_session():
    return Session.open


@pytest.fixture
def make_surface():
    return RecordingSurface
