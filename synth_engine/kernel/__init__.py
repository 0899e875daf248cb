"""The compiled real-time code: numba functions that never enter the interpreter, allocate, raise or wait."""
