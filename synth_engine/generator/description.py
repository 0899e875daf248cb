"""`model.json` to a `Model` without weights, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from synth_engine.generator.architecture import Architecture
from synth_engine.generator.conditions import (
    MOST_ROWS,
    Condition,
    ConditionError,
    ConditionRows,
    names_of,
    vector_of,
)
from synth_engine.generator.fields import FieldReader
from synth_engine.generator.model import FORMAT_VERSION, Anchor, Model, ModelError
from synth_engine.generator.spectral import SAMPLE_RATE_HZ, Kind
from synth_engine.generator.tensors import parse_json_object

_KINDS: dict[str, Kind] = {"mel_if": "mel", "linear_if": "linear", "linear_phase": "phase"}  # in files: here
_MOST_BLOCKS = 8
_MOST_CHANNELS = 1024
_LARGEST_LATENT = 4096
_LARGEST_IMAGE = 1 << 20  # frames x bins
_MOST_BINS = 4096
_MOST_VOICING = 64


def describe(model: Model) -> dict[str, Any]:
    """Return the JSON object of a model."""
    architecture, size = model.architecture, model.representation
    return {
        "format_version": FORMAT_VERSION,
        "representation": {
            "kind": next(name for name, kind in _KINDS.items() if kind == size.kind),
            "frames": size.frames,
            "bins": size.bins,
            "wave_frames": size.wave_frames,
            "sample_rate_hz": size.sample_rate_hz,
            "scale": list(architecture.scale),
            "offset": list(architecture.offset),
        },
        "latent_size": model.latent_size,
        "channels": list(architecture.channels),
        "start": [architecture.start_frames, architecture.start_bins],
        "resolutions": architecture.resolutions,
        "blend": list(architecture.blend),
        "harmonic_maps": architecture.harmonic_maps,
        "voicing": architecture.voicing,
        **({"trim_frames": list(architecture.trim_frames)} if architecture.trim_frames else {}),
        "pitches": list(model.pitches),
        "conditions": [_describe_condition(condition) for condition in model.conditions],
        "condition_rows": _describe_rows(model),
        "provenance": dict(model.provenance),
        "licence": model.licence,
        "metrics": dict(model.metrics),
        "digest": model.digest,
        "anchors": {name: _describe_anchor(anchor) for name, anchor in model.anchors.items()},
    }


def _describe_condition(condition: Condition) -> dict[str, Any]:
    return {"name": condition.name, "values": list(condition.values), "exclusive": condition.exclusive}


def _describe_rows(model: Model) -> list[dict[str, Any]]:
    rows = model.condition_rows
    return [
        {"count": int(count), "values": names_of(model.conditions, vector)}
        for vector, count in zip(rows.vectors, rows.counts, strict=True)
    ]


def _describe_anchor(anchor: Anchor) -> dict[str, Any]:
    return {
        "family": anchor.family,
        "lowest_pitch": anchor.lowest_pitch,
        "highest_pitch": anchor.highest_pitch,
        "latent": [round(float(x), 6) for x in anchor.latent],
    }


def parse_description(content: bytes, where: str) -> Model:
    """Read `model.json`; the model's weights are left empty.

    Raises
    ------
    ModelError
        If a key is missing, has another type, or is out of range; unknown keys are ignored.
    """
    reader = FieldReader(parse_json_object(content, where), where)
    reader.integer("format_version", 1, FORMAT_VERSION)
    architecture = _architecture(reader)
    anchors = reader.reader("anchors")
    return Model(
        architecture=architecture,
        weights={},
        anchors={name: _anchor(anchors.reader(name), architecture) for name in anchors.items()},
        condition_rows=_condition_rows(reader, architecture),
        provenance=reader.reader("provenance").items(),
        licence=reader.text("licence"),
        metrics=reader.reader("metrics").items(),
        digest=reader.text("digest"),
    )


def _architecture(reader: FieldReader) -> Architecture:
    channels = reader.integers("channels", 1, _MOST_CHANNELS)
    if len(channels) > _MOST_BLOCKS:
        raise reader.fail("channels", f"1 to {_MOST_BLOCKS} blocks")
    representation = reader.reader("representation")
    optional = {**_optional(reader), **_optional_scaling(representation)}
    try:
        architecture = Architecture(
            channels=channels,
            latent_size=reader.integer("latent_size", 1, _LARGEST_LATENT),
            pitches=reader.integers("pitches", 0, 127),
            harmonic_maps=reader.flag("harmonic_maps"),
            wave_frames=representation.integer("wave_frames", 1, 1 << 20),
            kind=_KINDS[representation.choice("kind", tuple(_KINDS))],
            conditions=_conditions(reader),
            **optional,
        )
    except ModelError:
        raise
    except ValueError as error:
        raise ModelError(f"{reader.where}: {error}") from error
    size = architecture.representation
    if size.bins > _MOST_BINS or size.frames * size.bins > _LARGEST_IMAGE:
        raise representation.fail("bins", f"at most {_MOST_BINS}, and {_LARGEST_IMAGE} with all frames")
    expected = {"frames": size.frames, "bins": size.bins, "sample_rate_hz": SAMPLE_RATE_HZ}
    for key, value in expected.items():
        representation.integer(key, value, value)
    return architecture


def _optional(reader: FieldReader) -> dict[str, Any]:
    """Sizes that the first models' files do not name."""
    found: dict[str, Any] = {}
    if "start" in reader:
        start = reader.integers("start", 1, _MOST_BINS)
        if len(start) != 2:
            raise reader.fail("start", "frames and bins of the first block")
        found["start_frames"], found["start_bins"] = start
    if "resolutions" in reader:
        found["resolutions"] = reader.integer("resolutions", 0, _MOST_BLOCKS)
    if "voicing" in reader:
        found["voicing"] = reader.integer("voicing", 0, _MOST_VOICING)
    if "trim_frames" in reader:
        found["trim_frames"] = reader.integers("trim_frames", 0, _MOST_BINS)
    if "blend" in reader:
        found["blend"] = reader.numbers("blend")
    return found


