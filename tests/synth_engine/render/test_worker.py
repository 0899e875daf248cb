from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from synth_engine.abi import SLOT_COUNT, SLOT_FRAMES, SLOT_GUARD_FRAMES, SLOT_STRIDE_FRAMES
from synth_engine.generator.entry import Entry
from synth_engine.generator.model_folder import load_model
from synth_engine.generator.spectral import DEFAULT, waves_to_spectrograms
from synth_engine.generator.tracks import Tracks, partial_tracks
from synth_engine.render.protocol import (
    MAX_FRAME_BYTES,
    POINTS_KEPT,
    LoadModel,
    Message,
    NotesRendered,
    PartRendered,
    RenderFailed,
    RenderNotes,
    RenderPart,
    SetPoint,
    Stop,
    WorkerReady,
    decode,
    encode,
)
from synth_engine.render.worker import EXIT_BAD_STREAM, NoteMaker, Worker, levelled

SOUND = slice(SLOT_GUARD_FRAMES, SLOT_GUARD_FRAMES + SLOT_FRAMES)


class ToySource:
    """Renders a sine whose level is the mean of the hook; NaN for a hook that holds one."""

    def waves(self, hooks: NDArray[np.float32], pitches: NDArray[np.float64]) -> NDArray[np.float32]:
        seconds = np.arange(64_000) / 16_000
        hz = 440.0 * 2.0 ** ((pitches[:, None] - 69.0) / 12.0)
        return (np.sin(2 * np.pi * hz * seconds) * hooks.mean()).astype(np.float32)

    def tracks(self, hook: NDArray[np.float32], pitch: float) -> Tracks:
        wave = self.waves(hook[None], np.array([pitch]))
        return partial_tracks(waves_to_spectrograms(wave)[0], pitch, DEFAULT)


class ControlEnd:
    """Control's end of a worker that runs in a thread of the test."""

    def __init__(self, folder: Path, model_path: Path) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(20.0)
        self.socket = ours
        self.pool_path = folder / "pool.shm"
        self.pool = np.memmap(self.pool_path, np.float32, "w+", shape=(SLOT_COUNT, SLOT_STRIDE_FRAMES))
        self.model = load_model(model_path)
        self.model_path = model_path
        self.status = -1

        def opener(path: Path, threads: int, cache: Path | None) -> tuple[NoteMaker, str]:
            model = load_model(path)
            return NoteMaker(Entry(model), ToySource(), model.latent_size), model.digest

        def run() -> None:
            with theirs:
                self.status = Worker(theirs, opener).run()

        self.thread = threading.Thread(target=run)
        self.thread.start()

    def ask(self, message: Message) -> Message:
        self.socket.sendall(encode(message))
        return self.answer()

    def answer(self) -> Message:
        length = int.from_bytes(self._read(4), "little")
        return decode(self._read(length))

    def _read(self, count: int) -> bytes:
        data = self.socket.recv(count, socket.MSG_WAITALL)
        assert len(data) == count
        return data

    def load(self) -> Message:
        return self.ask(LoadModel(str(self.model_path), str(self.pool_path), ""))

    def ended(self) -> int:
        self.thread.join(20.0)
        assert not self.thread.is_alive()
        return self.status

    def silent_point(self, number: int) -> SetPoint:
        """A point whose hook has the mean 0."""
        latent = np.zeros(self.model.latent_size, np.float32)
        hook = Entry(self.model).activate(latent[None], np.array([69.0]))[0]
        return SetPoint(number, latent, -hook)

    def point(self, number: int, offset: float | None = None) -> SetPoint:
        latent = np.zeros(self.model.latent_size, np.float32)
        shape = self.model.hook_shape
        offsets = np.zeros(0, np.float32) if offset is None else np.full(shape, offset, np.float32)
        return SetPoint(number, latent, offsets)


@pytest.fixture
def control(tmp_path: Path, model_path: Path) -> Iterator[ControlEnd]:
    end = ControlEnd(tmp_path, model_path)
    yield end
    end.socket.close()
    end.ended()


