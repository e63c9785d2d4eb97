"""
Whether a version that CloudWatch shows no requests of can have had none.

Each request of an alias is routed by itself, to green with green's weight. So n requests at the weight w leave green
without any with probability (1 - w)^n. Where that is too small for chance, the version's series is missing or late,
and its emptiness says nothing about the version.
"""

import math
from typing import Literal, Self

from bluegreen.model import Frozen

NO_CHANCE = 1e-4
"""Below this probability no request is not chance: 88 requests of the alias with green at 10 %, say."""
LEAST_LOG = -1e6
"""Of a probability; a lower one is no number of JSON."""

Side = Literal["green", "blue"]
SIDES: tuple[Side, ...] = ("green", "blue")


class Unshown(Frozen):
    """
    What the alias had since a version's series last showed a request, throttled requests among them.

    The version's weight gives it `expected` of the `requests`, and none of them with the probability `log_chance`.
    """

    requests: int = 0
    throttled: int = 0
    expected: float = 0.0
    log_chance: float = 0.0

    def after(self, requests: int, throttled: int, shown: int, weight: float, *, missing: bool = False) -> Self:
        """
        One more bucket; `weight` is the least that the version had in it, 0 if it had no share for a part of it.

        `missing` says that the version had requests in it, or that the alias had some that are neither version's.
        """
        if shown:
            return type(self)()
        if not requests or not weight:
            return self
        log_of_none = LEAST_LOG if missing or weight >= 1 else math.log1p(-weight)
        return type(self)(
            requests=self.requests + requests,
            throttled=self.throttled + throttled,
            expected=self.expected + requests * weight,
            log_chance=max(LEAST_LOG, self.log_chance + requests * log_of_none),
        )

    @property
    def is_chance(self) -> bool:
        """The version can have had no request."""
        return self.log_chance >= math.log(NO_CHANCE)


class Hidden(Frozen):
    """
    A version whose series shows none of the alias's `requests`, `throttled` ones among them.

    Its weight would have given it `expected` of them.
    """

    side: Side
    requests: int
    throttled: int
    expected: float


def hidden(unshown: dict[Side, Unshown]) -> Hidden | None:
    """The version whose series cannot be believed: since it last showed a request, it should have shown another."""
    for side in SIDES:
        of = unshown[side]
        if not of.is_chance:
            return Hidden(side=side, requests=of.requests, throttled=of.throttled, expected=of.expected)
    return None