def _optional_scaling(representation: FieldReader) -> dict[str, Any]:
    return {key: representation.numbers(key, 2) for key in ("scale", "offset") if key in representation}


def _conditions(reader: FieldReader) -> tuple[Condition, ...]:
    conditions = []
    for entry in reader.readers("conditions"):
        try:
            condition = Condition(entry.text("name"), entry.texts("values"), entry.flag("exclusive"))
        except ModelError:
            raise
        except ValueError as error:
            raise ModelError(f"{entry.where}: {error}") from error
        conditions.append(condition)
    return tuple(conditions)


def _condition_rows(reader: FieldReader, architecture: Architecture) -> ConditionRows:
    if not architecture.conditions:
        return ConditionRows()
    entries = reader.readers("condition_rows")
    if not 1 <= len(entries) <= MOST_ROWS:
        raise reader.fail("condition_rows", f"1 to {MOST_ROWS} rows, since there are conditions")
    counts = [entry.integer("count", 1, 1 << 40) for entry in entries]
    vectors = []
    for entry in entries:
        chosen = entry.reader("values")
        try:
            vectors.append(vector_of(architecture.conditions, {n: chosen.texts(n) for n in chosen.items()}))
        except ConditionError as error:
            raise ModelError(f"{chosen.where}: {error}") from error
    return ConditionRows(np.stack(vectors), np.array(counts, np.int64))


def _anchor(reader: FieldReader, architecture: Architecture) -> Anchor:
    lowest = reader.integer("lowest_pitch", 0, 127)
    return Anchor(
        latent=reader.coordinates("latent", architecture.latent_size),
        family=reader.text("family"),
        lowest_pitch=lowest,
        highest_pitch=reader.integer("highest_pitch", lowest, 127),
    )
