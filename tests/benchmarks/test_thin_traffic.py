"""What no schedule of weights can do at 1 req/s."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from benchmarks.verdict import thin
from benchmarks.verdict.rules import errors
from benchmarks.verdict.scenario import Scenario
from benchmarks.verdict.simulation import deployment
from bluegreen.verdict import Bucket

WEIGHTS = [0.2, 0.05, 0.05, 0.4, 0.3, 0.5, 0.9, 0.9, 0.1, 0.1]
FIGURES = Path(__file__).parents[2] / "docs" / "verdict-benchmark.json"


def back_at_the_first_failure(minute: int, weight: float, seen: Sequence[Bucket]) -> float | None:
    if any(errors(bucket).green.bad for bucket in seen):
        return None
    return WEIGHTS[minute] if minute < thin.PROMOTED_AT else 1.0


@pytest.mark.parametrize("rates", [(0.0, 0.05), (0.0, 0.2), (0.001, 0.002)])
def test_the_formula_for_what_is_harmed_is_what_the_simulation_counts(rates: tuple[float, float]) -> None:
    random = np.random.default_rng(1)
    runs = [
        deployment(Scenario(1, *rates), lambda per_minute, delay: back_at_the_first_failure, random).harmed
        for _ in range(4000)
    ]

    error = float(np.std(runs)) / len(runs) ** 0.5
    assert fmean(runs) == pytest.approx(thin.harmed(WEIGHTS, *rates), abs=4 * error)


def test_no_weights_give_everything_at_minute_ten_and_harm_less_than_every_peer() -> None:
    limits = thin.best_peers(FIGURES)
    least, weights = thin.least_harm(limits)

    assert all(thin.harmed(weights, *rates) <= 1.01 * limit for rates, limit in limits.items() if rates != thin.DOUBLED)
    assert least > limits[thin.DOUBLED]