def test_a_request_is_answered_with_sound_between_silent_guards(control: ControlEnd) -> None:
    ready = control.load()
    assert isinstance(ready, WorkerReady)
    assert ready.digest == control.model.digest
    control.pool[3] = 7.0
    control.socket.sendall(encode(control.point(1, offset=1.0)))
    answer = control.ask(RenderNotes(5, 1, [69.0], [3]))
    assert isinstance(answer, NotesRendered)
    assert (answer.request, answer.point, answer.pitches, answer.slots) == (5, 1, [69.0], [3])
    assert answer.peaks[0] == pytest.approx(np.abs(control.pool[3]).max())
    row = control.pool[3]
    assert not row[:SLOT_GUARD_FRAMES].any()
    assert not row[-SLOT_GUARD_FRAMES:].any()
    spectrum = np.abs(np.fft.rfft(row[SOUND]))
    assert np.argmax(spectrum) * 32_000 / SLOT_FRAMES == pytest.approx(440.0)


def test_no_other_slot_is_touched(control: ControlEnd) -> None:
    control.load()
    control.pool[:] = 7.0
    control.socket.sendall(encode(control.point(1)))
    control.ask(RenderNotes(1, 1, [60.0, 61.0], [10, 12]))
    touched = {slot for slot in range(SLOT_COUNT) if (control.pool[slot] != 7.0).any()}
    assert touched == {10, 12}


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (RenderNotes(1, 9, [60.0], [0]), "point 9 is unknown"),
        (RenderNotes(1, 1, [60.0], [SLOT_COUNT]), "slot 256"),
        (RenderNotes(1, 1, [60.0], [-1]), "slot -1"),
        (RenderNotes(1, 1, [60.0, 61.0], [1]), "2 pitches for 1 slots"),
        (RenderNotes(1, 1, [float("nan")], [1]), "pitch nan"),
        (RenderNotes(1, 1, [128.0], [1]), "pitch 128"),
        (RenderPart(1, 9, 60.0, 1, 0), "point 9 is unknown"),
        (RenderPart(1, 1, 128.0, 1, 0), "pitch 128"),
        (RenderPart(1, 1, 60.0, 0, 0), "part 0"),
        (RenderPart(1, 1, 60.0, 1, SLOT_COUNT), "slot 256"),
    ],
)
def test_a_request_that_cannot_be_is_refused_in_words(
    control: ControlEnd, request_: RenderNotes | RenderPart, words: str
) -> None:
    control.load()
    control.socket.sendall(encode(control.point(1)))
    answer = control.ask(request_)
    assert isinstance(answer, RenderFailed)
    assert answer.request == 1
    assert words in answer.summary
    assert "Traceback" in answer.traceback_text
    assert isinstance(control.ask(RenderNotes(2, 1, [60.0], [1])), NotesRendered)


def test_a_part_is_answered_with_sound_and_where_it_takes_over(control: ControlEnd) -> None:
    control.load()
    control.socket.sendall(encode(control.point(1, offset=1.0)))
    answer = control.ask(RenderPart(5, 1, 69.0, 1, 3))
    assert isinstance(answer, PartRendered)
    assert answer.request == 5
    assert 2.0 < answer.leave_s < 3.0
    assert answer.peak == pytest.approx(np.abs(control.pool[3]).max())
    assert 0.5 < answer.peak < 1.0
    row = control.pool[3]
    assert not row[:SLOT_GUARD_FRAMES].any()
    assert not row[-SLOT_GUARD_FRAMES:].any()
    assert {slot for slot in range(SLOT_COUNT) if control.pool[slot].any()} == {3}


def test_a_part_of_silence_is_told_as_its_end(control: ControlEnd) -> None:
    control.load()
    control.pool[4] = 7.0
    control.socket.sendall(encode(control.silent_point(1)))
    answer = control.ask(RenderPart(5, 1, 69.0, 1, 4))
    assert isinstance(answer, PartRendered)
    assert answer.peak == 0.0
    assert (control.pool[4] == 7.0).all()


