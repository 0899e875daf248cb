"""What a button can do beside moving a parameter, under the addresses that OSC has for it."""

from __future__ import annotations

from mappings.parameters import ParameterSpec, Target

PANIC = "/panic"
RANDOM = "/latent/random"
PRESET = "/preset/load"

_HIGHEST = 127

ACTIONS: dict[str, ParameterSpec] = {
    row.path: row
    for row in (
        ParameterSpec(
            PANIC, "Panic", "", 0, 1, 0, Target.CONTROL, "panic", "Silences everything.", switch=True
        ),
        ParameterSpec(
            RANDOM, "Random", "", 0, _HIGHEST, 0, Target.CONTROL, "random",
            "Jumps to a random point; to the same one for the same number, where a range gives numbers.",
        ),
        ParameterSpec(
            PRESET, "Preset", "", 0, _HIGHEST, 0, Target.CONTROL, "preset", "Loads the preset of that number."
        ),
    )
}  # fmt: skip
