"""Programs that we did not write speak to the door."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time

import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient

from daemon.events import LatentAnchors, NoteOn, SetParameter


async def oscsend(port: int, *words: str) -> None:
    process = await asyncio.create_subprocess_exec("oscsend", "127.0.0.1", str(port), *words)
    assert await process.wait() == 0


@pytest.mark.skipif(shutil.which("oscsend") is None, reason="liblo-tools are not installed")
def test_oscsend_plays_and_steers(open_session):
    async def play():
        async with open_session() as (session, peer):
            port = session.server.port
            await oscsend(port, "/note", "if", "60", "0.5")
            await oscsend(port, "/gain", "d", "-3")
            await oscsend(port, "/gain", "h", "-4")
            await oscsend(port, "/pedal", "T")
            await oscsend(port, "/latent/mix", "sfsi", "bright", "0.5", "warm", "1")
            await oscsend(port, "/note", "m", "90003c40")
            await peer.messages()
            note, *rest = session.surface.commands
            assert (type(note), note.key, note.velocity) == (NoteOn, 60, 0.5)
            assert [command.value for command in rest[:3]] == [-3.0, -4.0, 1.0]
            assert isinstance(rest[3], LatentAnchors)
            assert rest[3].weights == (("bright", 0.5), ("warm", 1.0))
            assert len(rest) == 4
            assert session.server.counters.errors == 1

    asyncio.run(play())


@pytest.mark.skipif(shutil.which("oscdump") is None, reason="liblo-tools are not installed")
def test_oscdump_reads_what_listeners_hear(open_session):
    async def play():
        async with open_session() as (session, peer):
            free = session.peer()
            port = free.port
            free.close()
            dump = await asyncio.create_subprocess_exec("oscdump", "-L", str(port), stdout=subprocess.PIPE)
            try:
                await peer.ask("/listeners/add", port)
                line = b""
                for attempt in range(100):  # until oscdump has opened its port
                    session.server.parameter_changed("/pan", 0.5 + attempt, "midi:keys")
                    session.server.parameter_changed("/gain", -6.0, "midi:keys")
                    try:
                        line = await asyncio.wait_for(dump.stdout.readline(), 0.1)
                        break
                    except TimeoutError:
                        continue
                assert b"/pan f" in line
            finally:
                dump.terminate()
                await dump.wait()

    asyncio.run(play())


def python_osc_bundle(when: float, *messages: tuple[str, tuple[object, ...]]):
    bundle = OscBundleBuilder(when)
    for address, arguments in messages:
        message = OscMessageBuilder(address)
        for argument in arguments:
            message.add_arg(argument)
        bundle.add_content(message.build())
    return bundle.build()


def test_python_osc_sends_messages_and_reads_answers(open_session):
    async def play():
        async with open_session() as (session, peer):
            with SimpleUDPClient("127.0.0.1", session.server.port) as client:
                client.send_message("/pca/1", 1.5)
                client.send_message("/pedal", True)
                client.send_message("/latent/mix", ["bright", 0.25, "warm", 1])
                client.send_message("/pca/1", None)
                await peer.messages()
                answer = OscMessage(client.receive())
            assert (answer.address, answer.params) == ("/pca/1", [1.5])
            names = [type(command).__name__ for command in session.surface.commands]
            assert names == ["SetParameter", "SetParameter", "LatentAnchors"]

    asyncio.run(play())


def test_python_osc_bundles_are_timed(open_session):
    async def play():
        async with open_session() as (session, peer):
            due_ns = time.monotonic_ns() + 150_000_000
            bundle = python_osc_bundle(time.time() + 0.15, ("/note", (60, 0.5)), ("/gain", (-3.0,)))
            with SimpleUDPClient("127.0.0.1", session.server.port) as client:
                client.send(bundle)
                client.send(python_osc_bundle(IMMEDIATELY, ("/pan", (0.5,))))
                await peer.messages()
            note, pan = session.surface.commands
            assert abs(note.stamp_ns - due_ns) < 5_000_000
            assert pan == SetParameter("/pan", 0.5, note.source)
            await peer.messages(0.3)
            assert session.surface.commands[2] == SetParameter("/gain", -3.0, note.source)

    asyncio.run(play())
