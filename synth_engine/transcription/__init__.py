"""Sound to notes: pitches, onsets and velocities of any recording.

Loads no network framework of ours: the judges' weights run in onnxruntime, which is an extra. Never opens a
sound device and never touches the instrument.
"""
