"""Tests, mirroring the packages; a package, so that ``tests/synth_engine`` never shadows ``synth_engine``."""
