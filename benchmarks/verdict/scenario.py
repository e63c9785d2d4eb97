"""What happens to a deployment: the traffic, and how blue and green answer it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

TRAFFIC = (1, 10, 100, 1000)
"""Requests per second."""
RATES = {
    0.0: (0.01, 0.05, 0.2, 1.0),
    0.001: (0.002, 0.01, 0.05, 0.2, 1.0),
    0.01: (0.02, 0.05, 0.2, 1.0),
}
"""Blue's error rate, and the rates of the bad greens it is compared with."""
OUTAGE_RATE = 0.5


@dataclass(frozen=True)
class Scenario:
    """
    One cell: requests per second, error rates, and minutes until a minute becomes visible.

    Green errs at its rate from minute `fails_from`, while its weight is `fails_above` or more, and at blue's
    otherwise. In a minute of outage (probability `outages`) half the requests of both versions fail. `burst_icc`
    correlates green's failures within a minute.
    """

    traffic: float
    blue: float
    green: float
    delay: int = 2
    fails_from: int = 0
    fails_above: float = 0.0
    outages: float = 0.0
    burst_icc: float = 0.0

    @property
    def identical(self) -> bool:
        """Green is as good as blue."""
        return self.green == self.blue

    @property
    def per_minute(self) -> float:
        """Requests in a minute."""
        return 60.0 * self.traffic

    def green_rate(self, minute: int, weight: float) -> float:
        """How green errs in a minute at a weight."""
        return self.green if minute >= self.fails_from and weight >= self.fails_above else self.blue

    def cell(self) -> str:
        """Traffic and rates in words."""
        return f"{self.traffic:g} req/s, {self.blue:.3g} -> {self.green:.3g}"


def grid() -> Iterator[Scenario]:
    """Every traffic with every pair of rates, the identical pair first."""
    for traffic in TRAFFIC:
        for blue, greens in RATES.items():
            for green in (blue, *greens):
                yield Scenario(traffic, blue, green)


def delays() -> Iterator[Scenario]:
    """The same at other delays, for three greens: identical, failing now and then, failing outright."""
    for minutes in (1, 3, 5):
        for traffic in (10, 1000):
            for green in (0.001, 0.05, 1.0):
                yield Scenario(traffic, 0.001, green, delay=minutes)


def late() -> Iterator[Scenario]:
    """Greens that begin to fail at minute 5, or at minute 10."""
    for minute in (5, 10):
        for traffic in (10, 1000):
            for green in (0.05, 1.0):
                yield Scenario(traffic, 0.001, green, fails_from=minute)


def heavy() -> Iterator[Scenario]:
    """Greens that fail only at a tenth of the traffic and more, or at half of it."""
    for weight in (0.1, 0.5):
        for traffic in (10, 1000):
            for green in (0.05, 1.0):
                yield Scenario(traffic, 0.001, green, fails_above=weight)


def outages() -> Iterator[Scenario]:
    """Identical greens, while something both versions need is down in one minute of ten."""
    for traffic in TRAFFIC:
        yield Scenario(traffic, 0.001, 0.001, outages=0.1)


def bursts() -> Iterator[Scenario]:
    """Identical greens on blues with 1 % errors, whose failures come in bursts."""
    for icc in (0.0002, 0.001, 0.005):
        for traffic in TRAFFIC:
            yield Scenario(traffic, 0.01, 0.01, burst_icc=icc)


GROUPS = {
    "grid": grid,
    "delays": delays,
    "late": late,
    "heavy": heavy,
    "outages": outages,
    "bursts": bursts,
}


def identical_to_blue(scenario: Scenario) -> Scenario:
    """The good green of the same cell."""
    return replace(scenario, green=scenario.blue)
