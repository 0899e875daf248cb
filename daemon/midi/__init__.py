"""MIDI in: bytes from every keyboard and controller become commands and kernel events.

One thread ("timbred-midi", see :mod:`daemon.midi.reader`) owns every RtMidi object, every decoder and
every ring writer of this package. It never touches control state and never logs; the control thread
only hands it controller maps and takes what it reports. rtmidi is imported in ``backends`` and ``jack``
and nowhere else.
"""

from __future__ import annotations
