"""Work on many functions, some at a time."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 8
"""Lambda answers about 15 calls a second and account; more at once would only be throttled."""


def each_of(several: Iterable[T], do: Callable[[T], object]) -> Iterator[int]:
    """
    Do it with each of them; how many are done, each time that one is.

    The first one is done alone: clients of AWS are made then, which threads must not do at once. Raises what `do`
    raises; those that have not begun are given up then.
    """
    waiting = list(several)
    if not waiting:
        return
    do(waiting[0])
    yield 1
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = [pool.submit(copy_context().run, do, each) for each in waiting[1:]]
        try:
            for number, future in enumerate(as_completed(futures), start=2):
                future.result()
                yield number
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
