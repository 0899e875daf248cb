"""Instruments of a rendered data set: presets of soundfonts, as they are and bent by seeded variations."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from synth_engine.datasets.font_file import FontFile
from synth_engine.datasets.programs import PROGRAMS, Program, parse_program
from synth_engine.datasets.soundfont import PLAIN, Variation

VARIATIONS = 3

# Presets of FluidR3's other banks, with the names they have there; family, source and range are those of
# the program of bank 0.
_FLUID_EXTRA = """
8 4 detuned_electric_piano
8 5 detuned_fm_piano
8 6 coupled_harpsichord
8 21 italian_accordion
8 24 ukulele
8 25 twelve_string_guitar
8 26 hawaiian_guitar
8 28 funk_guitar
8 30 feedback_guitar
8 38 synth_bass_3
8 39 synth_bass_4
8 40 slow_violin
8 48 orchestral_pad
8 61 brass_section_2
8 62 synth_brass_3
8 63 synth_brass_4
8 80 sine_lead
8 107 taisho_koto
16 25 mandolin
"""

# MuseScore General took over two thirds of FluidR3's samples. These programs of bank 0 are its own.
_MUSESCORE_OWN = (0, 1, 2, 3, 5, 38, 39, 44, 45, 48, 49, 50, 51, 62, 63, *range(80, 104))
_MUSESCORE_EXTRA = """
8 0 mellow_grand_piano keyboard a 24 84
8 5 detuned_fm_piano keyboard s 28 84
20 81 detuned_saw_lead synth_lead s 24 84
"""
# Its string sections: bank, section, range; programs 44, 45, 48 and 49 of each.
_MUSESCORE_SECTIONS = """
20 violins 55 84
25 second_violins 55 84
30 violas 48 84
40 celli 36 76
50 basses 28 55
"""
_ARTICULATIONS = {44: "tremolo", 45: "pizzicato", 48: "fast", 49: "slow"}

# Held out whole, with every variation and the same program of every font and bank, so that nothing of
# them is ever heard in training. One a family to test with; of large families one more to watch with.
# No string section of MuseScore General is among them, for its ensembles of bank 0 play the same samples.
TEST_PROGRAMS = frozenset({37, 59, 77, 106, 2, 15, 23, 69, 41, 90, 53})
VALID_PROGRAMS = frozenset({34, 63, 78, 28, 3, 66, 110, 92, 91})
_NOT_HELD_OUT = frozenset({"funk_guitar"})  # plays the samples of program 27, not of its own number, 28


@dataclass(frozen=True)
class Instrument:
    """One instrument of a data set to be rendered.

    Attributes
    ----------
    name : str
        Unique in the data set, and the name of its shard.
    font : Path
        The soundfont.
    bank : int
        Bank of the preset.
    program : Program
        Number, family, source and range.
    variation : Variation
        How the preset is bent.
    split : str
        Which part of the data set it belongs to.
    shard : str
        Name of its shard.
    """

    name: str
    font: Path
    bank: int
    program: Program
    variation: Variation = PLAIN
    split: str = "train"
    shard: str = ""

    def described(self) -> dict[str, object]:
        """What dataset.json keeps of it."""
        told = {"font": self.font.name, "bank": self.bank, "program": self.program.number}
        return {**told, "split": self.split, "variation": asdict(self.variation)}


def small_instruments(font: Path, programs: Iterable[Program]) -> list[Instrument]:
    """Return bank-0 programs as they are, each a training instrument."""
    return [Instrument(p.name, font, 0, p, shard=f"{p.number:03d}") for p in programs]


def full_instruments(fonts: list[FontFile], seed: int) -> tuple[list[Instrument], list[str]]:
    """Return the recommended recipe: FluidR3's presets, MuseScore General's own, and variations of each.

    Parameters
    ----------
    fonts : list of FontFile
        A soundfont laid out like FluidR3 and, if there is a second, one laid out like MuseScore General.
    seed : int
        Seed of the variations.

    Returns
    -------
    instruments : list of Instrument
        Those the fonts have.
    missing : list of str
        Names of those they lack: compact fonts leave some out.
    """
    wanted = _fluid_presets(fonts[0].path)
    for font in fonts[1:]:
        wanted += _musescore_presets(font.path)
    presets = {font.path: font.presets for font in fonts}
    present = [i for i in wanted if (i.bank, i.program.number) in presets[i.font]]
    missing = sorted({i.name for i in wanted} - {i.name for i in present})
    instruments = []
    for plain in present:
        instruments.append(plain)
        for number in range(1, VARIATIONS + 1):
            name = f"{plain.name}_v{number}"
            variation = _variation(f"{seed} {name}", number)
            instruments.append(replace(plain, name=name, shard=name, variation=variation))
    return instruments, missing


def _fluid_presets(font: Path) -> list[Instrument]:
    presets = [_instrument(font, 0, program) for program in PROGRAMS]
    by_number = {program.number: program for program in PROGRAMS}
    for row in _FLUID_EXTRA.split("\n")[1:-1]:
        bank, number, name = row.split()
        presets.append(_instrument(font, int(bank), replace(by_number[int(number)], name=name)))
    return presets


def _musescore_presets(font: Path) -> list[Instrument]:
    presets = [
        _instrument(font, 0, replace(program, name=f"musescore_{program.name}"))
        for program in PROGRAMS
        if program.number in _MUSESCORE_OWN
    ]
    for row in _MUSESCORE_EXTRA.split("\n")[1:-1]:
        bank, *fields = row.split()
        program = parse_program(" ".join(fields))
        presets.append(_instrument(font, int(bank), replace(program, name=f"musescore_{program.name}")))
    for row in _MUSESCORE_SECTIONS.split("\n")[1:-1]:
        section_bank, section, low, high = row.split()
        for number, how in _ARTICULATIONS.items():
            name = f"musescore_{section}_{how}"
            program = Program(number, name, "string", "acoustic", int(low), int(high))
            presets.append(_instrument(font, int(section_bank), program))
    return presets


def _instrument(font: Path, bank: int, program: Program) -> Instrument:
    split = "train"
    if program.name in _NOT_HELD_OUT:
        pass
    elif program.number in TEST_PROGRAMS:
        split = "test"
    elif program.number in VALID_PROGRAMS:
        split = "valid"
    return Instrument(program.name, font, bank, program, PLAIN, split, program.name)


def _variation(key: str, number: int) -> Variation:
    """Draw a variation: 1 is muffled, 2 is another sample with a slower start, 3 another with vibrato."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big"))

    def draw(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 1)

    shift = int(rng.integers(3, 6))
    release = draw(-2400.0, 2400.0)
    if number == 1:
        return Variation(cutoff_cents=draw(-4000.0, -1800.0), release_timecents=release)
    if number == 2:
        return Variation(
            attack_timecents=draw(3000.0, 7500.0),
            release_timecents=release,
            shift_semitones=shift,
            is_right=True,
        )
    return Variation(
        cutoff_cents=draw(-3000.0, -1200.0),
        release_timecents=release,
        vibrato_cents=draw(12.0, 35.0),
        shift_semitones=-shift,
        is_right=bool(rng.integers(2)),
    )
