"""Tests of the MIDI door."""
