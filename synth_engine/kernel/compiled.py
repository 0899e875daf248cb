"""The kernel as C functions: from the object kept on disk, or compiled now and kept.

numba is imported only when there is something to compile. The object's name is a digest of the
kernel's sources, the compiler's versions and the processor, so that no change to any of them can
meet an old object; numba's own cache looks only at the file of the function that is called.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import platformdirs

from synth_engine import abi
from synth_engine.kernel.machine import describe_processor, target_machine

_DIGEST_BYTES = 32


@dataclass(frozen=True)
class Kernel:
    """Compiled entries. Addresses stay valid as long as this object lives.

    Attributes
    ----------
    callback_address : int
        Of ``timbred_callback``: PortAudio's callback signature, ``userdata`` a CONTEXT.
    callback : callable (input, output, frames, time, flags, context) -> int
        The same, callable from Python; the interpreter's lock is released meanwhile.
    pace : callable (context) -> None
        Runs blocks at a device's pace until the context says stop; lock released.
    was_compiled : bool
        True if this start had to compile it.
    """

    callback_address: int
    callback: Any
    pace: Any
    was_compiled: bool
    _engine: Any


def source_digest() -> str:
    """Hexadecimal digest of all that the object code follows from."""
    digest = hashlib.sha256()
    folder = Path(__file__).parent
    for path in (*sorted(folder.glob("*.py")), Path(abi.__file__)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update(f"{llvmlite.__version__} {version('numba')} {describe_processor()}".encode())
    return digest.hexdigest()


def cache_directory() -> Path:
    """Where compiled kernels are kept."""
    return Path(platformdirs.user_cache_dir("timbred")) / "kernel"


def is_compiled() -> bool:
    """Whether `load_kernel` will find its object, so that it takes no time."""
    return (cache_directory() / f"{source_digest()}.o").exists()


def load_kernel(directory: Path | None = None) -> Kernel:
    """The kernel, ready to call; some milliseconds if it is kept on disk, else some seconds.

    Parameters
    ----------
    directory : Path or None
        Where objects are kept; None is `cache_directory`. One that cannot be written is no error.
    """
    directory = cache_directory() if directory is None else directory
    path = directory / f"{source_digest()}.o"
    code = _read_object(path)
    compiled = code is None
    if code is None:
        from synth_engine.kernel.build import build_object  # noqa: PLC0415  numba takes half a second to import

        code = build_object()
        with contextlib.suppress(OSError):
            _write_object(path, code)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = engine.get_function_address("timbred_callback")
    callback_type = ctypes.CFUNCTYPE(
        ctypes.c_int32,
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_uint64,
        ctypes.c_int64,
        ctypes.c_uint64,
        ctypes.c_int64,
    )
    pace_type = ctypes.CFUNCTYPE(None, ctypes.c_int64)
    pace = pace_type(engine.get_function_address("timbred_pace"))
    return Kernel(address, callback_type(address), pace, compiled, engine)


def _read_object(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    check, code = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return code if hashlib.sha256(code).digest() == check else None


def _write_object(path: Path, code: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(hashlib.sha256(code).digest() + code)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
