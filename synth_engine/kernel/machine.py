"""The processor that the kernel is compiled for: this one."""

from __future__ import annotations

import llvmlite.binding as llvm


def describe_processor() -> str:
    """Name and features, so that an object made elsewhere is never run here."""
    return f"{llvm.get_process_triple()} {llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"


def target_machine() -> llvm.TargetMachine:
    """Native code at the highest optimisation."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="pic",
        codemodel="jitdefault",
        jit=True,
    )
