"""Many independent pieces of work on a few threads; what they mostly call lets go of Python's lock."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def run_all(work: Callable[[T], R], items: Iterable[T], threads: int) -> Generator[tuple[T, R], None, None]:
    """Yield (item, result) as each is done, in no order.

    The first error, and an interruption of the consumer, end it: work that has begun is finished, the rest
    is dropped.
    """
    executor = ThreadPoolExecutor(threads)
    try:
        futures = {executor.submit(work, item): item for item in items}
        for future in as_completed(futures):
            yield futures.pop(future), future.result()
    finally:
        executor.shutdown(cancel_futures=True)
