"""
`python -m benchmarks.verdict.thin`: why a good green does not get everything at minute 10 at 1 req/s.

Take the best rule that could give everything at minute 10: it goes back to blue at the first failure it sees, which no
rule does that keeps the promise, and its weights until then are free. Those that harm no more than the best peer on
a spotless blue show too little of green to tell 0.1 % from 0.2 % errors.
"""

import json
import math
import random
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from benchmarks.verdict.rules import OURS
from benchmarks.verdict.scenario import RATES
from benchmarks.verdict.simulation import MINUTES
from benchmarks.verdict.targets import ONE_PER_CENT

A_MINUTE = 60
DELAY, PROMOTED_AT = 2, 10
VISIBLE = PROMOTED_AT - DELAY
Rates = tuple[float, float]
DOUBLED = (0.001, 0.002)
STARTS, STEPS = 3, 40_000


def harmed(weights: Sequence[float], blue: float, green: float) -> float:
    """
    Requests harmed on average in the first hour by a green with that error rate, whose weight is `weights[minute]`
    until minute 10. Failures are Poisson; those of blue's rate are not harm.
    """
    failures = A_MINUTE * green
    exposed = [0.0, *accumulate(weights)]
    until_then = sum(
        weight * math.exp(-failures * exposed[max(0, minute - DELAY)]) for minute, weight in enumerate(weights)
    )
    afterwards = (MINUTES - PROMOTED_AT) * math.exp(-failures * exposed[VISIBLE])
    return A_MINUTE * (green - blue) * (until_then + afterwards)


def best_peers(figures: Path) -> dict[Rates, float]:
    """What the best peer that keeps 1 % harms at 1 req/s, by the rates of blue and green."""
    peers = [
        one
        for one in json.loads(figures.read_text())["outcomes"]
        if one["group"] == "grid" and one["scenario"]["traffic"] == 1 and one["rule"] not in OURS
    ]
    of = {(one["rule"], one["scenario"]["blue"], one["scenario"]["green"]): one for one in peers}

    def least(blue: float, green: float) -> float:
        keep_it = [
            rule for rule, *rates in of if rates == [blue, blue] and of[rule, blue, blue]["rolled_back"] <= ONE_PER_CENT
        ]
        return min(float(of[rule, blue, green]["harmed"]) for rule in keep_it)

    return {rates: least(*rates) for rates in (*((0.0, green) for green in RATES[0.0]), DOUBLED)}


def least_harm(limits: dict[Rates, float], seed: int = 2026) -> tuple[float, list[float]]:
    """The least harm of a doubled rate under weights that keep the limits, by random search; and these weights."""
    dice = random.Random(seed)

    def cost(weights: list[float]) -> float:
        beyond = max(harmed(weights, *rates) / limit for rates, limit in limits.items() if rates != DOUBLED) - 1
        return harmed(weights, *DOUBLED) + 50 * max(0.0, beyond)

    found = []
    for _ in range(STARTS):
        weights = sorted(dice.uniform(0.02, 1) for _ in range(PROMOTED_AT))
        least, step = cost(weights), 0.4
        for tried in range(1, STEPS + 1):
            other = list(weights)
            for minute in dice.sample(range(PROMOTED_AT), dice.choice([1, 2])):
                other[minute] = min(1.0, max(0.001, other[minute] * math.exp(dice.gauss(0, step))))
            harm = cost(other)
            if harm < least:
                weights, least = other, harm
            if tried % (STEPS // 4) == 0:
                step /= 2
        found.append((least, weights))
    return min(found)


def main() -> None:
    """Print both figures."""
    limits = best_peers(Path(__file__).parents[2] / "docs" / "verdict-benchmark.json")
    least, weights = least_harm(limits)
    print(f"1 req/s, 0.1 -> 0.2 %: the best peer harms {limits[DOUBLED]:.2f}")
    print(f"a rule that gives everything at minute 10 harms {least:.2f} at least, with the weights")
    print("  " + ", ".join(f"{weight:.3f}" for weight in weights))
    for rates, limit in limits.items():
        print(f"  {rates[0]:g} -> {rates[1]:g}: {harmed(weights, *rates):.2f}, the best peer {limit:.2f}")


if __name__ == "__main__":
    main()
