"""THE table. Adding a parameter is one row here; every door, preset and page follows from it."""

from __future__ import annotations

from mappings.parameters import Curve, ParameterSpec, Target

PCA_COUNT = 16

_K, _L, _C = Target.KERNEL, Target.LATENT, Target.CONTROL
_EXP = Curve.EXPONENTIAL

_ROWS: tuple[ParameterSpec, ...] = (
    ParameterSpec(
        "/gain",
        "Gain",
        "db",
        -60,
        6,
        -12,  # room for a dozen voices before the limiter works
        _K,
        "MASTER_GAIN",
        "Output level of the whole instrument.",
        in_presets=False,
    ),
    ParameterSpec("/volume", "Volume", "", 0, 1, 1, _K, "VOLUME", "Channel volume (CC 7).", in_presets=False),
    ParameterSpec(
        "/expression",
        "Express",
        "",
        0,
        1,
        1,
        _K,
        "EXPRESSION",
        "Expression (CC 11), multiplies the volume.",
        in_presets=False,
    ),
    ParameterSpec("/pan", "Pan", "", -1, 1, 0, _K, "PAN", "Left to right (CC 10), constant power."),
    ParameterSpec("/attack", "Attack", "s", 0.001, 5, 0.003, _K, "ATTACK_S", "Time to full level.", _EXP),
    ParameterSpec(
        "/decay", "Decay", "s", 0.005, 10, 1.0, _K, "DECAY_S", "Time from full to sustain level.", _EXP
    ),
    ParameterSpec("/sustain", "Sustain", "", 0, 1, 1, _K, "SUSTAIN_GAIN", "Level while the key is held."),
    ParameterSpec(
        "/release", "Release", "s", 0.005, 10, 0.25, _K, "RELEASE_S", "Time to silence after the key.", _EXP
    ),
    ParameterSpec(
        "/velocity/curve",
        "Vel",
        "",
        0,
        4,
        1,
        _K,
        "VELOCITY_CURVE",
        "How strongly velocity sets the level: 0 not at all, 1 linear, 2 squared.",
    ),
    ParameterSpec(
        "/tune", "Tune", "semitones", -12, 12, 0, _K, "TUNE_SEMITONES", "Tuning of the whole instrument."
    ),
    ParameterSpec(
        "/crossfade",
        "Morph",
        "s",
        0.005,
        1,
        0.03,
        _K,
        "CROSSFADE_S",
        "Time a sounding voice takes from one timbre to the next.",
        _EXP,
    ),
    ParameterSpec(
        "/start", "Start", "s", 0, 2, 0, _K, "START_S", "Where in the rendered note playing begins."
    ),
    ParameterSpec(
        "/latency",
        "Latency",
        "s",
        0,
        0.1,
        0.004,
        _K,
        "LATENCY_S",
        "Every event sounds this long after it arrived, so that timing stays even.",
        in_presets=False,
    ),
    ParameterSpec(
        "/ceiling",
        "Ceiling",
        "db",
        -24,
        0,
        -0.3,
        _K,
        "LIMITER_GAIN",
        "Level the soft limiter never lets through.",
        in_presets=False,
    ),
    ParameterSpec(
        "/pedal",
        "Pedal",
        "",
        0,
        1,
        0,
        _K,
        "SUSTAIN_PEDAL",
        "Holds all notes while on.",
        switch=True,
        in_presets=False,
    ),
    ParameterSpec(
        "/bend/range",
        "Bend",
        "semitones",
        0,
        48,
        2,
        _C,
        "bend_range",
        "Pitch bend range where the controller has not set its own by RPN 0.",
    ),
    ParameterSpec(
        "/journey/seconds",
        "Leg",
        "s",
        0.5,
        3600,
        10,
        _C,
        "journey_seconds",
        "Time a journey takes from one point to the next.",
        _EXP,
        in_presets=False,
    ),
    ParameterSpec(
        "/journey/speed",
        "Speed",
        "",
        0,
        10,
        1,
        _C,
        "journey_speed",
        "How fast a journey goes: 1 as told, 2 twice as fast, 0 holds it where it is.",
        in_presets=False,
    ),
    ParameterSpec(
        "/journey/dwell",
        "Dwell",
        "s",
        0,
        3600,
        0,
        _C,
        "journey_dwell",
        "A journey begins by itself when nobody has moved the timbre for this long; 0 never.",
        in_presets=False,
    ),
    *(
        ParameterSpec(
            f"/pca/{i}",
            f"PCA {i}",
            "sigma",
            -4,
            4,
            0,
            _L,
            str(i),
            f"Moves the timbre along principal component {i}, in standard deviations.",
        )
        for i in range(1, PCA_COUNT + 1)
    ),
)

CATALOGUE: dict[str, ParameterSpec] = {row.path: row for row in _ROWS}
