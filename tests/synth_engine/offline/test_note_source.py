"""Notes from the network: each once, in order, as long as asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from synth_engine.generator.random_model import make_random_model
from synth_engine.generator.runtime import Entry, NoteRenderer
from synth_engine.offline import note_source
from synth_engine.offline.note_source import NoteRequest, NoteSource
from synth_engine.render.worker import levelled

LATENT = np.linspace(-1.0, 1.0, 8, dtype=np.float32)


def test_a_note_is_the_renderers_brought_to_one_peak(source: NoteSource) -> None:
    hooks = Entry(source.model).activate(LATENT[None], np.array([60.0]))
    expected = NoteRenderer(source.model).waves(hooks, np.array([60.0]))[0]
    (wave,) = source.render([NoteRequest(LATENT, 60)])
    np.testing.assert_allclose(wave, levelled(expected), rtol=1e-5, atol=1e-5)


def test_equal_requests_are_rendered_once(source: NoteSource) -> None:
    offset = np.zeros(source.model.hook_shape, np.float32)
    requests = [
        NoteRequest(LATENT, 60), NoteRequest(LATENT, 61), NoteRequest(LATENT.copy(), 60.0, seconds=1.0),
        NoteRequest(LATENT, 60, offset=offset + 0.5),
    ]  # fmt: skip
    waves = source.render(requests)
    assert waves[0] is waves[2]
    assert np.abs(waves[0] - waves[3]).max() > 1e-3
    assert np.abs(waves[0] - waves[1]).max() > 1e-3


def test_longer_notes_begin_as_the_shorter_ones_do(source: NoteSource) -> None:
    short, long = source.render([NoteRequest(LATENT, 60), NoteRequest(LATENT, 60, seconds=7.0)])
    assert len(short) == 4 * source.rate_hz
    assert len(long) == pytest.approx(8 * source.rate_hz, abs=512)
    same = slice(0, int(2.7 * source.rate_hz))
    gain = np.abs(short[same]).max() / np.abs(long[same]).max()
    np.testing.assert_allclose(long[same] * gain, short[same], atol=1e-3)


def test_more_threads_give_the_same_notes(source: NoteSource, tmp_path: Path) -> None:
    make_random_model(tmp_path)
    requests = [NoteRequest(LATENT, pitch) for pitch in range(40, 60)]
    for one, other in zip(
        source.render(requests), NoteSource(tmp_path, threads=3).render(requests), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_only_what_comes_again_is_kept(source: NoteSource, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = []
    real = source._wave
    monkeypatch.setattr(source, "_wave", lambda request: rendered.append(request.pitch) or real(request))
    monkeypatch.setattr(note_source, "_NOTES_KEPT", 3)
    pitches = [*range(40, 60), 40]  # 40 has been forgotten meanwhile
    waves = source.render([NoteRequest(LATENT, pitch) for pitch in [*pitches, *range(40, 60)]])
    np.testing.assert_array_equal(waves[0], waves[20])
    assert len(rendered) > 20


def test_progress_is_told_and_interruption_ends_the_threads(source: NoteSource) -> None:
    told: list[tuple[int, int]] = []

    def interrupted(done: int, total: int) -> None:
        told.append((done, total))
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        source.render([NoteRequest(LATENT, pitch) for pitch in range(24, 85)], interrupted)
    assert told == [(1, 61), (2, 61), (3, 61)]


def test_a_point_of_another_model_is_refused(source: NoteSource) -> None:
    with pytest.raises(ValueError, match="latents"):
        source.render([NoteRequest(LATENT[:5], 60)])


def test_models_without_harmonic_maps_hold_notes_too(tmp_path: Path) -> None:
    make_random_model(tmp_path, harmonic_maps=False)
    stream: Iterator[np.ndarray] = NoteSource(tmp_path, threads=1).stream(
        [NoteRequest(LATENT, 60, seconds=6.0)]
    )
    wave = next(stream)
    assert len(wave) == pytest.approx(7 * 16_000, abs=512)
    assert np.isfinite(wave).all()
