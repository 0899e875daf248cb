from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_engine.render.protocol import (
    LoadModel,
    Message,
    NotesRendered,
    PartRendered,
    ProtocolError,
    RenderFailed,
    RenderNotes,
    RenderPart,
    SetPoint,
    Stop,
    WorkerReady,
    decode,
    encode,
)

floats = st.floats(allow_nan=False, width=32)
arrays = st.lists(floats, max_size=40).map(lambda values: np.array(values, np.float32))
integers = st.integers(-(2**53), 2**53)
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(LoadModel, st.text(), st.text(), st.text(), integers),
    st.builds(SetPoint, integers, arrays, arrays),
    st.builds(RenderNotes, integers, integers, st.lists(floats), st.lists(integers)),
    st.builds(RenderPart, integers, integers, floats, integers, integers),
    st.builds(PartRendered, integers, floats, floats, floats, floats),
    st.builds(Stop),
    st.builds(WorkerReady, st.text(), st.text(), floats),
    st.builds(
        NotesRendered, integers, integers, st.lists(floats), st.lists(integers), st.lists(floats), floats
    ),
    st.builds(RenderFailed, integers, st.text(), st.text()),
)


@given(messages)
def test_every_message_comes_back_as_it_was_sent(message: Message) -> None:
    frame = encode(message)
    assert struct.unpack_from("<I", frame)[0] == len(frame) - 4
    back = decode(frame[4:])
    assert type(back) is type(message)
    for name, value in vars(message).items():
        assert np.array_equal(getattr(back, name), value)


@given(st.binary(max_size=200))
def test_rubbish_is_refused_and_nothing_else_happens(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(body)


@given(messages, st.data())
def test_a_cut_frame_is_refused(message: Message, data: st.DataObject) -> None:
    body = encode(message)[4:]
    with pytest.raises(ProtocolError):
        decode(body[: data.draw(st.integers(0, len(body) - 1))])


def frame_body(kind: int, fields: object, data: bytes = b"") -> bytes:
    text = json.dumps(fields).encode()
    return struct.pack("<BI", kind, len(text)) + text + data


@pytest.mark.parametrize(
    "body",
    [
        frame_body(4, {"extra": 1}),
        frame_body(5, {"request": 1, "point": 1, "pitch": 60, "part": 1.5, "slot": 0}),
        frame_body(5, {"request": 1, "point": 1, "pitch": 60, "part": 1}),
        frame_body(19, {"request": 1, "leave_s": "1", "enter_s": 0, "peak": 0, "render_ms": 0}),
        frame_body(4, [1]),
        frame_body(3, {"request": "1", "point": 1, "pitches": [60], "slots": [1]}),
        frame_body(3, {"request": 1, "point": True, "pitches": [60], "slots": [1]}),
        frame_body(3, {"request": 1, "point": 1, "pitches": ["60"], "slots": [1]}),
        frame_body(3, {"request": 1, "point": 1, "pitches": 60, "slots": [1]}),
        frame_body(3, {"request": {"floats": 1}, "point": 1, "pitches": [60], "slots": [1]}, b"1234"),
        frame_body(2, {"point": 1, "latent": [1.0]}),
        frame_body(2, {"point": 1, "latent": {"floats": -1}}),
        frame_body(2, {"point": 1, "latent": {"floats": 2}}, b"1234"),
        frame_body(2, {"point": 1, "latent": {"floats": 1}}, b"12345678"),
        struct.pack("<BI", 4, 20_000) + b"[" * 20_000,
    ],
)
def test_fields_of_another_name_or_type_are_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(body)
