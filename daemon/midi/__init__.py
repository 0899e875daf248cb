"""MIDI in: ports that come and go, bytes to commands. Nothing outside this package touches rtmidi.
"""