def test_a_part_of_what_is_not_a_number_fails(control: ControlEnd) -> None:
    control.load()
    control.pool[4] = 7.0
    control.socket.sendall(encode(control.point(1, offset=float("nan"))))
    answer = control.ask(RenderPart(1, 1, 69.0, 1, 4))
    assert isinstance(answer, RenderFailed)
    assert "NaN" in answer.summary
    assert (control.pool[4] == 7.0).all()


def test_a_note_that_is_not_a_number_fails_and_leaves_the_slot_alone(control: ControlEnd) -> None:
    control.load()
    control.pool[4] = 7.0
    control.socket.sendall(encode(control.point(1, offset=float("nan"))))
    answer = control.ask(RenderNotes(1, 1, [60.0], [4]))
    assert isinstance(answer, RenderFailed)
    assert "NaN" in answer.summary
    assert (control.pool[4] == 7.0).all()


def test_a_point_that_does_not_fit_the_model_fails_when_it_is_used(control: ControlEnd) -> None:
    control.load()
    control.socket.sendall(encode(SetPoint(1, np.zeros(3, np.float32))))
    answer = control.ask(RenderNotes(1, 1, [60.0], [4]))
    assert isinstance(answer, RenderFailed)
    assert "latent of 3" in answer.summary


def test_only_the_last_points_are_kept(control: ControlEnd) -> None:
    control.load()
    for number in range(POINTS_KEPT + 1):
        control.socket.sendall(encode(control.point(number)))
    assert isinstance(control.ask(RenderNotes(1, 0, [60.0], [0])), RenderFailed)
    assert isinstance(control.ask(RenderNotes(2, 1, [60.0], [0])), NotesRendered)


def test_a_request_before_the_model_fails(control: ControlEnd) -> None:
    assert isinstance(control.ask(RenderNotes(1, 1, [60.0], [0])), RenderFailed)


def test_a_model_that_cannot_be_loaded_is_said_and_ends_the_worker(
    control: ControlEnd, tmp_path: Path
) -> None:
    answer = control.ask(LoadModel(str(tmp_path / "nowhere"), str(control.pool_path), ""))
    assert isinstance(answer, RenderFailed)
    assert answer.request == -1
    assert "nowhere" in answer.summary
    assert control.ended() == EXIT_BAD_STREAM


def test_stop_ends_the_worker(control: ControlEnd) -> None:
    control.socket.sendall(encode(Stop()))
    assert control.ended() == 0


def test_the_end_of_the_stream_ends_the_worker(control: ControlEnd) -> None:
    control.socket.sendall(b"\x05\x00")
    control.socket.shutdown(socket.SHUT_WR)
    assert control.ended() == 0


@pytest.mark.parametrize(
    "rubbish",
    [
        (MAX_FRAME_BYTES + 1).to_bytes(4, "little"),
        b"\xff" * 64,
        (3).to_bytes(4, "little") + b"abc",
        (5).to_bytes(4, "little") + b"\x63\x00\x00\x00\x00",
        encode(RenderFailed(1, "", "")),
    ],
)
def test_rubbish_ends_the_worker(control: ControlEnd, rubbish: bytes) -> None:
    control.socket.sendall(rubbish)
    assert control.ended() == EXIT_BAD_STREAM


@pytest.mark.parametrize(("peak", "expected"), [(0.4, 0.95), (2.0, 0.95), (0.01, 0.04), (0.0, 0.0)])
def test_notes_are_brought_to_one_level_but_silence_is_not_blown_up(peak: float, expected: float) -> None:
    tone = (peak * np.sin(np.arange(320) * np.pi / 8)).astype(np.float32)
    assert np.abs(levelled(tone)).max() == pytest.approx(expected, rel=1e-3)
