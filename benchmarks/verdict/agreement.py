"""Whether the arrays come to what the product comes to, deployment by deployment, with the same dice."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmarks.verdict.product import PRODUCT
from benchmarks.verdict.rules import Rule
from benchmarks.verdict.scenario import Scenario
from benchmarks.verdict.simulation import SEED, Runs, play
from benchmarks.verdict.strategies import RULES

CELLS = (
    Scenario(1, 0.0, 0.05),
    Scenario(1, 0.01, 0.01),
    Scenario(0.1, 0.05, 0.05),
    Scenario(10, 0.001, 0.002),
    Scenario(1000, 0.01, 0.01),
    Scenario(1000, 0.001, 1.0),
    Scenario(1 / 60, 0.0, 1.0),
    Scenario(10, 0.001, 1.0, late=5),
    Scenario(10, 0.001, 1.0, silent=True),
    Scenario(100, 0.01, 0.01, errors_late=0.3),
    Scenario(100, 0.01, 0.01, bursts="both", icc=0.01),
    Scenario(0, 0.001, 0.001, clump=3000),
    Scenario(10, 0.001, 0.001, first_fails=True),
    Scenario(10, 0.001, 0.001, seconds=1.0),
)


@dataclass(frozen=True)
class Agreement:
    """Of so many `deployments` that both played, those that ended `alike`: in the same minute, for the same reason."""

    alike: int
    deployments: int

    def sentence(self) -> str:
        """For the report."""
        return (
            "The strategies of this product are simulated with arrays of deployments. The product's own path (`look`, "
            f"`conclude`, shifts; only CloudWatch replaced) played {self.deployments:,} of them with the same dice: "
            f"{self.alike:,} ended in the same minute for the same reason with the same harm."
        )


def agreement(runs: int, cells: Iterable[Scenario] = CELLS) -> Agreement:
    """Play so many deployments of every strategy in these cells both ways."""
    pairs = [(played(RULES, rule, cell, runs), played(PRODUCT, rule, cell, runs)) for cell in cells for rule in PRODUCT]
    return Agreement(sum(alike(*pair) for pair in pairs), runs * len(pairs))


def played(rules: dict[str, Rule], rule: str, cell: Scenario, runs: int) -> Runs:
    """With the same dice every time."""
    return play(cell, rules[rule], runs, np.random.default_rng(SEED))


def alike(ours: Runs, theirs: Runs) -> int:
    """How many deployments went the same way."""
    same = (ours.end == theirs.end) & (ours.minute == theirs.minute) & (ours.harmed == theirs.harmed)
    return int(np.count_nonzero(same))
