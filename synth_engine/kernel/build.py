"""Compiling the kernel into one object file that needs no Python at all.

numba compiles each entry with an error path that would take the interpreter's lock and print. All
entries are linked into one module here, everything but the entries is made internal, and LLVM then
proves that no status other than 0 is ever returned and drops that path. :func:`check_symbols` makes
sure: what is left may only call what :data:`ALLOWED_SYMBOLS` names.
"""

from __future__ import annotations

import llvmlite.binding as llvm

from synth_engine.kernel.entries import ENTRIES
from synth_engine.kernel.machine import target_machine

ALLOWED_SYMBOLS = frozenset(
    {
        "clock_gettime",
        "clock_nanosleep",
        "cos",
        "exp",
        "exp2",
        "floor",
        "memcpy",
        "memmove",
        "memset",
        "pow",
        "sin",
        "sqrt",
    }
)
ALLOWED_PREFIX = "llvm."  # intrinsics: they become instructions or one of the above


class KernelBuildError(RuntimeError):
    """The compiled kernel would call something that a real-time thread must not call."""


def link_module() -> llvm.ModuleRef:
    """The optimised module of all entries, under the names of their Python functions."""
    modules = [llvm.parse_bitcode(entry._library._final_module.as_bitcode()) for entry in ENTRIES]
    module = modules[0]
    for other in modules[1:]:
        module.link_in(other)
    names = {entry.native_name: entry.__name__ for entry in ENTRIES}
    for function in module.functions:
        if function.name in names:
            function.linkage = "external"
            function.name = names[function.name]
        elif not function.is_declaration:
            function.linkage = "internal"
    machine = target_machine()
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    passes.getModulePassManager().run(module, passes)
    module.verify()
    return module


def foreign_symbols(module: llvm.ModuleRef) -> set[str]:
    """Names the module uses but does not define."""
    functions = {f.name for f in module.functions if f.is_declaration}
    return functions | {v.name for v in module.global_variables if v.is_declaration}


def check_symbols(module: llvm.ModuleRef) -> None:
    """Refuse a module that calls anything outside the allow-list.

    Raises
    ------
    KernelBuildError
        With the names: an allocator, the interpreter, a lock, output.
    """
    refused = {
        s for s in foreign_symbols(module) if s not in ALLOWED_SYMBOLS and not s.startswith(ALLOWED_PREFIX)
    }
    if refused:
        raise KernelBuildError(
            f"the kernel would call {sorted(refused)}, expected only {sorted(ALLOWED_SYMBOLS)}"
        )


def build_object() -> bytes:
    """The kernel as native object code for this machine; takes seconds.

    Raises
    ------
    KernelBuildError
        If the symbols are not all allowed.
    """
    module = link_module()
    check_symbols(module)
    return bytes(target_machine().emit_object(module))
