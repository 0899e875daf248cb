"""Checkpoints of Magenta's GANSynth, read and written without TensorFlow.

Bytes (`wire`, `checksum`, `table`, `slices`, `bundle`), then meaning (`flags`, `names`, `schedule`), then
both directions (`importing`, `exporting`).
"""
