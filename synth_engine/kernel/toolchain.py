"""The one way kernel functions are compiled, and the few things numba has no words for.

``_nrt=False`` leaves out numba's run-time: an array made in the kernel is then an error when it is
compiled. Without bounds checks and with NumPy's error model nothing can raise. What the finished
object may call is checked once more when it is built; see :mod:`synth_engine.kernel.build`.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import from_dtype, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from synth_engine import abi
from synth_engine.kernel.records import CONTEXT, OUTPUT, POOL

OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "boundscheck": False,
    "_nrt": False,
}

kernel = njit(**OPTIONS)

# Sums may be reordered, so that they fit the machine's vectors; NaN and infinity keep their meaning.
kernel_vectorised = njit(fastmath={"reassoc", "contract", "nsz", "arcp"}, **OPTIONS)

_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1  # TIMER_ABSTIME
_SECOND_NS = 1_000_000_000
_I32, _I64 = ir.IntType(32), ir.IntType(64)
_TIMESPEC = ir.LiteralStructType([_I64, _I64])


def _record_at(record: Any) -> Any:
    """A kernel function that takes an address (int64) for a record of this dtype."""
    record_type = from_dtype(record)

    @intrinsic
    def at(typing_context: Any, address: Any) -> Any:
        del typing_context, address

        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return record_type(types.int64), emit

    return at


engine_at = _record_at(abi.ENGINE)
pool_at = _record_at(POOL)
output_at = _record_at(OUTPUT)
context_at = _record_at(CONTEXT)


def _fence(ordering: str) -> Any:
    @intrinsic
    def fence(typing_context: Any) -> Any:
        del typing_context

        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            del signature, arguments
            builder.fence(ordering)
            return context.get_dummy_value()

        return types.void(), emit

    return fence


acquire_fence = _fence("acquire")  # what follows sees all that was written before the index just read
release_fence = _fence("release")  # whoever sees the index stored next sees all that was written before


@intrinsic
def monotonic_ns(typing_context: Any) -> Any:
    """CLOCK_MONOTONIC as int64 nanoseconds."""
    del typing_context

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature, arguments
        time = cgutils.alloca_once(builder, _TIMESPEC)
        kind = ir.FunctionType(_I32, [_I32, _TIMESPEC.as_pointer()])
        read = cgutils.get_or_insert_function(builder.module, kind, "clock_gettime")
        builder.call(read, [_I32(_CLOCK_MONOTONIC), time])
        seconds = builder.extract_value(builder.load(time), 0)
        return builder.add(
            builder.mul(seconds, _I64(_SECOND_NS)), builder.extract_value(builder.load(time), 1)
        )

    return types.int64(), emit


@intrinsic
def sleep_until_ns(typing_context: Any, moment: Any) -> Any:
    """Sleep until CLOCK_MONOTONIC reads ``moment`` (int64 nanoseconds), or a signal comes."""
    del typing_context, moment

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del signature
        time = cgutils.alloca_once(builder, _TIMESPEC)
        seconds = builder.sdiv(arguments[0], _I64(_SECOND_NS))
        rest = builder.srem(arguments[0], _I64(_SECOND_NS))
        whole = builder.insert_value(ir.Constant(_TIMESPEC, ir.Undefined), seconds, 0)
        builder.store(builder.insert_value(whole, rest, 1), time)
        pointer = _TIMESPEC.as_pointer()
        kind = ir.FunctionType(_I32, [_I32, _I32, pointer, pointer])
        sleep = cgutils.get_or_insert_function(builder.module, kind, "clock_nanosleep")
        builder.call(sleep, [_I32(_CLOCK_MONOTONIC), _I32(_ABSOLUTE), time, ir.Constant(pointer, None)])
        return context.get_dummy_value()

    return types.void(types.int64), emit
