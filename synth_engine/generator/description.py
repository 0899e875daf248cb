"""`model.json` to a `Model` without weights, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth_engine.generator.architecture import Architecture
from synth_engine.generator.model import FORMAT_VERSION, Anchor, Model, ModelError
from synth_engine.generator.spectral import SAMPLE_RATE_HZ
from synth_engine.generator.tensors import parse_json_object

_KIND = "mel_if"
_MOST_BLOCKS = 7
_MOST_CHANNELS = 1024
_LARGEST_LATENT = 4096
_LARGEST_COORDINATE = 1e3  # far outside N(0, 1), far inside float32


def describe(model: Model) -> dict[str, Any]:
    """Return the JSON object of a model."""
    size = model.representation
    return {
        "format_version": FORMAT_VERSION,
        "representation": {
            "kind": _KIND,
            "frames": size.frames,
            "bins": size.bins,
            "wave_frames": size.wave_frames,
            "sample_rate_hz": size.sample_rate_hz,
        },
        "latent_size": model.latent_size,
        "channels": list(model.architecture.channels),
        "harmonic_maps": model.architecture.harmonic_maps,
        "pitches": list(model.pitches),
        "conditions": list(model.conditions),
        "provenance": dict(model.provenance),
        "licence": model.licence,
        "metrics": dict(model.metrics),
        "digest": model.digest,
        "anchors": {name: _describe_anchor(anchor) for name, anchor in model.anchors.items()},
    }


def _describe_anchor(anchor: Anchor) -> dict[str, Any]:
    return {
        "family": anchor.family,
        "lowest_pitch": anchor.lowest_pitch,
        "highest_pitch": anchor.highest_pitch,
        "latent": [round(float(x), 6) for x in anchor.latent],
    }


class _Reader:
    """Takes typed values out of a JSON object, or tells what is wrong with them."""

    def __init__(self, values: dict[str, Any], where: str) -> None:
        self._values = values
        self.where = where

    def fail(self, key: str, expected: str) -> ModelError:
        found = str(self._values.get(key, "nothing"))[:80]
        return ModelError(f"{self.where}: {key}: expected {expected}, found {found}")

    def text(self, key: str) -> str:
        value = self._values.get(key)
        if not isinstance(value, str):
            raise self.fail(key, "a text")
        return value

    def flag(self, key: str) -> bool:
        value = self._values.get(key)
        if not isinstance(value, bool):
            raise self.fail(key, "true or false")
        return value

    def integer(self, key: str, low: int, high: int) -> int:
        value = self._values.get(key)
        if type(value) is not int or not low <= value <= high:
            raise self.fail(key, f"an integer in {low}..{high}")
        return value

    def integers(self, key: str, low: int, high: int) -> tuple[int, ...]:
        value = self._values.get(key)
        if not isinstance(value, list) or not value:
            raise self.fail(key, f"a list of integers in {low}..{high}")
        if not all(type(v) is int and low <= v <= high for v in value):
            raise self.fail(key, f"a list of integers in {low}..{high}")
        return tuple(value)

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._values.get(key)
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.fail(key, "a list of texts")
        return tuple(value)

    def coordinates(self, key: str, size: int) -> NDArray[np.float32]:
        value = self._values.get(key)
        expected = f"{size} numbers within +-{_LARGEST_COORDINATE:g}"
        if not isinstance(value, list) or len(value) != size:
            raise self.fail(key, expected)
        if not all(type(v) in (int, float) and abs(v) <= _LARGEST_COORDINATE for v in value):
            raise self.fail(key, expected)
        return np.array(value, np.float32)

    def reader(self, key: str) -> _Reader:
        value = self._values.get(key)
        if not isinstance(value, dict):
            raise self.fail(key, "an object")
        return _Reader(value, f"{self.where}: {key}")

    def items(self) -> dict[str, Any]:
        return self._values


def parse_description(content: bytes, where: str) -> Model:
    """Read `model.json`; the model's weights are left empty.

    Raises
    ------
    ModelError
        If a key is missing, has another type, or is out of range; unknown keys are ignored.
    """
    reader = _Reader(parse_json_object(content, where), where)
    reader.integer("format_version", 1, FORMAT_VERSION)
    architecture = _architecture(reader)
    anchors = reader.reader("anchors")
    return Model(
        architecture=architecture,
        weights={},
        anchors={name: _anchor(anchors.reader(name), architecture) for name in anchors.items()},
        conditions=reader.texts("conditions"),
        provenance=reader.reader("provenance").items(),
        licence=reader.text("licence"),
        metrics=reader.reader("metrics").items(),
        digest=reader.text("digest"),
    )


def _architecture(reader: _Reader) -> Architecture:
    channels = reader.integers("channels", 1, _MOST_CHANNELS)
    if not 2 <= len(channels) <= _MOST_BLOCKS:
        raise reader.fail("channels", f"2 to {_MOST_BLOCKS} blocks")
    pitches = reader.integers("pitches", 0, 127)
    if pitches != tuple(range(pitches[0], pitches[0] + len(pitches))):
        raise reader.fail("pitches", "consecutive pitches in ascending order")
    representation = reader.reader("representation")
    architecture = Architecture(
        channels=channels,
        latent_size=reader.integer("latent_size", 1, _LARGEST_LATENT),
        pitches=pitches,
        harmonic_maps=reader.flag("harmonic_maps"),
        wave_frames=representation.integer("wave_frames", 1, 1 << 20),
    )
    size = architecture.representation
    if size.padding_frames < 0:
        raise representation.fail("wave_frames", f"at most {size.wave_frames + size.padding_frames}")
    expected = {"frames": size.frames, "bins": size.bins, "sample_rate_hz": SAMPLE_RATE_HZ}
    for key, value in expected.items():
        representation.integer(key, value, value)
    if representation.text("kind") != _KIND:
        raise representation.fail("kind", _KIND)
    return architecture


def _anchor(reader: _Reader, architecture: Architecture) -> Anchor:
    lowest = reader.integer("lowest_pitch", 0, 127)
    return Anchor(
        latent=reader.coordinates("latent", architecture.latent_size),
        family=reader.text("family"),
        lowest_pitch=lowest,
        highest_pitch=reader.integer("highest_pitch", lowest, 127),
    )
