"""NSynth's packings, made of sounds of known pitch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from synth_engine.datasets.labels import FAMILIES, QUALITIES, SOURCES
from tests.synth_engine.datasets.sounds import tone, write


def values_of(name: str) -> dict[str, Any]:
    """NSynth's fields of a note such as guitar_acoustic_010-060-025."""
    instrument, pitch, velocity = name.rsplit("-", 2)
    family, source, _ = instrument.rsplit("_", 2)
    return {
        "note_str": name,
        "instrument_str": instrument,
        "pitch": int(pitch),
        "velocity": int(velocity),
        "sample_rate": 16_000,
        "instrument_family": FAMILIES.index(family),
        "instrument_family_str": family,
        "instrument_source": SOURCES.index(source),
        "instrument_source_str": source,
        "qualities": [int(quality in ("dark", "reverb")) for quality in QUALITIES],
        "qualities_str": ["dark", "reverb"],
    }


def wave_of(name: str) -> np.ndarray:
    """The sound of a note."""
    return tone(values_of(name)["pitch"], 4.0, 16_000).astype(np.float32)


def write_json_folder(folder: Path, names: list[str]) -> Path:
    """Write examples.json and audio/."""
    for name in names:
        write(folder / "audio" / f"{name}.wav", wave_of(name), 16_000)
    (folder / "examples.json").write_text(json.dumps({name: values_of(name) for name in names}))
    return folder
