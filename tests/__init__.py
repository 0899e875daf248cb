"""Tests, mirroring the packages; a package itself so that ``tests/synth_engine`` never shadows ``synth_engine``."""
