"""General MIDI programs a soundfont is rendered from: names, families, sources and playable ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Source = Literal["acoustic", "electronic", "synthetic"]

_SOURCES: dict[str, Source] = {"a": "acoustic", "e": "electronic", "s": "synthetic"}

# One row a program: number (from 0), name, family, source, lowest and highest playable MIDI pitch.
# Programs on which two independent pitch judges disagree with the key (bells, drawbar organs, timpani,
# fifths, effects) are left out.
_TABLE = """
0 grand_piano keyboard a 24 84
1 bright_piano keyboard a 24 84
2 electric_grand keyboard e 28 84
3 honky_tonk_piano keyboard a 24 84
4 electric_piano keyboard e 28 84
5 fm_piano keyboard s 28 84
6 harpsichord keyboard a 29 84
7 clavinet keyboard e 28 84
8 celesta mallet a 60 84
9 glockenspiel mallet a 67 84
10 music_box mallet a 60 84
11 vibraphone mallet a 53 84
12 marimba mallet a 36 84
13 xylophone mallet a 60 84
15 dulcimer mallet a 48 84
19 church_organ organ a 36 84
20 reed_organ organ a 36 84
21 accordion organ a 41 84
22 harmonica reed a 48 84
23 bandoneon organ a 41 84
24 nylon_guitar guitar a 40 84
25 steel_guitar guitar a 40 84
26 jazz_guitar guitar e 40 84
27 clean_guitar guitar e 40 84
28 muted_guitar guitar e 40 84
29 overdriven_guitar guitar e 40 84
30 distortion_guitar guitar e 40 84
32 acoustic_bass bass a 28 67
33 fingered_bass bass e 28 67
34 picked_bass bass e 28 67
35 fretless_bass bass e 28 67
36 slap_bass bass e 28 67
37 popped_bass bass e 28 67
38 synth_bass bass s 24 72
39 rubber_bass bass s 24 72
40 violin string a 55 84
41 viola string a 48 84
42 cello string a 36 76
43 contrabass string a 28 55
44 tremolo_strings string a 36 84
45 pizzicato_strings string a 36 84
46 harp string a 24 84
48 string_ensemble string a 36 84
49 slow_strings string a 36 84
50 synth_strings string s 36 84
51 soft_synth_strings string s 36 84
52 choir_aahs vocal a 43 79
53 voice_oohs vocal a 43 79
54 synth_voice vocal s 36 84
56 trumpet brass a 52 84
57 trombone brass a 34 72
58 tuba brass a 24 60
59 muted_trumpet brass a 52 82
60 french_horn brass a 34 77
61 brass_section brass a 36 84
62 synth_brass brass s 36 84
63 soft_synth_brass brass s 36 84
64 soprano_sax reed a 56 84
65 alto_sax reed a 49 81
66 tenor_sax reed a 44 76
67 baritone_sax reed a 36 69
68 oboe reed a 58 84
69 english_horn reed a 52 81
70 bassoon reed a 34 72
71 clarinet reed a 50 84
72 piccolo flute a 72 84
73 flute flute a 59 84
74 recorder flute a 60 84
75 pan_flute flute a 60 84
76 bottle_blow flute s 48 84
77 shakuhachi flute a 55 84
78 whistle flute a 60 84
79 ocarina flute a 60 84
80 square_lead synth_lead s 24 84
81 saw_lead synth_lead s 24 84
82 calliope flute s 48 84
83 chiff_lead synth_lead s 24 84
84 charang_lead synth_lead s 24 84
85 voice_lead vocal s 36 84
87 bass_lead synth_lead s 24 84
88 new_age_pad keyboard s 36 84
89 warm_pad synth_lead s 36 84
90 polysynth synth_lead s 24 84
91 choir_pad vocal s 36 84
92 bowed_pad synth_lead s 36 84
93 metallic_pad synth_lead s 36 84
94 halo_pad synth_lead s 36 84
95 sweep_pad synth_lead s 36 84
96 ice_rain keyboard s 36 84
97 soundtrack_pad synth_lead s 36 84
99 atmosphere keyboard s 36 84
100 brightness keyboard s 36 84
101 goblins synth_lead s 36 84
102 echo_drops synth_lead s 36 84
103 star_theme keyboard s 36 84
104 sitar guitar a 48 77
105 banjo guitar a 48 84
106 shamisen guitar a 50 79
107 koto guitar a 43 84
108 kalimba mallet a 48 84
109 bagpipe reed a 55 84
110 fiddle string a 55 84
111 shanai reed a 55 84
114 steel_drums mallet a 52 84
"""

# The instruments of the embedded model. Of near-duplicates (three pianos, two slow string pads, most
# evolving pads) one is kept, so that the training time is spent on sounds that differ.
_ANCHORS = """
grand_piano electric_piano fm_piano harpsichord clavinet
celesta glockenspiel music_box vibraphone marimba xylophone dulcimer kalimba steel_drums
church_organ reed_organ accordion bandoneon
nylon_guitar steel_guitar jazz_guitar clean_guitar overdriven_guitar distortion_guitar sitar banjo koto
acoustic_bass fingered_bass fretless_bass slap_bass synth_bass
violin cello contrabass tremolo_strings pizzicato_strings harp string_ensemble
choir_aahs voice_oohs synth_voice
trumpet trombone tuba muted_trumpet french_horn brass_section synth_brass
soprano_sax alto_sax baritone_sax oboe bassoon clarinet harmonica
flute recorder pan_flute bottle_blow ocarina
square_lead saw_lead warm_pad
"""


@dataclass(frozen=True)
class Program:
    """One General MIDI program as an instrument of a data set.

    Attributes
    ----------
    number : int
        Program number, 0..127.
    name : str
        Lower-case name with underscores, unique in the table.
    family : str
        One of `FAMILIES`.
    source : {"acoustic", "electronic", "synthetic"}
        How the sound is made.
    lowest_pitch, highest_pitch : int
        Playable MIDI range, both ends included, inside 24..84.
    """

    number: int
    name: str
    family: str
    source: Source
    lowest_pitch: int
    highest_pitch: int

    @property
    def pitches(self) -> range:
        """Every playable MIDI pitch."""
        return range(self.lowest_pitch, self.highest_pitch + 1)


def parse_program(row: str) -> Program:
    """Return the program of one row of the table."""
    number, name, family, source, low, high = row.split()
    return Program(int(number), name, family, _SOURCES[source], int(low), int(high))


PROGRAMS: tuple[Program, ...] = tuple(parse_program(row) for row in _TABLE.split("\n") if row)


def programs_named(names: list[str] | tuple[str, ...]) -> tuple[Program, ...]:
    """Return the programs with these names, in the order of the names.

    Raises
    ------
    KeyError
        If a name is not in the table.
    """
    by_name = {program.name: program for program in PROGRAMS}
    return tuple(by_name[name] for name in names)


def default_programs() -> tuple[Program, ...]:
    """Return the instruments of the embedded model: 64 programs over all eleven families."""
    return programs_named(_ANCHORS.split())
