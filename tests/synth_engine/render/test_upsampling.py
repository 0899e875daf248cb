from __future__ import annotations

import numpy as np
import pytest

from synth_engine.render.upsampling import upsample

FRAMES = 64_000


@pytest.mark.parametrize("hz", [55.0, 440.0, 3000.0, 7000.0, 7900.0])
def test_a_tone_keeps_its_frames_and_gets_no_image_above_minus_100_db(hz: float) -> None:
    window = np.hanning(FRAMES)
    tone = (np.sin(2 * np.pi * hz * np.arange(FRAMES) / 16_000) * window).astype(np.float32)
    sound = upsample(tone[None])[0]
    assert sound.dtype == np.float32
    assert np.abs(sound[::2] - tone).max() < 1e-5
    spectrum = np.abs(np.fft.rfft(sound * np.blackman(2 * FRAMES)))
    image = spectrum[np.fft.rfftfreq(2 * FRAMES, 1 / 32_000) > 8050.0].max()
    assert image < 1e-5 * spectrum.max()


def test_an_onset_stays_where_it_is() -> None:
    click = np.zeros((1, FRAMES), np.float32)
    click[0, 1000] = 1.0
    sound = upsample(click)[0]
    assert np.argmax(np.abs(sound)) == 2000
    assert sound[1990:2000] == pytest.approx(sound[2010:2000:-1], abs=1e-6)  # linear phase


def test_the_end_of_a_note_does_not_ring_into_its_beginning() -> None:
    note = np.zeros((1, FRAMES), np.float32)
    note[0, -1] = 1.0
    assert np.abs(upsample(note)[0, :1000]).max() < 1e-3


def test_notes_of_a_batch_are_treated_alike() -> None:
    rng = np.random.default_rng(0)
    notes = rng.standard_normal((3, 4000)).astype(np.float32)
    together = upsample(notes)
    assert together.shape == (3, 8000)
    for note, sound in zip(notes, together, strict=True):
        assert upsample(note[None])[0] == pytest.approx(sound, abs=1e-6)
