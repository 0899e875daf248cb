"""How far each backend is off the original's numbers.

    python -m tests.bench.bench_golden

One row a set and backend: the largest error of all activations and of the spectrograms, and the waves' error
(root mean square over that of the waves, or the largest for the small sets), each with its tolerance. Of the
full-size set Keras renders one note on JAX and both on TensorFlow.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import openvino

from tests.synth_engine.generator import golden_sets
from tests.synth_engine.generator.golden_sets import SETS, Answers, errors, read_golden
from tests.synth_engine.generator.golden_spectral import spectral_errors

BACKENDS = {"Keras, TensorFlow": "tensorflow", "Keras, JAX": "jax"}


def keras_answers(backend: str, folder: Path) -> dict[str, Answers]:
    path = folder / f"{backend}.npz"
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "JAX_PLATFORMS": "cpu",
    }
    command = [sys.executable, "-m", golden_sets.__name__, str(path), *SETS]
    subprocess.run(command, env=environment, check=True)
    return {name: golden_sets.read_answers(path, name) for name in SETS}


def rows() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        answers = {label: keras_answers(backend, Path(folder)) for label, backend in BACKENDS.items()}
    version = f"OpenVINO {openvino.__version__.split('-')[0]}"
    answers[version] = {n: golden_sets.openvino_answers(s, read_golden(n)) for n, s in SETS.items()}
    for name, golden in SETS.items():
        allowed = {"activation": golden.activation, "mel": golden.mel, "waves": golden.waves}
        for label, of_backend in answers.items():
            found = errors(golden, read_golden(name), of_backend[name])
            figures = " | ".join(f"{found[key]:.1e} of {allowed[key]:.0e}" for key in allowed)
            yield f"| {name} | {label} | {figures} |"


def main() -> None:
    print("| set | backend | activation | mel | waves |\n|---|---|---|---|---|")
    for row in rows():
        print(row)
    print("\n| spectral chain (NumPy) | error | tolerance |\n|---|---|---|")
    for name, (error, allowed) in spectral_errors().items():
        print(f"| {name} | {error:.1e} | {allowed:.0e} |")


if __name__ == "__main__":
    main()
