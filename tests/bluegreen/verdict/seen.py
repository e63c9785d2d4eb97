"""Minutes as the watch sees them, and how likely their counts are."""

import math

from bluegreen.verdict import Bucket, Counts, Policy, Sides

UNDAMPED = Policy(icc=0.0)

Figures = tuple[int, int, int, int]
"""Green's bad, green's, blue's bad and blue's requests."""


def sides(green_bad: int, green: int, blue_bad: int, blue: int) -> Sides:
    return Sides(blue=Counts(blue, blue_bad), green=Counts(green, green_bad))


def minutes(*figures: Figures, weight: float | None = None, signal: str = "errors") -> list[Bucket]:
    return [Bucket(60 * number, {signal: sides(*each)}, weight) for number, each in enumerate(figures)]


def chance(bad: int, requests: int, rate: float) -> float:
    return math.comb(requests, bad) * rate**bad * (1 - rate) ** (requests - bad)
