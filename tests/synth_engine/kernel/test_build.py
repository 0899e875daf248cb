from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import cfunc, types

from synth_engine.kernel import build
from synth_engine.kernel.compiled import cache_directory, load_kernel, source_digest
from synth_engine.kernel.toolchain import OPTIONS, kernel

_UNDEFINED = 0
_SYMBOL_TABLE = 2


def undefined_symbols(code: bytes) -> set[str]:
    """Names that an ELF64 object expects from elsewhere."""
    assert code[:5] == b"\x7fELF\x02"
    (sections_at,) = struct.unpack_from("<Q", code, 0x28)
    size, count = struct.unpack_from("<HH", code, 0x3A)
    headers = [struct.unpack_from("<IIQQQQIIQQ", code, sections_at + i * size) for i in range(count)]
    found = set()
    for header in headers:
        if header[1] != _SYMBOL_TABLE:
            continue
        names_at = headers[header[6]][4]
        for place in range(header[4] + 24, header[4] + header[5], 24):
            name, _, _, section = struct.unpack_from("<IBBH", code, place)
            if section == _UNDEFINED:
                start = names_at + name
                found.add(code[start : code.index(b"\0", start)].decode())
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads an ELF object")
def test_the_object_that_runs_calls_only_clock_and_mathematics() -> None:
    load_kernel()
    code = (cache_directory() / f"{source_digest()}.o").read_bytes()[32:]
    foreign = undefined_symbols(code)
    assert "clock_gettime" in foreign
    assert foreign - {"_GLOBAL_OFFSET_TABLE_"} <= build.ALLOWED_SYMBOLS | {
        "sincos"
    }  # sin and cos of one angle


def test_a_kernel_that_could_raise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    @cfunc(types.int64(types.int64), **OPTIONS)
    def timbred_bad(value):
        if value > 3:
            raise ValueError("no")
        return value

    monkeypatch.setattr(build, "ENTRIES", (timbred_bad,))
    with pytest.raises(build.KernelBuildError, match="numba_gil_ensure"):
        build.build_object()


def test_a_kernel_that_makes_an_array_does_not_compile() -> None:
    @kernel
    def allocate(size):
        return np.zeros(size)[0]

    with pytest.raises(Exception, match="Only accept returning of array"):
        allocate(3)


def test_a_kept_kernel_is_loaded_without_numba() -> None:
    load_kernel()
    program = (
        "import sys; from synth_engine.kernel.compiled import load_kernel; k = load_kernel(); "
        "print(k.was_compiled, 'numba' in sys.modules, 'scipy' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "False", "False"]


def test_a_damaged_object_is_compiled_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_kernel()
    good = (cache_directory() / f"{source_digest()}.o").read_bytes()
    path = tmp_path / f"{source_digest()}.o"
    path.write_bytes(good[:5000] + b"\xff" + good[5001:])
    monkeypatch.setattr(build, "build_object", lambda: good[32:])
    assert load_kernel(tmp_path).was_compiled
    assert path.read_bytes() == good
    assert not load_kernel(tmp_path).was_compiled


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_kernel()
    good = (cache_directory() / f"{source_digest()}.o").read_bytes()
    monkeypatch.setattr(build, "build_object", lambda: good[32:])
    (tmp_path / "file").write_text("in the way")
    assert load_kernel(tmp_path / "file" / "kernel").was_compiled
