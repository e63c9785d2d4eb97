"""
In which waves a release takes its functions: callees before their callers.

A function is known by its place in the document, from 0. Its level is the longest way from it to a function that calls
none of the release: 0 for that one, and more for each of its callers than for itself.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

MOST_AT_ONCE = 1000
"""Functions of a wave. One invocation looks at all of them, and at 10 calls a second they take 100 seconds to move."""


class Take(NamedTuple):
    """What a wave takes: these functions, all of a target that are left, or the next of one level, `most` at most."""

    most: float = math.inf
    named: tuple[int, ...] = ()
    target: str | None = None

    @property
    def is_a_size(self) -> bool:
        """It takes what comes next, so it can be repeated."""
        return not self.named and self.target is None


def share_of(share: float, functions: int) -> int:
    """So many functions, rounded up. The share counts as it is written: 0.1 of 30 is 3."""
    return math.ceil(Decimal(repr(share)) * functions)


def levels(calls: Sequence[Sequence[int]]) -> list[int | None]:
    """Of each function, by the functions that it calls; None if it is part of a cycle, or calls one that is."""
    callers: list[list[int]] = [[] for _ in calls]
    for caller, called in enumerate(calls):
        for callee in called:
            callers[callee].append(caller)
    missing = [len(called) for called in calls]
    found: list[int | None] = [None] * len(calls)
    ready = [number for number, count in enumerate(missing) if not count]
    level = 0
    while ready:
        freed = []
        for number in ready:
            found[number] = level
            for caller in callers[number]:
                missing[caller] -= 1
                if not missing[caller]:
                    freed.append(caller)
        ready, level = freed, level + 1
    return found


def cycles(calls: Sequence[Sequence[int]], of: Sequence[int | None]) -> Iterator[tuple[int, ...]]:
    """Functions that call each other in a circle, in this order, each in one circle only. `of` has the levels."""
    seen = {number for number, level in enumerate(of) if level is not None}
    for first in range(len(calls)):
        way: dict[int, None] = {}
        at = first
        while at not in seen:
            seen.add(at)
            way[at] = None
            at = next(callee for callee in calls[at] if of[callee] is None)
        if at in way:
            passed = [*way]
            yield tuple(passed[passed.index(at) :])


def dealt(
    takes: Sequence[Take], of: Sequence[int], targets: Sequence[str | None]
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """
    The waves in their order: the place of the take that each comes of, and its functions.

    `of` has the functions' levels. No wave has functions of two levels, except one that names them, nor more than
    MOST_AT_ONCE. A function that a later take names is left to that one. The last take must be a size, and is repeated
    until every function has its wave.
    """
    named = {number for take in takes for number in take.named}
    left: deque[list[int]] = deque([] for _ in range(max(of) + 1))
    for number, level in enumerate(of):
        if number not in named:
            left[level].append(number)
    for place, take in enumerate(takes):
        if take.named:
            yield place, take.named
        elif take.target is not None:
            for group in left:
                if chosen := tuple(number for number in group if targets[number] == take.target):
                    group[:] = [number for number in group if targets[number] != take.target]
                    for at in range(0, len(chosen), MOST_AT_ONCE):
                        yield place, chosen[at : at + MOST_AT_ONCE]
        elif wave := _next(left, take.most):
            yield place, wave
    while wave := _next(left, takes[-1].most):
        yield len(takes) - 1, wave


def _next(left: deque[list[int]], most: float) -> tuple[int, ...]:
    """The first that are left, of one level; they are taken away. () if none is left."""
    while left and not left[0]:
        left.popleft()
    if not left:
        return ()
    size = min(len(left[0]), most, MOST_AT_ONCE)
    wave = tuple(left[0][: int(size)])
    del left[0][: int(size)]
    return wave
