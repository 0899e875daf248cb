"""The door on loopback: answers, limits, time tags, listeners, floods and faults."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import time
from errno import EADDRINUSE
from itertools import pairwise
from pathlib import Path

import pytest

from daemon.events import NoteOn, Panic, SetParameter
from daemon.osc.codec import encode_bundle, encode_message, parse_packet
from daemon.osc.endpoints import Endpoint
from daemon.osc.limits import ERROR_BURST, ERRORS_PER_S, MAX_SENDERS, SenderLimits
from daemon.osc.receiving import UdpSocket
from daemon.osc.replies import MAX_QUEUED_DATAGRAMS
from daemon.osc.server import OscPortInUse, OscServer
from daemon.osc.time_tags import MAX_WAITING, NtpClock, unix_ns_to_tag
from mappings.catalogue import CATALOGUE


class FakeClock(NtpClock):
    """Both clocks stand still until moved."""

    def __init__(self) -> None:
        self.now_ns = 7_000_000_000
        super().__init__(lambda: self.now_ns, lambda: self.now_ns + 1_795_000_000 * 10**9)

    def tag(self, ahead_s: float) -> int:
        return unix_ns_to_tag(self.now_ns + 1_795_000_000 * 10**9 + round(ahead_s * 1e9))


def run(play):
    asyncio.run(asyncio.wait_for(play(), 25))


def test_a_port_in_use_is_named_with_a_way_out(open_session):
    async def play():
        async with open_session() as (session, _):
            second = OscServer(session.surface, port=session.server.port)
            with pytest.raises(
                OscPortInUse, match=rf"UDP port {session.server.port} .* --osc-port"
            ) as refusal:
                await second.start()
            assert refusal.value.errno == EADDRINUSE
            second.stop()

    run(play)


@pytest.mark.parametrize("host", ["example.org", "192.0.2.1"])
def test_a_host_that_is_not_this_machine_is_refused(make_surface, host):
    async def play():
        with pytest.raises(OSError, match="OSC"):
            await OscServer(make_surface(), host=host, port=0).start()

    run(play)


def test_the_door_opens_again_after_a_stop(make_surface):
    async def play():
        server = OscServer(make_surface(), port=0)
        await server.start()
        first = server.port
        server.stop()
        server.stop()
        again = OscServer(make_surface(), port=first)
        await again.start()
        again.stop()

    run(play)


def test_what_is_wrong_is_answered_and_counted(open_session):
    async def play():
        async with open_session() as (session, peer):
            assert (await peer.ask("/gian", 1))[0][1] == (
                "/gian",
                "unknown address; did you mean /gain or /pan?",
            )
            peer.send_raw(b"rubbish!")
            ((message),) = await peer.messages()
            assert message.arguments[0] == ""
            assert "must begin with '/'" in message.arguments[1]
            peer.send_raw(encode_bundle([encode_message("/gain", (-3,)), b"/x\0\0,Q\0\0"]))
            ((message),) = await peer.messages()
            assert message.arguments[0] == "/x"
            assert session.surface.values["/gain"] == -3
            assert (session.server.counters.malformed, session.server.counters.errors) == (2, 3)

    run(play)


def test_errors_and_answers_are_never_answered(open_session):
    async def play():
        async with open_session() as (session, peer):
            for address in ("/error", "/pong", "/sync/done"):
                assert await peer.ask(address, "x", "y") == []
            assert session.server.counters.errors == 0

    run(play)


def test_the_daemon_answers_neither_itself_nor_port_zero(open_session, monkeypatch):
    async def play():
        async with open_session() as (session, _):
            sent = []
            monkeypatch.setattr(UdpSocket, "send", lambda _, data, to: sent.append(to) or True)
            replies = session.server._replies
            for port in (0, session.server.port, 9):
                replies.send([("/x", ()), ("/error", ("/x", "y"))], Endpoint("127.0.0.1", port))
            assert sent == [("127.0.0.1", 9)] * 2

    run(play)


def test_error_answers_to_a_flood_are_few(open_session):
    async def play():
        async with open_session() as (session, peer):
            began_s = time.monotonic()
            for _ in range(2000):
                peer.send("/nonsense")
            answers = await peer.datagrams()
            elapsed_s = time.monotonic() - began_s
            assert session.server.counters.errors == 2000
            assert ERROR_BURST <= len(answers) <= ERROR_BURST + ERRORS_PER_S * elapsed_s + 1

    run(play)


def test_long_answers_to_a_flood_are_bounded(open_session):
    async def play():
        async with open_session() as (session, peer):
            began_s = time.monotonic()
            for _ in range(300):
                peer.send("/addresses")
            size_bytes = sum(map(len, await peer.datagrams()))
            elapsed_s = time.monotonic() - began_s
            assert size_bytes <= 262_144 * (1 + elapsed_s) + 1400
            assert session.server.counters.dropped > 0

    run(play)


def test_the_queue_of_long_answers_is_bounded(open_session):
    async def play():
        async with open_session() as (session, _):
            replies = session.server._replies
            for port in range(1, 8):
                replies.send([("/x", ("y" * 1300,))] * 150, Endpoint("127.0.0.1", port))
            assert len(replies._queue) == MAX_QUEUED_DATAGRAMS
            assert session.server.counters.dropped == 7 * 149 - MAX_QUEUED_DATAGRAMS

    run(play)


def test_a_sender_unheard_for_long_is_forgotten():
    limits = SenderLimits()
    first = Endpoint("10.0.0.1", 1)
    while limits.may_reply(first, 10_000, 0):
        pass
    assert not limits.may_reply(first, 10_000, 0)
    for port in range(2, 2 + MAX_SENDERS):
        limits.may_reply(Endpoint("10.0.0.1", port), 1, 0)
    assert limits.may_reply(first, 10_000, 0)


def test_a_broken_handler_is_counted_logged_and_answered(open_session, caplog):
    async def play():
        async with open_session() as (session, peer):
            session.surface.values.clear()  # asking now raises KeyError
            with caplog.at_level(logging.ERROR):
                for _ in range(30):
                    peer.send("/gain")
                answers = await peer.messages()
            assert session.server.counters.failures == 30
            assert len(caplog.records) <= 6
            assert "failed inside the daemon" in answers[0].arguments[1]
            assert (await peer.ask("/ping"))[0][0] == "/pong"

    run(play)


def test_sync_brings_the_whole_state_in_small_datagrams(open_session):
    async def play():
        async with open_session() as (_, peer):
            peer.send("/sync")
            datagrams = await peer.datagrams()
            assert all(len(datagram) < 1400 for datagram in datagrams)
            messages = [message for datagram in datagrams for message in parse_packet(datagram)]
            assert [m.address for m in messages] == [*CATALOGUE, "/latent/random", "/sync/done"]
            assert messages[-1].arguments == (len(messages) - 1,)

    run(play)


def test_a_note_carries_its_arrival(open_session):
    async def play():
        async with open_session() as (session, peer):
            before_ns = time.monotonic_ns()
            peer.send("/note", 60, 100)
            sent_ns = time.monotonic_ns()
            time.sleep(0.05)  # the control thread is busy; the stamp must not suffer
            await peer.messages()
            (note,) = session.surface.commands
            assert before_ns - 200_000 <= note.stamp_ns <= sent_ns + 20_000_000

    run(play)


def test_notes_of_a_future_bundle_carry_the_time_they_are_due(open_session):
    clock = FakeClock()

    async def play():
        async with open_session(clock=clock) as (session, peer):
            for ahead_s in (0.1, 0.3, 0.4 + 1 / 48_000, 0.4):
                peer.send_raw(encode_bundle([encode_message("/note", (60, 100))], clock.tag(ahead_s)))
            await peer.messages()
            stamps = [note.stamp_ns - clock.now_ns for note in session.surface.commands]
            assert stamps == pytest.approx([100_000_000, 300_000_000, 400_020_833, 400_000_000], abs=1)

    run(play)


def test_a_note_far_ahead_waits_and_is_handed_on_in_time(open_session):
    clock = FakeClock()

    async def play():
        async with open_session(clock=clock) as (session, peer):
            due_ns = clock.now_ns + 9_000_000_000
            peer.send_raw(encode_bundle([encode_message("/note", (60, 100))], clock.tag(9)))
            await peer.messages()
            assert session.surface.commands == []
            clock.now_ns += 8_600_000_000
            session.server._release()
            assert session.surface.commands == [
                NoteOn(60, 100 / 127, 0, pytest.approx(due_ns, abs=1), peer.source)
            ]

    run(play)


def test_other_messages_of_a_future_bundle_wait_until_they_are_due(open_session):
    clock = FakeClock()

    async def play():
        async with open_session(clock=clock) as (session, peer):
            peer.send_raw(encode_bundle([encode_message("/gain", (-20,))], clock.tag(0.002)))
            await peer.messages()
            assert session.surface.commands == []
            clock.now_ns += 2_000_001
            await peer.messages()
            assert session.surface.commands == [SetParameter("/gain", -20.0, peer.source)]

    run(play)


def test_late_bundles_are_acted_on_at_once_and_counted(open_session):
    clock = FakeClock()

    async def play():
        async with open_session(clock=clock) as (session, peer):
            for late_s in (0.001, 5.0, 1e9):
                peer.send_raw(encode_bundle([encode_message("/note", (60, 100))], clock.tag(-late_s)))
            await peer.messages()
            stamps = [note.stamp_ns - clock.now_ns for note in session.surface.commands]
            assert stamps == pytest.approx([-1_000_000, 0, 0], abs=1)
            assert session.server.counters.late == 3

    run(play)


@pytest.mark.parametrize("address", ["/note", "/gain"])
def test_too_far_ahead_is_acted_on_at_once_and_said(open_session, address):
    clock = FakeClock()

    async def play():
        async with open_session(clock=clock) as (session, peer):
            peer.send_raw(
                encode_bundle([encode_message(address, (60, 100)[: 1 + (address == "/note")])], clock.tag(11))
            )
            texts = [message.arguments[1] for message in await peer.messages()]
            assert len(session.surface.commands) == 1
            assert "due 11 s ahead, more than 10 s" in texts[0]

    run(play)


def test_only_so_many_messages_wait_and_panic_forgets_them(open_session):
    clock = FakeClock()

    async def play():
        async with open_session(clock=clock) as (session, peer):
            for _ in range(12):
                peer.send_raw(encode_bundle([encode_message("/gain", (-20,))] * 100, clock.tag(5)))
            texts = [message.arguments[1] for message in await peer.messages()]
            assert len(session.surface.commands) == 1200 - MAX_WAITING
            assert "wait for their time already" in texts[0]
            peer.send("/panic")
            await peer.messages()
            assert session.surface.commands[-1] == Panic(peer.source)
            clock.now_ns += 6_000_000_000
            session.server._release()
            assert session.surface.commands[-1] == Panic(peer.source)

    run(play)


def test_a_change_goes_to_listeners_but_not_to_its_source(open_session):
    async def play():
        async with open_session() as (session, peer):
            other = session.peer()
            await peer.ask("/listeners/add")
            await other.ask("/listeners/add")
            assert await peer.ask("/gain", -3) == []
            assert [m.address for m in await other.messages()] == ["/gain"]
            session.server.parameter_changed("/pan", 0.5, "midi:keys")
            assert [m.arguments for m in await peer.messages()] == [(0.5,)]
            assert [m.arguments for m in await other.messages()] == [(0.5,)]

    run(play)


def test_a_sender_that_hears_on_another_port_gets_no_echo(open_session):
    async def play():
        async with open_session() as (session, speaker):
            ear = session.peer()
            await speaker.ask("/listeners/add", ear.port)
            speaker.send("/gain", -3)
            assert await ear.messages() == []
            session.peer().send("/gain", -4)
            assert [m.arguments for m in await ear.messages()] == [(-4.0,)]

    run(play)


def test_a_listener_added_by_somebody_else_gets_no_echo_either(open_session):
    async def play():
        async with open_session() as (session, peer):
            other = session.peer()
            await other.ask("/listeners/add", peer.port)
            assert await peer.ask("/gain", -3) == []
            session.peer().send("/gain", -4)
            assert [m.arguments for m in await peer.messages()] == [(-4.0,)]

    run(play)


def test_changes_are_capped_and_the_newest_wins(open_session):
    async def play():
        async with open_session() as (session, peer):
            await peer.ask("/listeners/add")
            began_s, count = time.monotonic(), 0
            while time.monotonic() < began_s + 0.5:
                count += 1
                session.server.parameter_changed("/pan", count / 1e6, "midi:keys")
                await asyncio.sleep(0.001)
            heard = [m.arguments[0] for m in await peer.messages()]
            elapsed_s = time.monotonic() - began_s
            assert 2 <= len(heard) <= 60 * elapsed_s + 2
            assert len(heard) < count
            assert heard == sorted(heard)
            assert heard[-1] == pytest.approx(count / 1e6)

    run(play)


def test_many_changes_at_once_travel_together(open_session):
    async def play():
        async with open_session() as (session, peer):
            await peer.ask("/listeners/add")
            for path in CATALOGUE:
                session.server.parameter_changed(path, 0.5, "state")
            datagrams = await peer.datagrams()
            assert len(datagrams) == 1
            assert len(parse_packet(datagrams[0])) == len(CATALOGUE)

    run(play)


def test_the_daemon_refuses_to_listen_to_itself(make_surface):
    async def play():
        server = OscServer(make_surface(), host="0.0.0.0", port=0)
        await server.start()
        try:
            for host in ("127.0.0.1", "127.0.0.2"):
                with pytest.raises(ValueError, match="cannot listen to itself"):
                    server.listeners.add(Endpoint(host, server.port), "osc:x")
            server.listeners.add(Endpoint("192.0.2.7", server.port), "osc:x")
        finally:
            server.stop()

    run(play)


def test_what_the_system_threw_away_is_counted(open_session):
    async def play():
        async with open_session() as (session, peer):
            for _ in range(30_000):  # more than the receive buffer holds
                peer.send("/note", 60, 100)
            await peer.messages()
            counters = session.server.counters
            assert counters.lost > 0
            assert counters.received + counters.lost == peer.sent

    run(play)


def test_the_door_can_be_an_ipv6_one(make_surface):
    async def play():
        server = OscServer(make_surface(), host="::1", port=0)
        try:
            await server.start()
        except OSError:
            pytest.skip("no IPv6 on this machine")
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as peer:
            peer.setblocking(False)
            peer.connect(("::1", server.port))
            peer.send(encode_message("/listeners/add"))
            (answer,) = parse_packet(await loop.sock_recv(peer, 1500))
            assert answer.arguments == (f"[::1]:{peer.getsockname()[1]}",)
        server.stop()

    run(play)


def test_changes_before_the_start_are_nobodys_business(make_surface):
    OscServer(make_surface()).parameter_changed("/gain", 1.0, "state")


def flood_packets() -> list[bytes]:
    good = encode_message("/note", (60, 100))
    return [
        good,
        encode_message("/pca/*", (0.5,)),
        encode_message("/nonsense/address"),
        encode_message("/addresses"),
        encode_bundle([good] * 30, unix_ns_to_tag(time.time_ns() + 5_000_000_000)),
        encode_bundle([good, b"/x\0\0,Q\0\0"]),
        b"\xff" * 64,
        b"#bundle\0" + (1).to_bytes(8) + b"\xff\xff\xff\xfc",
    ]


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory figure from /proc")
def test_a_flood_of_one_second_starves_nobody_and_leaves_nothing_behind(open_session):
    async def play():
        async with open_session() as (session, peer):
            server, packets, flooder = session.server, flood_packets(), session.peer()
            sent, beats, before_bytes = 0, 0, resident_bytes()
            end_s = time.monotonic() + 1.0
            while time.monotonic() < end_s:
                for _ in range(20):
                    flooder.send_raw(packets[sent % len(packets)])
                    sent += 1
                session.surface.commands.clear()
                await asyncio.sleep(0)
                beats += 1
                assert len(server._ready) <= 1024
                assert len(server._waiting) <= MAX_WAITING
            while server.counters.received + server.counters.lost < sent:
                session.surface.commands.clear()
                await asyncio.sleep(0.01)
            assert beats > 10
            assert server.counters.failures == 0
            assert resident_bytes() - before_bytes < 16 * 2**20
            assert ("/pong", ()) in await peer.ask("/ping")

    run(play)


class SteppingClock(NtpClock):
    """Every look at it takes 0.1 ms, as if each message took that long."""

    def __init__(self) -> None:
        self.now_ns = 0
        super().__init__(self.step, lambda: self.now_ns)

    def step(self) -> int:
        self.now_ns += 100_000
        return self.now_ns


@pytest.mark.parametrize("is_bundle", [True, False])
def test_others_have_their_turn_while_many_messages_are_acted_on(open_session, is_bundle):
    async def play():
        async with open_session(clock=SteppingClock()) as (session, peer):
            note, done = encode_message("/note", (60, 100)), session.surface.commands
            for packet in [encode_bundle([note] * 1000)] if is_bundle else [note] * 1000:
                peer.send_raw(packet)
            turns = [0]
            while len(done) < 1000:
                await asyncio.sleep(0)
                turns.append(len(done))
            assert max(after - before for before, after in pairwise(turns)) <= 40

    run(play)
