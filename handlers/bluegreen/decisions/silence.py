"""
Whether a version that CloudWatch shows no requests of can have had none.

Each request of an alias is routed by itself, to green with green's weight. So n requests at the weight w leave green
without any with probability (1 - w)^n. Where that is too small for chance, the version's series is missing or late,
and its emptiness says nothing about the version.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from bluegreen.model import Frozen

NO_CHANCE = 1e-4
"""Below this probability no request is not chance: 88 requests of the alias with green at 10 %, say."""

Side = Literal["green", "blue"]
SIDES: tuple[Side, ...] = ("green", "blue")


@dataclass(frozen=True, slots=True)
class Served:
    """
    A settled bucket: the alias's own requests, throttled ones among them, and what each version's series shows of them.

    `weight` is the least that a version had in the bucket: 0 if it had no share for a part of it.
    """

    requests: int
    throttled: int
    shown: Mapping[Side, int]
    weight: Mapping[Side, float]


class Hidden(Frozen):
    """
    A version whose series shows none of the alias's `requests`, `throttled` ones among them.

    Its weight would have given it `expected` of them.
    """

    side: Side
    requests: int
    throttled: int
    expected: float


def hidden(served: Iterable[Served]) -> Hidden | None:
    """The version whose series cannot be believed: since it last showed a request, it should have shown another."""
    buckets = list(served)
    for side in SIDES:
        since = _since_last_shown(buckets, side)
        log_chance = sum(each.requests * _log_of_none(each.weight[side]) for each in since if each.requests)
        if log_chance < math.log(NO_CHANCE):
            with_share = [each for each in since if each.weight[side] > 0]
            return Hidden(
                side=side,
                requests=sum(each.requests for each in with_share),
                throttled=sum(each.throttled for each in with_share),
                expected=sum(each.requests * each.weight[side] for each in with_share),
            )
    return None


def _since_last_shown(buckets: list[Served], side: Side) -> list[Served]:
    shown = [number for number, each in enumerate(buckets) if each.shown[side]]
    return buckets[shown[-1] + 1 :] if shown else buckets


def _log_of_none(weight: float) -> float:
    """The log of the probability that a request goes to the other version."""
    return math.log1p(-weight) if weight < 1 else -math.inf
