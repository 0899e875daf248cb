"""The parser against an independent encoder, and against rubbish."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from daemon.osc.codec import (
    MAX_ARGUMENTS,
    MAX_ELEMENTS,
    Impulse,
    Message,
    OscError,
    TimeTag,
    encode_bundle,
    encode_message,
    encode_replies,
    parse_packet,
)

BUNDLE = b"#bundle\0"
NOW = (1).to_bytes(8)
addresses = st.from_regex(r"(/[a-z0-9_.-]{1,12}){1,4}", fullmatch=True)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)
floats = st.floats(allow_nan=False, allow_infinity=False, width=32)
ints = st.integers(-(2**31), 2**31 - 1)
replies = st.tuples(addresses, st.lists(st.one_of(ints, floats, texts), max_size=6).map(tuple))


def pad(data: bytes) -> bytes:
    return data + b"\0" * (4 - len(data) % 4)


def element(data: bytes) -> bytes:
    return struct.pack(">i", len(data)) + data


def raw(tags: str, body: bytes = b"", address: bytes = b"/x") -> bytes:
    return pad(address) + pad(b"," + tags.encode()) + body


@given(addresses, st.lists(st.tuples(st.sampled_from("ifsbhdTFNm"), ints, floats, texts), max_size=20))
def test_messages_built_by_python_osc_are_read_as_they_were_meant(address, rows):
    builder, expected = OscMessageBuilder(address), []
    for tag, whole, fraction, text in rows:
        choices = {
            "i": whole,
            "h": whole << 20,
            "f": fraction,
            "d": fraction / 3,
            "s": text,
            "b": text.encode() + b"x",
        }
        value = choices.get(tag, {"T": True, "F": False, "N": None, "m": (1, 2, 3, 4)}.get(tag))
        builder.add_arg(value, tag)
        expected.append(bytes(value) if tag == "m" else value)
    assert parse_packet(builder.build().dgram) == [Message(address, tuple(expected), None)]


@given(replies)
def test_python_osc_reads_what_we_encode(reply):
    address, arguments = reply
    message = OscMessage(encode_message(address, arguments))
    assert (message.address, tuple(message.params)) == (address, arguments)


@given(st.lists(replies, min_size=1, max_size=60))
def test_replies_come_back_in_order_and_in_small_datagrams(rows):
    datagrams = list(encode_replies(rows))
    assert all(len(datagram) < 1400 or len(parse_packet(datagram)) == 1 for datagram in datagrams)
    assert [(m.address, m.arguments) for data in datagrams for m in parse_packet(data)] == rows


def test_rare_types_are_read():
    body = (
        struct.pack(">Q", 7)
        + pad(b"sym")
        + struct.pack(">I", ord("q"))
        + b"\1\2\3\4"
        + struct.pack(">ii", 5, 6)
    )
    (message,) = parse_packet(raw("tScrI[i[i]]", body))
    assert message.arguments == (TimeTag(7), "sym", "q", b"\1\2\3\4", Impulse.BANG, (5, (6,)))


def test_a_missing_type_string_without_arguments_is_tolerated():
    assert parse_packet(pad(b"/gain")) == [Message("/gain", (), None)]


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        (b"", "0 bytes"),
        (b"/x\0", "multiple of 4"),
        (b"\0" * 65_540, "65540 bytes"),
        (b"rubbish\0", "begin with '/'"),
        (b"/\xff\xfe\0", "printable ASCII"),
        (b"/a b\0\0\0\0", "printable ASCII"),
        (b"/abc", "without an end"),
        (b"/" + b"a" * 300 + b"\0\0\0", "longer than 256"),
        (b"/x\0\0\0\0\0\1", "without a type string"),
        (raw("Q"), "'Q' is unknown"),
        (raw("i"), "inside argument 1 ('i')"),
        (raw("if", b"\0\0\0\1"), "inside argument 2 ('f')"),
        (raw("t", b"\0\0\0\1"), "inside argument 1 ('t')"),
        (raw("f", struct.pack(">f", math.nan)), "nan"),
        (raw("d", struct.pack(">d", -math.inf)), "-inf"),
        (raw("s", b"\xff\xfe\0\0"), "not UTF-8"),
        (raw("s", b"abcd"), "without an end"),
        (raw("b", struct.pack(">i", -4)), "blob of -4"),
        (raw("b", struct.pack(">i", 2**31 - 1)), "blob of 2147483647"),
        (raw("c", struct.pack(">I", 0xD800)), "not a character"),
        (raw("["), "array without an end"),
        (raw("]"), "out of place"),
        (raw("[" * 9 + "]" * 9), "out of place"),
        (raw("T" * (MAX_ARGUMENTS + 1)), "more than 256 arguments"),
        (raw("[]" * 1000), "more than 256 arguments"),
        (BUNDLE, "without a time tag"),
        (BUNDLE + NOW + struct.pack(">i", -4), "element of -4 bytes"),
        (BUNDLE + NOW + struct.pack(">i", 0), "element of 0 bytes"),
        (BUNDLE + NOW + struct.pack(">i", 6) + b"\0" * 8, "element of 6 bytes"),
        (BUNDLE + NOW + struct.pack(">i", 2**31 - 4), "element of 2147483644 bytes"),
    ],
)
def test_unreadable_packets_are_refused_in_words(packet, words):
    with pytest.raises(OscError, match=words.replace("(", r"\(").replace(")", r"\)").replace("[", r"\[")):
        parse_packet(packet)


def test_the_refusal_names_the_address_where_it_was_readable():
    with pytest.raises(OscError) as refusal:
        parse_packet(raw("Q", address=b"/filter"))
    assert refusal.value.address == "/filter"


@pytest.mark.parametrize(
    "bad", [raw("Q"), raw("i"), b"rubbish\0", BUNDLE + NOW + struct.pack(">i", -4), BUNDLE]
)
def test_one_bad_element_does_not_lose_its_neighbours(bad):
    faults: list[OscError] = []
    good = [encode_message("/a", (1,)), encode_message("/b", (2,))]
    messages = parse_packet(encode_bundle([good[0], bad, good[1]]), faults)
    assert [message.address for message in messages] == ["/a", "/b"]
    assert len(faults) == 1


def test_what_follows_a_wrong_size_is_lost_but_not_what_came_before_or_outside():
    inner = encode_bundle([encode_message("/a")]) + struct.pack(">i", -4) + encode_message("/lost")
    faults: list[OscError] = []
    messages = parse_packet(encode_bundle([inner, encode_message("/b")]), faults)
    assert [message.address for message in messages] == ["/a", "/b"]
    assert len(faults) == 1


def test_bundles_nest_eight_deep_and_no_deeper():
    packet = encode_message("/x")
    for _ in range(8):
        packet = encode_bundle([packet])
    assert parse_packet(packet) == [Message("/x", (), None)]
    with pytest.raises(OscError, match="nested deeper"):
        parse_packet(encode_bundle([packet]))


def test_an_inner_bundle_is_never_due_before_the_outer_one():
    inner = [encode_bundle([encode_message(f"/{tag}")], tag) for tag in (1, 500, 2000)]
    messages = parse_packet(encode_bundle(inner, 1000))
    assert [(message.address, message.time_tag) for message in messages] == [
        ("/1", 1000),
        ("/500", 1000),
        ("/2000", 2000),
    ]


def test_more_messages_than_the_limit_are_cut_off_with_a_fault():
    faults: list[OscError] = []
    messages = parse_packet(encode_bundle([encode_message("/x")] * (MAX_ELEMENTS + 5)), faults)
    assert len(messages) == MAX_ELEMENTS
    assert "more than 1024" in str(faults[0])


def python_osc_bundle() -> bytes:
    outer, inner = OscBundleBuilder(1), OscBundleBuilder(1)
    for builder, address in ((inner, "/inner/x"), (outer, "/note")):
        message = OscMessageBuilder(address)
        for value, tag in ((60, "i"), (0.5, "f"), ("text", "s"), (b"blob!", "b"), (2**40, "h"), (True, "T")):
            message.add_arg(value, tag)
        builder.add_content(message.build())
    outer.add_content(inner.build())
    return outer.build().dgram


VALID = python_osc_bundle()


def read_or_refuse(data: bytes) -> list[Message]:
    try:
        return parse_packet(data)
    except OscError:
        return []


def test_a_packet_cut_anywhere_is_read_in_part_or_refused():
    assert len(parse_packet(VALID)) == 2
    for end in range(len(VALID)):
        assert len(read_or_refuse(VALID[:end])) <= 2


@settings(max_examples=500)
@given(st.binary(max_size=400))
def test_random_bytes_are_read_or_refused(data):
    read_or_refuse(data)
    read_or_refuse(pad(b"/x") + b"," + data)
    read_or_refuse(BUNDLE + NOW + data)


@settings(max_examples=500)
@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_mutated_packets_are_read_or_refused_and_hold_only_clean_values(changes):
    data = bytearray(VALID)
    for place, value in changes:
        data[place] = value
    for message in read_or_refuse(bytes(data)):
        assert message.address.isascii()
        assert message.address.startswith("/")
        assert all(math.isfinite(value) for value in message.arguments if isinstance(value, float))


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "packet",
    [
        BUNDLE + NOW + struct.pack(">i", -4) * 16_000,
        BUNDLE + NOW + (element(BUNDLE + NOW)) * 3_000,
        BUNDLE + NOW + element(b"/" * 60) * 1_000,
        raw("s" * 250, b"a\0\0\0" * 16_000),
        raw("[]" * 32_000),
        raw("[" * 65_000),
        pad(b"/" + b"*" * 250) + b"\0" * 65_000,
        (BUNDLE + NOW + struct.pack(">i", 65_000)) * 3_000,
    ],
)
def test_hostile_packets_of_full_size_come_to_an_end(packet):
    read_or_refuse(packet[:65_536])


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e300])
def test_numbers_that_cannot_be_sent_are_refused(value):
    with pytest.raises(OscError, match="32-bit"):
        encode_message("/x", (value,))


def test_text_with_anything_in_it_can_be_sent():
    (message,) = parse_packet(encode_message("/x", ("a\0b", "\ud800", "é", 2**40)))
    assert message.arguments == ("a b", "?", "é", float(2**40))
