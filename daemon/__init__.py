"""The life of the process and its doors: command line, control thread, MIDI, OSC, state, supervision.

This package never computes sound and never imports TensorFlow, Keras, OpenVINO or numba.
"""

__version__ = "0.1.0"
