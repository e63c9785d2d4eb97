"""
`bluegreen.verdict.release.together` for many releases at once, and what else one might reckon with in its place.

tests/benchmarks/test_release_benchmark.py holds both against each other.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmarks.verdict.evidence import log_sum
from benchmarks.verdict.world import Floats

MOST_LOG = 600.0
"""Higher ones say nothing more."""


@dataclass
class Sums:
    """
    What the functions of releases add up to, minute by minute and release by release.

    `odds` are those of all functions together, and 1 for each that is not shifted. `bets` has a row for each
    probability 1, 1/2, 1/4 ... that a function is bad: the log of the product over all of them.
    """

    of: int
    odds: Floats
    bets: Floats

    @classmethod
    def over(cls, logs: Floats, of: int) -> "Sums":
        """Of logs whose last axis are the functions."""
        capped = np.minimum(logs, MOST_LOG)
        odds = np.exp(capped)
        bets = [np.log1p(2.0**-power * np.expm1(capped)).sum(axis=-1) for power in range(1, of.bit_length())]
        return cls(of, odds.sum(axis=-1) + of - logs.shape[-1], np.stack([capped.sum(axis=-1), *bets]))

    def among(self, others: "Sums") -> "Sums":
        """The functions of these and of other releases; none of the others is in both."""
        return Sums(self.of, self.odds + others.odds - self.of, self.bets + others.bets)

    def together(self, rule: "Rule" = "shipped", for_one: float = 0.5) -> Floats:
        """The log of the evidence of each release, with so much of the stake on single functions."""
        mean = np.log(self.odds / self.of)
        if rule == "mean":
            return mean
        bets = log_sum(self.bets) - np.log(len(self.bets)) if rule == "shipped" else self.bets[0]
        both: Floats = np.logaddexp(np.log(for_one) + mean, np.log(1 - for_one) + bets)
        return both


Rule = Literal["shipped", "mean", "mean and product"]
